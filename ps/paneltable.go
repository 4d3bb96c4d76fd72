package ps

import (
	"math"
	"slices"

	"parley/internal/linalg"
	"parley/internal/param"
	"parley/ps/optim"
)

// panelTable is the state of a range under optim.Lanczos, which tells what the
// rounds are. Its keys are the topics of columns: row i of its matrices is of the
// keys i*Topics to (i+1)*Topics-1. Pulls and pushes name no keys. A pull is
// answered with
//
//	whether it is over, stage, columns of the basis, near columns; as words
//	before a round of phase 0: the panel; else, for worker 0 alone, as words:
//	the number of parts and the parts of the range's leaves (linalg.TreeSum.Append),
//	and what the first range keeps for worker 0
//
// In phase 0 all workers push AᵀA·P, after it worker 0 pushes optim.Lanczos.Answer
// and the others nothing.
type panelTable struct {
	method  *optim.Lanczos
	rows    int // of the matrices
	columns int // as many of the rows are of columns of the data; the rest stays 0
	values  int // the row of the singular values, if it is one of the range's
	lowest  int // the first row's number
	first   bool

	stage    int
	m, near  int       // columns of the basis, and how many of the last are near
	basis    []float32 // rows × method.Basis, of which m columns are used
	work     []float64 // rows × Block; when measuring, rows × Topics
	found    []float32 // rows × Topics: X
	measured []optim.Triplet
	kept     kept      // of the first range
	pushed   []float64 // what worker 0 has pushed to the round

	version param.Version
	tails   [2]panelTail // of the version, and of the one before
}

// kept is what the first range keeps for worker 0.
type kept struct {
	h []float64 // H of phase 1
	r []float64 // R of phase 2
	t []float64 // Basis × Basis, of which m columns and rows are used
	// progress is worker 0's own.
	progress []float64
}

// panelTail is what pulls of a version are answered with.
type panelTail struct {
	values []float32 // for worker 0
	common int       // of these, for the others
}

func newPanelTable(spec Spec) *panelTable {
	l := spec.Lanczos
	k := l.Topics
	t := &panelTable{method: l, rows: spec.Span.Len() / k, columns: spec.penalized() / k, lowest: int(spec.Span.Lo) / k, first: spec.Span.Lo == 0}
	t.values = int(spec.Penalized)/k - t.lowest
	t.basis = make([]float32, t.rows*l.Basis)
	t.work = make([]float64, t.rows*l.Block)
	t.found = make([]float32, t.rows*k)
	t.measured = make([]optim.Triplet, k)
	if t.first {
		t.kept = kept{h: make([]float64, l.Basis*l.Block), r: make([]float64, l.Block*l.Block), t: make([]float64, l.Basis*l.Basis), progress: make([]float64, optim.ProgressWords)}
	}
	t.tails[0] = t.tail()
	return t
}

// begin returns the random panel that the method begins with.
func (t *panelTable) begin() []float32 {
	b := t.method.Block
	panel := make([]float32, t.rows*b)
	for i := range t.columns * b {
		z := linalg.Mix(linalg.Mix(t.method.Seed) ^ uint64(t.lowest*b+i))
		panel[i] = float32(int32(z>>32)) * 0x1p-31
	}
	return panel
}

// tail makes the tail of the version that the table has reached.
func (t *panelTable) tail() panelTail {
	over := 0.0
	if t.stage == optim.Ended {
		over = 1
	}
	values := linalg.AppendWords(nil, []float64{over, float64(t.stage), float64(t.m), float64(t.near)})
	if t.stage == optim.Ended {
		return panelTail{values, len(values)}
	}
	if t.phase() == 0 {
		values = append(values, t.panel()...)
		return panelTail{values, len(values)}
	}
	common := len(values)
	if t.stage == optim.Measures && t.phase() == optim.PhaseRounds-1 {
		return panelTail{values, common}
	}
	parts := t.parts()
	values = linalg.AppendWords(values, append([]float64{float64(len(parts))}, parts...))
	if t.first {
		values = linalg.AppendWords(values, t.forWorker0())
	}
	return panelTail{values, common}
}

// panel returns what workers multiply in this epoch.
func (t *panelTable) panel() []float32 {
	b, basis := t.method.Block, t.method.Basis
	switch {
	case t.stage == optim.Measures:
		return t.found
	case t.m == 0:
		return t.begin()
	}
	panel := make([]float32, 0, t.rows*b)
	for r := range t.rows {
		panel = append(panel, t.basis[r*basis+t.m-b:r*basis+t.m]...)
	}
	return panel
}

// forWorker0 returns what the first range keeps for worker 0's answer.
func (t *panelTable) forWorker0() []float64 {
	if t.stage == optim.Measures || t.phase() == 1 {
		return nil
	}
	n := t.method.Basis
	if t.phase() == 2 {
		largest := 0.0
		for i := range t.m {
			largest = max(largest, t.kept.t[i*n+i])
		}
		return []float64{largest}
	}
	words := slices.Concat(t.kept.r, t.kept.progress)
	if t.method.Looks(t.m, int(t.version)/optim.PhaseRounds, t.kept.progress[optim.ProgressWords-1]) {
		for i := range t.m {
			words = append(words, t.kept.t[i*n:i*n+t.m]...)
		}
	}
	return words
}

