package feature

import (
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"math"
	"math/big"
	"slices"

	"github.com/twmb/murmur3"

	"parley/internal/param"
)

// A marshalled Fit is, in uvarints, little-endian float64 and strings with their
// lengths before them: magic and version, the plan's fingerprint, the parts in the
// order of Fit's fields, and the CRC32C of all that. Everything is sorted.
const fitMagic = "PFIT\x01"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// fingerprint is a hash of all that the meaning of a Fit depends on.
func (p *Plan) fingerprint() uint64 {
	text, err := json.Marshal([]any{p.recipe, p.sparse, p.names, p.terms, p.limits, p.unique})
	if err != nil {
		panic("feature: a recipe is not JSON") // Compile lets finite numbers pass alone
	}
	return murmur3.Sum64(text)
}

// MarshalBinary writes f. Equal Fits have equal bytes.
func (f *Fit) MarshalBinary() ([]byte, error) {
	w := encoder{[]byte(fitMagic)}
	w.bytes = binary.LittleEndian.AppendUint64(w.bytes, f.plan.fingerprint())
	w.count(f.rows)
	w.count(f.nonzeros)
	w.count(f.largest + 1)
	w.count(int64(len(f.bad)))
	for _, code := range sortedKeys(f.bad) {
		w.text(code)
		w.count(f.bad[code])
	}
	f.labels.encode(&w)
	for i := range f.features {
		g := &f.features[i]
		g.moments.encode(&w)
		g.quantiles.encode(&w)
		g.dictionary.encode(&w)
		w.flag(g.coarse)
	}
	for i := range f.auto {
		f.auto[i].moments.encode(&w)
		w.flag(f.auto[i].names)
		f.auto[i].values.encode(&w)
	}
	for i := range f.columns {
		f.columns[i].encode(&w)
	}
	f.unique.encode(&w)
	if f.terms != nil {
		terms, err := f.terms.MarshalBinary()
		if err != nil {
			return nil, err
		}
		w.text(string(terms))
	}
	return binary.LittleEndian.AppendUint32(w.bytes, crc32.Checksum(w.bytes, castagnoli)), nil
}

// UnmarshalBinary replaces f, which NewFit of the same Plan made, by what
// MarshalBinary wrote. Its error is Corrupt if data is damaged, and Invalid if it
// belongs to another Plan; f is undefined then.
func (f *Fit) UnmarshalBinary(data []byte) error {
	r, err := openFit(data)
	if err != nil {
		return err
	}
	*f = *f.plan.NewFit()
	if r.fixed64() != f.plan.fingerprint() && !r.failed {
		return param.Errorf(param.Invalid, "the fit is of another plan: data and job must be the same everywhere")
	}
	f.rows, f.nonzeros, f.largest = r.count(), r.count(), r.count()-1
	for range r.length(2) {
		code := r.text()
		if f.bad[code] = r.count(); f.bad[code] == 0 {
			r.failed = true
		}
	}
	f.labels.decode(r)
	for i := range f.features {
		g := &f.features[i]
		g.moments.decode(r)
		g.quantiles.decode(r)
		g.dictionary.decode(r)
		g.coarse = r.flag()
		if parts := f.binding.Features[i].Parts; len(parts) > 1 {
			r.failed = r.failed || !g.dictionary.splits(len(parts))
		}
	}
	for i := range f.auto {
		f.auto[i].moments.decode(r)
		f.auto[i].names = r.flag()
		f.auto[i].values.decode(r)
	}
	for i := range f.columns {
		f.columns[i].decode(r)
	}
	f.unique.decode(r)
	if f.terms != nil {
		if err := f.terms.UnmarshalBinary([]byte(r.text())); err != nil {
			return err
		}
	}
	if r.failed || len(r.rest) != 0 || f.good() < 0 {
		return errDamaged
	}
	return nil
}

var errDamaged = param.Errorf(param.Corrupt, "the fit was damaged after it was written")

// openFit checks the frame of a marshalled Fit.
func openFit(data []byte) (*decoder, error) {
	n := len(data) - 4
	if n < len(fitMagic) || string(data[:len(fitMagic)]) != fitMagic {
		return nil, param.Errorf(param.Corrupt, "this is no fit, or one of another version")
	}
	if crc32.Checksum(data[:n], castagnoli) != binary.LittleEndian.Uint32(data[n:]) {
		return nil, errDamaged
	}
	return &decoder{rest: data[len(fitMagic):n]}, nil
}

// splits reports whether all names are combinations of a number of parts.
func (d *dictionary) splits(parts int) bool {
	for _, name := range d.names {
		ok := true
		for range parts {
			if _, name, ok = cutPart(name); !ok {
				return false
			}
		}
		if name != "" {
			return false
		}
	}
	return true
}

