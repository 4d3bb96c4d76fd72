package rpc

import (
	"parley/internal/metric"
	"parley/internal/param"
	parleyv1 "parley/proto/parley/v1"
)

// Summary packs the statistics of an evaluation into a message.
func Summary(s *metric.Summary) *parleyv1.Summary {
	m := &parleyv1.Summary{Kind: string(s.Kind), Bits: int32(s.Bits), Rows: s.Rows, Unknown: s.Unknown, Loss: s.Loss, Weight: s.Weight,
		TruePositive: s.TruePositive, FalsePositive: s.FalsePositive, TrueNegative: s.TrueNegative, FalseNegative: s.FalseNegative,
		Positives: s.Scores.Positives, Negatives: s.Scores.Negatives,
		Mean: s.Mean, M2: s.M2, SquaredError: s.SquaredError, AbsoluteError: s.AbsoluteError, Deviance: s.Deviance, Exposure: s.Exposure, Counted: s.Counted, CountedLog: s.CountedLog, Confusion: s.Confusion}
	for _, b := range s.Calibration {
		m.BinRows, m.BinPositives, m.BinSums = append(m.BinRows, b.Rows), append(m.BinPositives, b.Positives), append(m.BinSums, b.Sum)
	}
	m.Images = make([]uint32, len(s.Scores.Images))
	last := uint32(0)
	for i, image := range s.Scores.Images {
		m.Images[i], last = image-last, image
	}
	return m
}

// FromSummary is the inverse of Summary. The error is Invalid when the counts do
// not go with the scores, or the bins with each other.
func FromSummary(m *parleyv1.Summary) (*metric.Summary, error) {
	n := len(m.GetImages())
	if len(m.GetPositives()) != n || len(m.GetNegatives()) != n {
		return nil, param.Errorf(param.Invalid, "summary: %d scores with %d and %d counts", n, len(m.GetPositives()), len(m.GetNegatives()))
	}
	bins := len(m.GetBinRows())
	if len(m.GetBinPositives()) != bins || len(m.GetBinSums()) != bins {
		return nil, param.Errorf(param.Invalid, "summary: %d bins with %d and %d sums", bins, len(m.GetBinPositives()), len(m.GetBinSums()))
	}
	s := &metric.Summary{Kind: metric.Kind(m.GetKind()), Bits: int(m.GetBits()), Rows: m.GetRows(), Unknown: m.GetUnknown(), Loss: m.GetLoss(), Weight: m.GetWeight(),
		TruePositive: m.GetTruePositive(), FalsePositive: m.GetFalsePositive(), TrueNegative: m.GetTrueNegative(), FalseNegative: m.GetFalseNegative(),
		Mean: m.GetMean(), M2: m.GetM2(), SquaredError: m.GetSquaredError(), AbsoluteError: m.GetAbsoluteError(), Deviance: m.GetDeviance(), Exposure: m.GetExposure(), Counted: m.GetCounted(), CountedLog: m.GetCountedLog(), Confusion: m.GetConfusion()}
	for i, rows := range m.GetBinRows() {
		s.Calibration = append(s.Calibration, metric.Bin{Rows: rows, Positives: m.GetBinPositives()[i], Sum: m.GetBinSums()[i]})
	}
	s.Scores.Positives, s.Scores.Negatives = m.GetPositives(), m.GetNegatives()
	s.Scores.Images = make([]uint32, n)
	last := uint32(0)
	for i, d := range m.GetImages() {
		last += d
		s.Scores.Images[i] = last
	}
	return s, nil
}
