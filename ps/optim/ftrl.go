package optim

import "parley/internal/linalg"

// ftrl is FTRL-Proximal with rates per coordinate (McMahan et al., KDD 2013,
// algorithm 1), a round's mean gradient in place of a row's: slot 0 is the weight,
// slot 1 z, slot 2 the sum of squared gradients n. The weight follows from z and
// n; it is kept so that a pull need not compute it. A state starts at zeros.
//
// Its penalties are the paper's: λ1 and λ2 stand once beside the sum of all
// gradients so far and do not grow with it, so a longer run has a weaker penalty.
type ftrl struct {
	gradient
	l1, beta float64
}

func (ftrl) Slots() int { return 3 }

// Lazy: the penalties are on the sum of all gradients so far, so a key that nobody
// touched keeps its weight whatever they are.
func (ftrl) Lazy() bool { return true }

// Combine: σ = (√(n+g²) - √n)/α; z += g - σ·w; n += g²;
// w = -(z - sign(z)·λ1) / ((β+√n)/α + λ2) where |z| > λ1, else 0.
func (r ftrl) Combine(dst, src, change []float32, touched []uint32, round Round, penalized int) {
	if round.Rows <= 0 {
		copy(dst, src)
		return
	}
	n := len(touched)
	step := linalg.FTRLStep{Scale: float32(1 / float64(round.Rows)), PerAlpha: float32(1 / r.rate), Beta: float32(r.beta)}
	other, those := span{lo: penalized, hi: n}, span{lo: 0, hi: penalized}
	linalg.FTRL(other.three(dst, dst, n), other.three(src, src, n), change[penalized:n], touched[penalized:], step)
	step.L1, step.L2 = float32(r.l1), float32(r.l2)
	linalg.FTRL(those.three(dst, dst, n), those.three(src, src, n), change[:penalized], touched[:penalized], step)
}
