package ps

import (
	"math"
	"slices"

	"parley/internal/linalg"
	"parley/ps/optim"
)

// What a panelTable is as a snapshot and as a handover: see docs/formats/range.md.

// lanczosMemory returns the float64s that a range keeps beside its keys.
func lanczosMemory(l *optim.Lanczos, first bool) int {
	n := 3 + 2*l.Topics
	if first {
		n += l.Basis*l.Block + l.Block*l.Block + l.Basis*l.Basis + optim.ProgressWords
	}
	return n
}

func (t *panelTable) keep(s *Snapshot) {
	l := t.method
	s.Offsets = nil
	s.State = append(s.State[:0], t.found...)
	s.State = append(s.State, t.basis...)
	s.State = linalg.AppendWords(s.State, t.work)
	rest := t.rows*l.Topics*l.Slots() - len(s.State)
	s.State = append(s.State, make([]float32, rest)...)
	memory := []float64{float64(t.stage), float64(t.m), float64(t.near)}
	for _, x := range t.measured {
		memory = append(memory, x.Value, x.Residual)
	}
	if t.first {
		memory = slices.Concat(memory, t.kept.h, t.kept.r, t.kept.t, t.kept.progress)
	}
	s.Memory = linalg.AppendWords(nil, memory)
}

func (t *panelTable) load(s *Snapshot) {
	l := t.method
	memory := linalg.FromWords(nil, s.Memory)
	t.stage, t.m, t.near = int(memory[0]), int(memory[1]), int(memory[2])
	memory = memory[3:]
	for i := range t.measured {
		t.measured[i] = optim.Triplet{Value: memory[2*i], Residual: memory[2*i+1]}
	}
	if t.first {
		memory = memory[copy(t.kept.h, memory[2*l.Topics:])+2*l.Topics:]
		memory = memory[copy(t.kept.r, memory):]
		memory = memory[copy(t.kept.t, memory):]
		copy(t.kept.progress, memory)
	}
	rest := s.State[copy(t.found, s.State):]
	width := 0
	switch t.stage {
	case optim.Iterates:
		rest = rest[copy(t.basis, rest):]
		width = l.Block
	case optim.Measures:
		t.basis, width = nil, l.Topics
	default:
		t.basis = nil
	}
	t.work = linalg.FromWords(nil, rest[:2*t.rows*width])
	t.version = s.Version
	t.tails[0] = t.tail()
}

// panelFits reports whether what stands in a snapshot's memory is of the method.
func panelFits(l *optim.Lanczos, s *Snapshot) bool {
	head := linalg.FromWords(nil, s.Memory[:6])
	stage, m, near := head[0], head[1], head[2]
	return (stage == optim.Iterates || stage == optim.Measures || stage == optim.Ended) && m >= 0 && m <= float64(l.Basis) && m == math.Trunc(m) && near >= 0 && near <= m && near == math.Trunc(near)
}

// sum is what worker 0 has pushed; what has been added to W is in the state.
func (t *panelTable) sum() Sum {
	return Sum{Offsets: []uint32{}, Counts: []uint32{}, Values: linalg.AppendWords([]float32{}, t.pushed)}
}

func (t *panelTable) sumFits(s *Sum) bool {
	n := len(s.Values)
	return len(s.Offsets)+len(s.Counts) == 0 && (n == 0 || s.Workers > 0 && t.fits(&Push{Change: s.Values}))
}

// undo is the tail, behind the number of its values that all workers are told.
func (t *panelTable) undo() *Undo {
	return &Undo{Values: append(linalg.AppendWords(nil, []float64{float64(t.tails[1].common)}), t.tails[1].values...)}
}

func (t *panelTable) undoFits(u *Undo) bool {
	if u.Offsets != nil || len(u.Values) < 2 {
		return false
	}
	common := linalg.FromWords(nil, u.Values[:2])[0]
	return common >= 0 && common <= float64(len(u.Values)-2) && common == math.Trunc(common)
}

func (t *panelTable) resume(sum *Sum, undo *Undo) {
	if len(sum.Values) > 0 {
		t.pushed = linalg.FromWords(nil, sum.Values)
	}
	if undo != nil {
		t.tails[1] = panelTail{slices.Clone(undo.Values[2:]), int(linalg.FromWords(nil, undo.Values[:2])[0])}
	}
}