func (s *spot) encode(w *encoder) {
	w.count(s.row)
	w.count(int64(s.file))
	w.count(s.line)
}

func (s *spot) decode(r *decoder) { s.row, s.file, s.line = r.count(), int(r.count()), r.count() }

func (e *example) encode(w *encoder) {
	w.text(e.text)
	e.at.encode(w)
}

func (e *example) decode(r *decoder) {
	e.text = r.text()
	e.at.decode(r)
}

func (l *labelFit) encode(w *encoder) {
	w.flag(l.more)
	w.flag(l.many)
	l.number1.encode(w)
	l.name1.encode(w)
	numbers := make([]uint32, 0, len(l.numbers))
	for b := range l.numbers {
		numbers = append(numbers, b)
	}
	slices.Sort(numbers)
	w.count(int64(len(numbers)))
	for _, b := range numbers {
		w.count(int64(b))
		w.label(l.numbers[b])
	}
	w.count(int64(len(l.names)))
	for _, name := range sortedKeys(l.names) {
		w.text(name)
		w.label(l.names[name])
	}
}

func (l *labelFit) decode(r *decoder) {
	l.more, l.many = r.flag(), r.flag()
	l.number1.decode(r)
	l.name1.decode(r)
	n := r.length(4)
	r.failed = r.failed || n > MaxLabels
	for range n {
		bits := r.count()
		value := math.Float32frombits(uint32(bits))
		if r.failed || bits > math.MaxUint32 || tooLarge(float64(value)) {
			r.failed = true
			return
		}
		l.numbers[uint32(bits)] = r.label()
	}
	n = r.length(4)
	r.failed = r.failed || n > maxClasses
	for range n {
		name := r.text()
		l.names[name] = r.label()
	}
	if l.more {
		r.failed = r.failed || len(l.numbers) > 0
		l.numbers = nil
	}
	if l.many {
		r.failed = r.failed || len(l.names) > 0
		l.names = nil
	}
}

func (m *momentFit) encode(w *encoder) {
	w.count(m.present)
	w.count(m.missing)
	w.sum(&m.total)
	w.sum(&m.squares)
}

func (m *momentFit) decode(r *decoder) {
	m.present, m.missing = r.count(), r.count()
	r.sum(&m.total)
	r.sum(&m.squares)
}

func (q *quantiles) encode(w *encoder) {
	values, counts := q.sorted()
	w.flag(q.coarse)
	w.count(int64(len(values)))
	for i, v := range values {
		w.float(v)
		w.count(counts[i])
	}
}

func (q *quantiles) decode(r *decoder) {
	q.coarse = r.flag()
	n := r.length(9)
	r.failed = r.failed || !q.coarse && n > maxExact
	for range n {
		x, count := r.float(), r.count()
		if r.failed || !finite(x) || count == 0 || q.coarse && onGrid(math.Float64bits(x)) != math.Float64bits(x) {
			r.failed = true
			return
		}
		q.add(x, count)
	}
}

func (d *dictionary) encode(w *encoder) {
	w.flag(d.full)
	w.count(int64(len(d.names)))
	for _, i := range d.sorted() {
		w.text(d.names[i])
		w.count(d.counts[i])
	}
}

func (d *dictionary) decode(r *decoder) {
	full := r.flag()
	n := r.length(2)
	r.failed = r.failed || n > d.limit || full && n > 0
	for range n {
		name := r.text()
		d.add([]byte(name), r.count())
		if r.failed {
			return
		}
	}
	r.failed = r.failed || len(d.names) != n
	if full {
		d.forget()
	}
}

func (c *columnFit) encode(w *encoder) {
	w.count(c.missing)
	w.count(c.numbers)
	w.float(c.least)
	w.float(c.most)
	w.sum(&c.total)
}

func (c *columnFit) decode(r *decoder) {
	c.missing, c.numbers, c.least, c.most = r.count(), r.count(), r.float(), r.float()
	r.sum(&c.total)
}

func (u *uniqueFit) encode(w *encoder) {
	slices.Sort(u.codes)
	w.flag(u.overflow)
	w.count(int64(len(u.codes)))
	before := uint64(0)
	for _, code := range u.codes {
		w.bytes = binary.AppendUvarint(w.bytes, code-before)
		before = code
	}
}

func (u *uniqueFit) decode(r *decoder) {
	u.overflow = r.flag()
	n := r.length(1)
	r.failed = r.failed || n > maxUnique || u.overflow && n > 0
	if r.failed {
		return
	}
	u.codes = make([]uint64, n)
	before := uint64(0)
	for i := range u.codes {
		next := before + r.uvarint()
		r.failed = r.failed || next < before
		u.codes[i], before = next, next
	}
}

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
