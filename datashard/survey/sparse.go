package survey

import (
	"context"
	"math"
	"strconv"

	"parley/datashard"
	"parley/internal/batch"
	"parley/internal/plan"
)

// Sparse is what is in rows that are features already.
type Sparse struct {
	Columns  int64   `json:"columns"` // up to the largest that occurs; all of a hashed format
	Used     int64   `json:"used"`    // columns that occur
	Hashed   bool    `json:"hashed"`
	Nonzeros int64   `json:"nonzeros"`
	Density  float64 `json:"density"` // share of all cells
	// MinRow, MeanRow and MaxRow are the nonzeros of a row.
	MinRow  int64   `json:"min_row"`
	MeanRow float64 `json:"mean_row"`
	MaxRow  int64   `json:"max_row"`
	// Least and Most are the values, 0 if there are none.
	Least float64 `json:"least"`
	Most  float64 `json:"most"`
	// Labels are the labels, PerRow the nonzeros of a row.
	Labels Column `json:"labels"`
	PerRow Column `json:"per_row"`
}

// sparseSums adds up rows that are features.
type sparseSums struct {
	out            Sparse
	rows           int64
	seen           []uint64 // bit set of columns
	labels, perRow *column
	text           []byte
}

// takeSparse reads the rows unit by unit: first what is bad among them, then the
// others, which Fit has kept where there is room.
func (s *Survey) takeSparse(ctx context.Context, d *datashard.Dataset, m *plan.Manifest) error {
	room := newBudget()
	sums := sparseSums{labels: newColumn("label", room), perRow: newColumn("nonzeros", room)}
	sums.out.Least, sums.out.Most = math.Inf(1), math.Inf(-1)
	bad := badRows{reasons: map[string]int64{}}
	for n := range plan.Units(len(m.Shards)) {
		unit := plan.Unit{Number: n}
		part, err := d.Fit(ctx, unit, math.MaxInt64)
		if err != nil {
			return err
		}
		if len(part.Bad) > 0 {
			with := *m
			for _, b := range part.Bad {
				bad.add(b)
				with.Bad = append(with.Bad, b.Row)
			}
			if err := d.Use(&with); err != nil {
				return err
			}
			m = &with
		}
		for _, shard := range unit.Shards(m) {
			rows, err := d.Load(ctx, shard.ID)
			if err != nil {
				return err
			}
			sums.add(rows, m)
		}
	}
	s.setBad(&bad)
	s.Sparse = sums.finish(m)
	return nil
}

func (s *sparseSums) add(rows *batch.CSR, m *plan.Manifest) {
	for i := range rows.Rows() {
		if m.IsBad(rows.FirstRow + int64(i)) {
			continue
		}
		from, to := rows.Offsets[i], rows.Offsets[i+1]
		s.rows++
		s.text = appendLabel(s.text[:0], rows.Labels[i])
		s.labels.add(s.text)
		s.text = strconv.AppendUint(s.text[:0], uint64(to-from), 10)
		s.perRow.add(s.text)
		s.out.Nonzeros += int64(to - from)
		for j, column := range rows.Columns[from:to] {
			s.note(column)
			x := float64(rows.Values[int(from)+j])
			s.out.Least, s.out.Most = min(s.out.Least, x), max(s.out.Most, x)
		}
	}
}

// appendLabel writes whole numbers without an exponent, so that they count as such.
func appendLabel(dst []byte, x float32) []byte {
	if whole := int64(x); float32(whole) == x && -1e15 < x && x < 1e15 {
		return strconv.AppendInt(dst, whole, 10)
	}
	return strconv.AppendFloat(dst, float64(x), 'g', -1, 32)
}

// note counts a column that is new.
func (s *sparseSums) note(column uint32) {
	word, bit := int(column/64), uint64(1)<<(column%64)
	if word >= len(s.seen) {
		s.seen = append(s.seen, make([]uint64, word+1+word/2-len(s.seen))...)
	}
	if s.seen[word]&bit == 0 {
		s.seen[word] |= bit
		s.out.Used++
		s.out.Columns = max(s.out.Columns, int64(column)+1)
	}
}

func (s *sparseSums) finish(m *plan.Manifest) *Sparse {
	out := s.out
	out.Hashed, out.Columns = m.Hashed, max(out.Columns, m.Columns)
	out.Labels, out.PerRow = s.labels.finish(), s.perRow.finish()
	if out.Nonzeros == 0 {
		out.Least, out.Most = 0, 0
	}
	if n := out.PerRow.Numbers; n != nil {
		out.MinRow, out.MeanRow, out.MaxRow = int64(n.Min), float64(out.Nonzeros)/float64(s.rows), int64(n.Max)
		out.Density = out.MeanRow / float64(max(1, out.Columns))
	}
	return &out
}
