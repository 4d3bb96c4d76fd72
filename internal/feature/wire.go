package feature

import (
	"encoding/binary"
	"math"
	"math/big"
)

// encoder appends values to bytes.
type encoder struct{ bytes []byte }

func (w *encoder) count(n int64) { w.bytes = binary.AppendUvarint(w.bytes, uint64(n)) }

func (w *encoder) flag(b bool) {
	if b {
		w.count(1)
	} else {
		w.count(0)
	}
}

func (w *encoder) text(s string) {
	w.count(int64(len(s)))
	w.bytes = append(w.bytes, s...)
}

func (w *encoder) float(x float64) {
	w.bytes = binary.LittleEndian.AppendUint64(w.bytes, math.Float64bits(x))
}

func (w *encoder) label(c *labelCount) {
	w.count(c.rows)
	c.first.encode(w)
}

func (w *encoder) sum(s *sum) {
	units := s.units()
	w.flag(units.Sign() < 0)
	w.text(string(units.Bytes()))
}

// decoder cuts values off bytes. After the first that is wrong, failed is set and
// all others are 0.
type decoder struct {
	rest   []byte
	failed bool
}

func (r *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 || n > 1 && r.rest[n-1] == 0 { // one form alone
		r.failed = true
	}
	if r.failed {
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *decoder) count() int64 {
	v := r.uvarint()
	if v > math.MaxInt64>>1 {
		r.failed = true
		return 0
	}
	return int64(v)
}

// length returns a number of elements of at least so many bytes each.
func (r *decoder) length(bytes int) int {
	n := r.count()
	if n > int64(len(r.rest)/bytes) {
		r.failed = true
		return 0
	}
	return int(n)
}

func (r *decoder) flag() bool {
	v := r.uvarint()
	r.failed = r.failed || v > 1
	return v == 1
}

func (r *decoder) cut(n int) []byte {
	if r.failed || n > len(r.rest) {
		r.failed = true
		return nil
	}
	out := r.rest[:n]
	r.rest = r.rest[n:]
	return out
}

func (r *decoder) text() string { return string(r.cut(r.length(1))) }

func (r *decoder) fixed64() uint64 {
	if b := r.cut(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *decoder) float() float64 { return math.Float64frombits(r.fixed64()) }

func (r *decoder) label() *labelCount {
	c := &labelCount{rows: r.count()}
	c.first.decode(r)
	return c
}

func (r *decoder) sum(s *sum) {
	negative, units := r.flag(), []byte(r.text())
	total := new(big.Int).SetBytes(units)
	if len(units) > 0 && units[0] == 0 || negative && len(units) == 0 {
		r.failed = true
	}
	if negative {
		total.Neg(total)
	}
	if !s.setUnits(total) {
		r.failed = true
	}
}