// parts returns the parts of the sum of the terms of the range's rows.
func (t *panelTable) parts() []float64 {
	terms := t.method.Terms(t.stage, t.phase(), t.m, t.near)
	leaf, sum := make([]float64, terms), linalg.NewTreeSum(terms)
	for lo := 0; lo < t.rows; lo += optim.LanczosLeaf {
		clear(leaf)
		t.addTerms(leaf, lo, min(t.rows, lo+optim.LanczosLeaf))
		sum.Add((t.lowest+lo)/optim.LanczosLeaf, leaf)
	}
	return sum.Append(nil)
}

// addTerms adds the terms of rows lo to hi-1.
func (t *panelTable) addTerms(terms []float64, lo, hi int) {
	b, k, basis := t.method.Block, t.method.Topics, t.method.Basis
	if t.stage == optim.Measures {
		w, x := t.work[lo*k:hi*k], t.found[lo*k:hi*k]
		if t.phase() == 1 {
			linalg.AddMulTransposed(terms[:k*k], x, k, k, w, k)
			linalg.AddMulTransposed(terms[k*k:], x, k, k, linalg.Doubles(x), k)
			return
		}
		for i, v := range x {
			at, y := i%k, float64(v)
			terms[at] += float64(y * y)
			terms[k+at] += float64(y * w[i])
			terms[2*k+at] += float64(w[i] * w[i])
			terms[3*k+at] += float64(float64(y*y) * y)
		}
		return
	}
	w := t.work[lo*b : hi*b]
	if from := t.from(); from < t.m {
		n := t.m - from
		linalg.AddMulTransposed(terms[:n*b], t.basis[lo*basis+from:], basis, n, w, b)
		terms = terms[n*b:]
	}
	if t.phase() > 1 {
		linalg.AddMulTransposed(terms, w, b, b, w, b)
	}
}

// from returns the first column of the basis that W is multiplied by.
func (t *panelTable) from() int { return []int{t.m, t.m - t.near, 0, t.m}[t.phase()] }

func (t *panelTable) answer(w param.Worker, before bool) []float32 {
	tail := t.tails[0]
	if before {
		tail = t.tails[1]
	}
	if w == 0 {
		return tail.values
	}
	return tail.values[:tail.common]
}

// fits reports whether a contribution is one to the round.
func (t *panelTable) fits(p *Push) bool {
	switch {
	case len(p.Offsets) > 0:
		return false
	case t.stage == optim.Ended:
		return len(p.Change) == 0
	case t.phase() == 0:
		return len(p.Change) == t.rows*t.method.Width(t.stage)
	case p.Worker > 0 || t.stage == optim.Measures && t.phase() == optim.PhaseRounds-1:
		return len(p.Change) == 0
	}
	answer := linalg.FromWords(nil, p.Change)
	return len(p.Change)%2 == 0 && len(answer) == t.answers(answer) && !slices.ContainsFunc(answer, func(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) })
}

// numbers returns the products of phase 0; answers were looked at by fits.
func (t *panelTable) numbers(p *Push) []float32 {
	if t.phase() == 0 {
		return p.Change
	}
	return nil
}

// answers returns how long worker 0's answer must be.
func (t *panelTable) answers(answer []float64) int {
	b, k, m := t.method.Block, t.method.Topics, t.m
	switch {
	case t.stage == optim.Measures && t.phase() == 1:
		return k * k
	case t.stage == optim.Measures:
		return 4 * k
	case t.phase() == 1:
		return t.near * b
	case t.phase() == 2:
		return m*b + 2*b*b
	case len(answer) == 0:
		return -1
	}
	head := 1 + optim.ProgressWords
	switch answer[0] {
	case optim.Extend:
		return head + b*b
	case optim.Restart:
		return head + b*b + (m+1)*t.method.Kept()
	case optim.Finish:
		return head + b*b + (m+1)*k
	}
	return -1
}

func (t *panelTable) add(p *Push) {
	if t.phase() == 0 && t.stage != optim.Ended {
		if p.Worker == 0 {
			t.work = append(t.work[:0], make([]float64, len(p.Change))...)
		}
		linalg.AddSingles(t.work, p.Change)
	} else if p.Worker == 0 {
		t.pushed = linalg.FromWords(nil, p.Change)
	}
	p.release()
}

func (t *panelTable) apply(round optim.Round, _ int) {
	t.tails[1] = t.tails[0]
	switch {
	case t.stage == optim.Ended || t.phase() == 0:
	case t.stage == optim.Measures:
		t.measure()
	case t.phase() == 1:
		t.subtract(t.pushed)
		if t.first {
			clear(t.kept.h)
			copy(t.kept.h[(t.m-t.near)*t.method.Block:], t.pushed)
		}
	case t.phase() == 2:
		t.orthonormalize()
	default:
		t.decided()
	}
	t.pushed = nil
	t.version = param.Version(round.Number + 1)
	t.tails[0] = t.tail()
}

