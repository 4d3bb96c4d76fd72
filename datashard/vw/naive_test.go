package vw

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/murmur3"

	"parley/internal/batch"
)

// naive parses text the simple way: what Parser.Parse must equal. bad has the
// numbers of the malformed rows, starts the offsets of all.
func naive(text string, bits int, unlabeled bool) (rows *batch.CSR, bad []int, starts []uint32) {
	rows = &batch.CSR{Offsets: []uint32{0}}
	weights, weighted := []float32{}, false
	at := 0
	for _, line := range strings.SplitAfter(text, "\n") {
		start := at
		at += len(line)
		if strings.Trim(strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"), " \t") == "" {
			continue
		}
		starts = append(starts, uint32(start))
		label, weight, features, ok := naiveRow(strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"), bits, unlabeled)
		if !ok {
			bad = append(bad, rows.Rows())
			label, weight, features = 0, 1, nil
		}
		for _, f := range features {
			rows.Columns, rows.Values = append(rows.Columns, f.column), append(rows.Values, f.value)
		}
		weights, weighted = append(weights, weight), weighted || weight != 1
		rows.Labels, rows.Offsets = append(rows.Labels, label), append(rows.Offsets, uint32(len(rows.Columns)))
	}
	if weighted {
		rows.Weights = weights
	}
	return rows, bad, starts
}

type feature struct {
	column uint32
	value  float32
}

func naiveRow(line string, bits int, unlabeled bool) (label, weight float32, features []feature, ok bool) {
	parts := strings.Split(line, "|")
	if len(parts) == 1 || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\t' }) {
		return 0, 0, nil, false
	}
	// An x behind the head joins its last word if that touches the bar.
	words, tail := words(parts[0]), words(strings.TrimLeft(parts[0], " \t")+"x")
	touches := len(tail) == len(words) && len(words) > 0
	if n := len(words); touches || n > 0 && words[n-1][0] == '\'' {
		words = words[:n-1]
	}
	label, weight = 0, 1
	var err1, err2 error
	switch len(words) {
	case 0:
		ok = unlabeled
	case 2:
		weight, err2 = naiveNumber(words[1])
		fallthrough
	case 1:
		label, err1 = naiveNumber(words[0])
		ok = err1 == nil && err2 == nil && weight >= 0
	}
	if !ok || strings.Contains(strings.Trim(parts[0], " \t"), "\t") {
		return 0, 0, nil, false
	}
	for _, part := range parts[1:] {
		more, ok := naiveSpace(part)
		if !ok {
			return 0, 0, nil, false
		}
		features = append(features, more...)
	}
	features, ok = naiveMerge(features, bits)
	return label, weight, features, ok
}

func naiveSpace(part string) (features []feature, ok bool) {
	space, scale := uint32(0), float32(1)
	tokens := words(part)
	if part != "" && part[0] != ' ' && part[0] != '\t' {
		name, weight, colon := strings.Cut(tokens[0], ":")
		if colon {
			var err error
			if scale, err = naiveNumber(weight); err != nil {
				return nil, false
			}
		}
		if name == "" {
			return nil, false
		}
		space, tokens = naiveHash(name, 0), tokens[1:]
	}
	for _, token := range tokens {
		name, text, colon := strings.Cut(token, ":")
		value, err := float32(1), error(nil)
		if colon {
			value, err = naiveNumber(text)
		}
		value *= scale
		if name == "" || err != nil || math.IsInf(float64(value), 0) {
			return nil, false
		}
		features = append(features, feature{naiveHash(name, space), value})
	}
	return features, true
}

func naiveMerge(features []feature, bits int) (merged []feature, ok bool) {
	for i := range features {
		features[i].column &= 1<<bits - 1
	}
	slices.SortStableFunc(features, func(a, b feature) int { return cmp.Compare(a.column, b.column) })
	for _, f := range features {
		if n := len(merged); n > 0 && merged[n-1].column == f.column {
			merged[n-1].value += f.value
			if math.IsInf(float64(merged[n-1].value), 0) {
				return nil, false
			}
		} else {
			merged = append(merged, f)
		}
	}
	return merged, true
}

func naiveHash(name string, seed uint32) uint32 {
	if strings.Trim(name, "0123456789") != "" {
		return murmur3.SeedStringSum32(seed, name)
	}
	n := uint64(0)
	for _, digit := range name {
		n = 10*n + uint64(digit-'0')
	}
	return uint32(n + uint64(seed))
}

func naiveNumber(s string) (float32, error) {
	if strings.ContainsAny(s, "_xXpPnN") { // of nan and inf too
		return 0, errors.New("no decimal number")
	}
	v, err := strconv.ParseFloat(s, 32)
	return float32(v), err
}

func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\t' })
}
