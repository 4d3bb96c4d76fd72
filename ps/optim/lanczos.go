package optim

import (
	"math"

	"parley/internal/linalg"
	"parley/internal/param"
)

// Lanczos finds the largest singular values and right singular vectors of the matrix
// A of all rows, by thick-restart block Lanczos on AᵀA with full reorthogonalisation
// (Golub, Luk, Overton, "A block Lanczos method for computing the singular values and
// corresponding singular vectors of a matrix", 1981; Wu, Simon, "Thick-restart
// Lanczos method for large symmetric eigenvalue problems", 2000).
//
// Ranges hold the rows, one a column of the data, of an orthonormal basis V and of
// W = AᵀA·P for the panel P, the last block of V. What has to be summed over all
// ranges is summed by worker 0, which decides with Answer what they do next; they
// keep what it has to know. Epochs have PhaseRounds rounds:
//
//	0  workers multiply the panel by AᵀA; ranges have H = NᵀW for N, the last columns of V
//	1  W ← W - N·H;                      ranges have H' = VᵀW and G = WᵀW
//	2  W ← (W - V·H')·S, S of G's factor; ranges have G' = WᵀW
//	3  the next panel is W·S', unless a restart or the end is due
//
// N is what W has more than rounding of: the last two blocks and, in the first epoch
// after a restart, all of V.
//
// W is made orthonormal by two Cholesky factors (CholeskyQR2; Yamamoto, Nakatsukasa,
// Yanagisawa, Fukaya, 2015). The last epoch measures what was found: it multiplies
// the Ritz vectors X, takes the best basis of their span (Rayleigh-Ritz), and the
// singular values and residuals of that.
type Lanczos struct {
	Topics    int     // singular triplets that are wanted
	Block     int     // columns of a panel
	Basis     int     // columns of V, at most
	Tolerance float64 // of a triplet: ‖Aᵀu - σv‖/σ₁
	Passes    int     // over the rows, at most; the last one measures
	Seed      uint64  // of the first panel
}

// PhaseRounds is the number of rounds of an epoch of Lanczos.
const PhaseRounds = 4

// PhaseRounds returns the constant.
func (l *Lanczos) PhaseRounds() int { return PhaseRounds }

// The stages of Lanczos.
const (
	Iterates = iota
	Measures
	Ended
)

// What worker 0 can decide in phase 3.
const (
	Extend  = iota // the next panel joins the basis
	Restart        // the best Ritz vectors become the basis, and the panel joins them
	Finish         // the Ritz vectors are measured
)

// LanczosLeaf is Leaf of Lanczos, in rows of the basis.
const LanczosLeaf = 256

// NewLanczos returns the method with the given settings; Basis follows from the
// others. The error is Invalid.
func NewLanczos(l Lanczos) (*Lanczos, error) {
	switch {
	case l.Topics < 1 || l.Topics > MaxTopics:
		return nil, param.Errorf(param.Invalid, "model.topics %d: there must be 1 to %d", l.Topics, MaxTopics)
	case l.Block < 1 || l.Block > MaxBlock:
		return nil, param.Errorf(param.Invalid, "model.block %d: there must be 1 to %d", l.Block, MaxBlock)
	case !(l.Tolerance > 0) || l.Tolerance >= 1:
		return nil, param.Errorf(param.Invalid, "model.tolerance %v: must be above 0 and below 1", l.Tolerance)
	case l.Passes < MinPasses:
		return nil, param.Errorf(param.Invalid, "model.passes %d: there must be at least %d", l.Passes, MinPasses)
	}
	// What a range keeps a row is a multiple of Topics: a key has as many slots.
	wanted := 2*l.Topics + max(l.Topics, 4*l.Block)
	slots := (wanted + 2*l.Block + l.Topics + l.Topics - 1) / l.Topics
	l.Basis = (slots-1)*l.Topics - 2*l.Block
	return &l, nil
}

// Bounds of the settings. The passes are one for the start, one for a basis, and
// one that measures.
const (
	MinPasses = 3
	MaxTopics = 2000
	MaxBlock  = 256
)

// Slots returns the floats that a server keeps a key, of Topics keys a column: the
// basis, W in words and X.
func (l *Lanczos) Slots() int { return (l.Basis+2*l.Block)/l.Topics + 1 }

// Width returns the columns of the panel that workers multiply.
func (l *Lanczos) Width(stage int) int {
	if stage == Measures {
		return l.Topics
	}
	return l.Block
}