// phase returns that of the round that is gathered.
func (t *panelTable) phase() int { return int(t.version % optim.PhaseRounds) }

// subtract takes V·h out of W, for the columns of the phase.
func (t *panelTable) subtract(h []float64) {
	from := t.from()
	if from == t.m || t.rows == 0 {
		return
	}
	negative := make([]float64, (t.m-from)*t.method.Block)
	for i := range negative {
		negative[i] = -h[i]
	}
	linalg.AddMul(t.work, t.basis[from:], t.method.Basis, t.m-from, negative, t.method.Block)
}

// times replaces W by W·s.
func (t *panelTable) times(s []float64, n int) {
	product := make([]float64, len(t.work))
	linalg.AddMul(product, t.work, n, n, s, n)
	t.work = product
}

func (t *panelTable) orthonormalize() {
	b, m, n := t.method.Block, t.m, t.method.Basis
	h, s, r := t.pushed[:m*b], t.pushed[m*b:(m+b)*b], t.pushed[(m+b)*b:]
	t.subtract(h)
	t.times(s, b)
	if !t.first {
		return
	}
	copy(t.kept.r, r)
	if m == 0 {
		return
	}
	from := m - b // the panel's columns
	for i := range m {
		for j := range b {
			x := t.kept.h[i*b+j] + h[i*b+j]
			if i >= from { // within the panel, which is symmetric but for rounding
				x = float64((x + t.kept.h[(from+j)*b+i-from] + h[(from+j)*b+i-from]) * 0.5)
			}
			t.kept.t[i*n+from+j], t.kept.t[(from+j)*n+i] = x, x
		}
	}
}

func (t *panelTable) decided() {
	b, k := t.method.Block, t.method.Topics
	const head = 1 + optim.ProgressWords
	decision, s, rest := t.pushed[0], t.pushed[head:head+b*b], t.pushed[head+b*b:]
	if t.first {
		copy(t.kept.progress, t.pushed[1:])
	}
	if decision == optim.Finish {
		t.found = t.combine(rest, k)
		t.stage, t.m, t.near = optim.Measures, 0, 0
		t.basis, t.work = nil, make([]float64, t.rows*k)
		return
	}
	if decision == optim.Restart {
		t.restart(rest, t.method.Kept())
	}
	t.times(s, b)
	for r := range t.rows {
		for j, x := range t.work[r*b : (r+1)*b] {
			t.basis[r*t.method.Basis+t.m+j] = float32(x)
		}
	}
	t.m += b
	t.near = min(t.m, 2*b)
	if decision == optim.Restart {
		t.near = t.m
	}
}

// combine returns n combinations of the basis.
func (t *panelTable) combine(y []float64, n int) []float32 {
	out, leaf := make([]float32, t.rows*n), make([]float64, optim.LanczosLeaf*n)
	for lo := 0; lo < t.rows; lo += optim.LanczosLeaf {
		hi := min(t.rows, lo+optim.LanczosLeaf)
		part := leaf[:(hi-lo)*n]
		clear(part)
		linalg.AddMul(part, t.basis[lo*t.method.Basis:], t.method.Basis, t.m, y[:t.m*n], n)
		for i, x := range part {
			out[lo*n+i] = float32(x)
		}
	}
	return out
}

func (t *panelTable) restart(rest []float64, n int) {
	basis := t.method.Basis
	kept := t.combine(rest, n)
	for r := range t.rows {
		copy(t.basis[r*basis:(r+1)*basis], kept[r*n:(r+1)*n])
	}
	values := rest[t.m*n:]
	t.m = n
	if t.first {
		clear(t.kept.t)
		for i, v := range values {
			t.kept.t[i*basis+i] = v
		}
	}
}

func (t *panelTable) measure() {
	k := t.method.Topics
	switch t.phase() {
	case 1:
		rotated := make([]float64, len(t.found))
		linalg.AddMul(rotated, t.found, k, k, t.pushed, k)
		t.found = linalg.Singles(rotated)
		t.times(t.pushed, k)
	case 2:
		var turned []bool
		t.measured, turned = t.method.Measured(t.pushed)
		for i := range t.found {
			if turned[i%k] {
				t.found[i] = -t.found[i]
			}
		}
	default:
		t.stage = optim.Ended
		t.work = nil
	}
}

func (t *panelTable) read([]float32, []uint32) {}

func (t *panelTable) before([]float32, []uint32) {}

// weights are X, and behind the last column the singular values and the residuals.
func (t *panelTable) weights(dst []float32) []float32 {
	dst = append(dst, t.found[:t.columns*t.method.Topics]...)
	for row := t.columns; row < t.rows; row++ {
		for _, x := range t.measured {
			if row == t.values {
				dst = append(dst, float32(x.Value))
			} else {
				dst = append(dst, float32(x.Residual))
			}
		}
	}
	return dst
}

// setWeights is not called: no job begins with a model.
func (t *panelTable) setWeights([]float32) {}

func (t *panelTable) close() {}
