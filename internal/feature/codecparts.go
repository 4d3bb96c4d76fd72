package feature

import (
	"encoding/binary"
	"math"
	"slices"
)

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
	w.float(float64(l.least.value))
	l.least.at.encode(w)
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
	l.least.value = float32(r.float())
	l.least.at.decode(r)
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
		if r.failed || tooLarge(x) || count == 0 || q.coarse && onGrid(math.Float64bits(x)) != math.Float64bits(x) {
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