// Terms returns the number of float64s that are summed over all ranges before a
// round of a phase, with m columns in the basis, of which as many are near.
func (l *Lanczos) Terms(stage, phase, m, near int) int {
	b, k := l.Block, l.Topics
	switch {
	case stage == Ended || phase == 0:
		return 0
	case stage == Measures:
		return []int{0, 2 * k * k, 4 * k, 0}[phase]
	}
	return []int{0, near * b, (m + b) * b, b * b}[phase]
}

// Answer returns what worker 0 tells all ranges, and in phase 3 the largest residual
// of a wanted triplet. The error, Invalid, says that there are not as many triplets
// as are wanted.
//
// Kept is what the first range keeps: in phase 2 the largest diagonal element so far of T = VᵀAᵀA·V, in phase 3
// the factor of phase 2, the progress and, where Looks holds, T.
func (l *Lanczos) Answer(stage, phase, m, epoch int, totals, kept []float64) (answer []float64, residual float64, err error) {
	switch {
	case stage == Measures && phase == 1:
		answer, err = l.rayleighRitz(totals)
		return answer, 0, err
	case stage == Iterates && phase == 2:
		return l.orthonormalize(m, totals, kept[0]), 0, nil
	case stage == Iterates && phase == 3:
		return l.decide(m, epoch, totals, kept)
	}
	return totals, 0, nil
}

// orthonormalize returns H', S and R.
func (l *Lanczos) orthonormalize(m int, totals []float64, largest float64) []float64 {
	b := l.Block
	h, g := totals[:m*b], append([]float64(nil), totals[m*b:]...)
	negative := make([]float64, m*b)
	for i, x := range h {
		negative[i] = -x
	}
	linalg.AddMulTransposed(g, negative, b, b, h, b) // WᵀW after W ← W - V·H'
	least := float64(float64(largest*noise) * float64(largest*noise))
	r, s, _ := linalg.Cholesky(g, b, least)
	return append(append(append([]float64(nil), h...), s...), r...)
}

// noise is the part of AᵀA·P, by the largest eigenvalue, that is nothing but the
// rounding of contributions.
const noise = 1e-9

// progress is what worker 0 has found out about the end: eigenvalues take long, so
// they are looked at where the end may be near.
type progress struct {
	epoch, residual float64 // of the last look; 0 and 1 before the first
	next            float64 // epoch of the next look
}

// ProgressWords is the number of float64s of the progress, which are kept with T.
const ProgressWords = 3

// Looks reports whether worker 0 looks for the end in phase 3 of an epoch, with m
// columns in the basis and a next look that is due in an epoch.
func (l *Lanczos) Looks(m, epoch int, next float64) bool {
	due := float64(epoch) >= next && (m >= 2*l.Topics || next > 0)
	return m > 0 && (due || m+l.Block > l.Basis || epoch+2 >= l.Passes)
}

// longestSkip bounds the epochs between looks: residuals fall faster in the end.
const longestSkip = 5

// look returns the progress after a look in an epoch: residuals fall about
// geometrically.
func (p progress) look(epoch int, residual, tolerance float64) progress {
	next := progress{float64(epoch), residual, float64(epoch + 2)}
	if p.epoch > 0 && residual < p.residual && residual > 0 {
		slope := linalg.Log(p.residual/residual) / (next.epoch - p.epoch)
		left := linalg.Log(residual/tolerance) / slope
		next.next = next.epoch + min(max(1, math.Floor(float64(left*0.5))), longestSkip)
	}
	return next
}

// decide returns a decision, the progress, S', and of Restart and Finish the vectors,
// m rows of them, and their eigenvalues.
func (l *Lanczos) decide(m, epoch int, totals, kept []float64) (answer []float64, residual float64, err error) {
	b := l.Block
	r2, s, rank := linalg.Cholesky(totals, b, 0)
	r1, at, t := kept[:b*b], progress{kept[b*b], kept[b*b+1], kept[b*b+2]}, kept[b*b+ProgressWords:]
	reply := func(decision float64) []float64 {
		return append([]float64{decision, at.epoch, at.residual, at.next}, s...)
	}
	if m == 0 {
		if rank == 0 {
			return nil, 0, l.tooMany(0)
		}
		at.residual = 1
		return reply(Extend), 1, nil
	}
	if !l.Looks(m, epoch, at.next) {
		if rank == 0 { // all that there is has been found
			at.next = float64(epoch + 1)
		}
		return reply(Extend), at.residual, nil
	}
	full, end := m+b > l.Basis, epoch+2 >= l.Passes || rank == 0
	r := make([]float64, b*b)
	linalg.AddMul(r, r2, b, b, r1, b)
	spectrum := linalg.NewSpectrum(append([]float64(nil), t...), m)
	values, ends := spectrum.Eigen(b)
	residual = l.residual(values, ends, r, m)
	at = at.look(epoch, residual, l.Tolerance)
	if residual <= l.Tolerance && m >= l.Topics {
		end = true
	}
	if end && (m < l.Topics || !(values[l.Topics-1] > float64(values[0]*rankless))) {
		return nil, 0, l.tooMany(positive(values))
	}
	switch {
	case end:
		return l.vectors(reply(Finish), spectrum, m, l.Topics), residual, nil
	case full:
		return l.vectors(reply(Restart), spectrum, m, l.Kept()), residual, nil
	}
	return reply(Extend), residual, nil
}

