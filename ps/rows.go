package ps

// rows is a table of values alone. Keys that were never written are as they begin.
type rows interface {
	table
	// write sets all slots of some keys.
	write(offsets []uint32, src []float32)
}

// flatKeys is the span from which on memory for every key is not spent at once.
const flatKeys = 1 << 22

func newRows(spec Spec, slots int) rows {
	n := spec.Span.Len()
	if n > flatKeys {
		p := newPages(n, slots)
		if spec.Initial != nil {
			p.draw = spec.draw
		}
		return p
	}
	return newDrawn(spec, slots)
}

// newDrawn returns a flat table with the initial weights.
func newDrawn(spec Spec, slots int) *flat {
	f := newFlat(spec.Span.Len(), slots)
	spec.draw(f.state[:f.n], 0)
	return f
}

// flat has the values of all keys of a span in one slot-major array.
type flat struct {
	n     int
	state []float32
}

func newFlat(n, slots int) *flat { return &flat{n: n, state: make([]float32, n*slots)} }

func (f *flat) read(dst []float32, offsets []uint32) { gather(dst, f.state, f.n, offsets) }

func (f *flat) write(offsets []uint32, src []float32) { scatter(f.state, f.n, offsets, src) }

func (f *flat) weights(dst []float32) []float32 { return append(dst, f.state[:f.n]...) }

func (f *flat) setWeights(w []float32) { copy(f.state, w) }

func (f *flat) keep(s *Snapshot) {
	s.Offsets = nil
	s.State = resize(s.State, len(f.state))
	copy(s.State, f.state)
}

func (f *flat) load(s *Snapshot) {
	if s.Offsets == nil {
		copy(f.state, s.State)
		return
	}
	f.write(s.Offsets, s.State)
}