// rankless is what an eigenvalue of AᵀA is, by the largest, that stands for 0.
const rankless = 1e-12

func positive(values []float64) (n int) {
	for n < len(values) && values[n] > float64(values[0]*rankless) {
		n++
	}
	return n
}

func (l *Lanczos) tooMany(rank int) error {
	return param.Errorf(param.Invalid, "model.topics %d: the rows have no more than %d singular values above 0: set it to %d or less", l.Topics, rank, max(rank, 1))
}

// Kept is the number of Ritz vectors that a restart keeps: the more beyond those
// that are wanted, the fewer rounds to the next, and the better it goes on.
func (l *Lanczos) Kept() int {
	return min(l.Basis-l.Block, l.Topics+(l.Basis-l.Topics)/3) &^ 7
}

// vectors appends the first n eigenvectors, m rows of n, and their eigenvalues.
func (l *Lanczos) vectors(answer []float64, s *linalg.Spectrum, m, n int) []float64 {
	values, all := s.Eigen(m)
	for i := range m {
		answer = append(answer, all[i*m:i*m+n]...)
	}
	return append(answer, values[:n]...)
}

// residual returns the largest ‖Aᵀu - σv‖/σ₁ of the wanted triplets. It is
// ‖R·y‖/(σ·σ₁) for the last elements y of the eigenvector of T.
func (l *Lanczos) residual(values, ends, r []float64, m int) (largest float64) {
	if m < l.Topics {
		return 1
	}
	b := l.Block
	product := make([]float64, b*m)
	linalg.AddMul(product, r, b, b, ends, m)
	for i := range l.Topics {
		square := 0.0
		for j := range b {
			square += float64(product[j*m+i] * product[j*m+i])
		}
		scale := float64(max(values[i], 0) * values[0])
		if !(scale > 0) {
			return 1
		}
		largest = max(largest, math.Sqrt(square/scale))
	}
	return largest
}

// rayleighRitz returns the Z for which the columns of X·Z are orthonormal and those
// of A·X·Z orthogonal, in descending order, from XᵀW and XᵀX.
func (l *Lanczos) rayleighRitz(totals []float64) ([]float64, error) {
	k := l.Topics
	a, g := totals[:k*k], totals[k*k:]
	_, s, rank := linalg.Cholesky(g, k, 0)
	if rank < k {
		return nil, l.tooMany(rank)
	}
	half, c := make([]float64, k*k), make([]float64, k*k)
	linalg.AddMul(half, a, k, k, s, k)
	linalg.AddMulTransposed(c, s, k, k, half, k)
	for i := range k {
		for j := range i {
			mean := float64((c[i*k+j] + c[j*k+i]) * 0.5)
			c[i*k+j], c[j*k+i] = mean, mean
		}
	}
	_, vectors := linalg.NewSpectrum(c, k).Eigen(k)
	z := make([]float64, k*k)
	linalg.AddMul(z, s, k, k, vectors, k)
	return z, nil
}

// Triplet is a singular value and what is left of ‖Aᵀu - σv‖/σ₁ for its vectors.
type Triplet struct{ Value, Residual float64 }

// Measured returns the triplets from the sums of x², x·w, w² and x³ over the columns
// of X, and which of them are to be turned round: those whose sum of cubes is below
// 0, so that a few heavy terms outweigh many light ones.
func (l *Lanczos) Measured(totals []float64) (triplets []Triplet, turned []bool) {
	k := l.Topics
	xx, xw, ww, cubes := totals[:k], totals[k:2*k], totals[2*k:3*k], totals[3*k:]
	theta := func(i int) float64 { return max(xw[i]/xx[i], 0) }
	first := math.Sqrt(theta(0))
	for i := range k {
		value := math.Sqrt(theta(i))
		// ‖W - θx‖² of vectors of length 1
		square := max(ww[i]/xx[i]-float64(theta(i)*theta(i)), 0)
		triplets = append(triplets, Triplet{value, math.Sqrt(square) / float64(value*first)})
		turned = append(turned, cubes[i] < 0)
	}
	return triplets, turned
}
