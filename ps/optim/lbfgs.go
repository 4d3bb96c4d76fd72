package optim

import "math"

// lbfgs is the limited-memory BFGS method (Liu, Nocedal, "On the limited memory
// BFGS method for large scale optimization", Mathematical Programming 1989), in the
// form of Chen, Wang, Zhou, "Large-scale L-BFGS using MapReduce" (NIPS 2014): the
// two loops run on the dot products of the pairs and the gradient alone, and give
// the direction as a combination of them. The inverse Hessian that they begin with
// is γ·P, P the inverse of the Hessian's diagonal at the first point, so that rare
// and large features are learned as fast as others.
//
// The objective is f(w) = loss/weight + l2/2·‖w‖², the bias left out of the norm.
// A trial point is accepted when it lowers f by a share of what the slope promises
// (Armijo), or when f is the same to its last digits and the gradient is shorter
// (as in Hager, Zhang, "A new conjugate gradient method with guaranteed descent",
// SIAM J. Optim. 2005); else a shorter step is tried, by quadratic interpolation.
type lbfgs struct{ l2, tolerance float64 }

// pairs is how many changes of the point (s) and of the gradient (y) are kept.
const pairs = 10

// The slots: trial point, accepted point, their gradients, direction, the pairs.
const (
	slotTrial = iota
	slotPoint
	slotTrialGradient
	slotGradient
	slotDirection
	slotScale // the diagonal of P
	slotS
	slotY     = slotS + pairs
	slotCount = slotY + pairs
)

// The terms: products of the trial point x, its gradient g, and the pair s, y that
// it makes with the accepted point; then for each pair its five products with s, y
// and g. Those of two gradients are by P, u·P·v, but for the first.
const (
	termXX   = iota // of penalised keys
	termNorm        // g·g as it is
	termGG
	termSY
	termSG
	termYY
	termYG
	termPairs
	termCount = termPairs + perPair*pairs
	perPair   = 5
)

// The memory.
const (
	memDone   = iota // 1 when the method has ended
	memLoss          // of the trial point: sum over the rows
	memWeight        // sum of the rows' weights
	memPoints        // accepted so far
	memPairs         // kept
	memNext          // the place of the next pair
	memValue         // objective at the accepted point
	memSlope         // along the direction there
	memStep          // length of the trial's step
	memTries         // trials along the direction so far
	memFirst         // squared norm of the first gradient
	memNorm          // squared norm of the gradient at the accepted point
	memStill         // points in a row that were hardly better than those before
	memGram          // products of the basis: s_0.., P·y_0.., P·g
	basis     = 2*pairs + 1
	memCount  = memGram + basis*basis
)

const (
	armijo    = 1e-4
	flat      = 1e-10 // relative change of f that is taken for none
	maxStill  = 20    // such points in a row
	maxTries  = 20
	shrinkMin = 0.1
	shrinkMax = 0.5
)

func (lbfgs) Slots() int  { return slotCount }
func (lbfgs) Memory() int { return memCount }
func (lbfgs) Terms() int  { return termCount }

func (lbfgs) Done(memory []float64) bool { return memory[memDone] != 0 }

// Gather sets the gradient of the trial point, sums/weight + l2·x, and at the first
// one P.
func (l lbfgs) Gather(state []float32, n int, memory, sums []float64, loss, weight float64, penalized int) {
	memory[memLoss], memory[memWeight] = loss, weight
	scale := 1 / max(weight, math.SmallestNonzeroFloat64)
	x, g := slot(state, n, slotTrial), slot(state, n, slotTrialGradient)
	for i, sum := range sums[:n] {
		v := float64(sum * scale)
		if i < penalized {
			v += float64(l.l2 * float64(x[i]))
		}
		g[i] = float32(v)
	}
	if memory[memPoints] > 0 {
		return
	}
	p := slot(state, n, slotScale)
	for i, sum := range sums[n:] {
		v := float64(sum * scale)
		if i < penalized {
			v += l.l2
		}
		p[i] = 1 // of a column without values, which never moves
		if v > 0 {
			p[i] = float32(min(1/v, most))
		}
	}
}

func slot(state []float32, n, s int) []float32 { return state[s*n : (s+1)*n] }

// Sum adds up products in float64, key by key.
func (lbfgs) Sum(dst []float64, state []float32, n, lo, hi int, memory []float64, penalized int) {
	clear(dst)
	x, point := slot(state, n, slotTrial)[lo:hi], slot(state, n, slotPoint)[lo:hi]
	g, before := slot(state, n, slotTrialGradient)[lo:hi], slot(state, n, slotGradient)[lo:hi]
	scale := slot(state, n, slotScale)[lo:hi]
	kept := int(memory[memPairs])
	for i := range x {
		xi, gi := float64(x[i]), float64(g[i])
		si, yi := float64(x[i]-point[i]), float64(g[i]-before[i])
		pg, py := float64(float64(scale[i])*gi), float64(float64(scale[i])*yi)
		if lo+i < penalized {
			dst[termXX] += float64(xi * xi)
		}
		dst[termNorm] += float64(gi * gi)
		dst[termGG] += float64(pg * gi)
		dst[termSY] += float64(si * yi)
		dst[termSG] += float64(si * gi)
		dst[termYY] += float64(py * yi)
		dst[termYG] += float64(py * gi)
		for j := range kept {
			s, y := float64(state[(slotS+j)*n+lo+i]), float64(state[(slotY+j)*n+lo+i])
			t := dst[termPairs+perPair*j:][:perPair]
			t[0] += float64(s * yi)
			t[1] += float64(s * gi)
			t[2] += float64(y * si)
			t[3] += float64(y * py)
			t[4] += float64(y * pg)
		}
	}
}

func (l lbfgs) Move(state []float32, n int, memory, totals []float64) {
	value := memory[memLoss]/max(memory[memWeight], math.SmallestNonzeroFloat64) + float64(l.l2/2*totals[termXX])
	switch {
	case memory[memDone] != 0:
	case memory[memPoints] == 0 || accepted(memory, value, totals[termNorm]):
		l.accept(state, n, memory, totals, value)
	default:
		reject(memory, value)
	}
	step(state, n, memory)
}

// accepted reports whether the trial point is good enough. It is not where the
// objective is Inf or NaN.
func accepted(memory []float64, value, norm float64) bool {
	best := memory[memValue]
	return value <= best+float64(armijo*float64(memory[memStep]*memory[memSlope])) ||
		value <= best+float64(flat*math.Abs(best)) && norm < memory[memNorm]
}

// accept makes the trial point the accepted one and finds the direction from it.
func (l lbfgs) accept(state []float32, n int, memory, totals []float64, value float64) {
	first := memory[memPoints] == 0
	if first {
		memory[memFirst] = totals[termNorm]
	}
	gradientProducts(memory, totals)
	if !first && totals[termSY] > float64(1e-10*totals[termYY]) {
		keepPair(state, n, memory, totals)
	}
	copy(slot(state, n, slotPoint), slot(state, n, slotTrial))
	copy(slot(state, n, slotGradient), slot(state, n, slotTrialGradient))
	memory[memPoints]++
	if memory[memStill]++; !(value >= memory[memValue]-float64(flat*math.Abs(memory[memValue]))) {
		memory[memStill] = 0
	}
	memory[memValue], memory[memNorm], memory[memTries] = value, totals[termNorm], 0
	if memory[memStill] >= maxStill || !(math.Sqrt(totals[termNorm]) > float64(l.tolerance*math.Sqrt(memory[memFirst]))) {
		memory[memDone] = 1
		return
	}
	direct(state, n, memory)
}

// product is the place of the product of two vectors of the basis: s_j is number j,
// P·y_j pairs+j, P·g the last. Those of two s are not needed.
func product(i, j int) int { return memGram + i*basis + j }

func setProduct(memory []float64, i, j int, x float64) {
	memory[product(i, j)], memory[product(j, i)] = x, x
}

// gradientProducts takes the products of the new gradient.
func gradientProducts(memory, totals []float64) {
	setProduct(memory, basis-1, basis-1, totals[termGG])
	for j := range int(memory[memPairs]) {
		setProduct(memory, j, basis-1, totals[termPairs+perPair*j+1])
		setProduct(memory, pairs+j, basis-1, totals[termPairs+perPair*j+4])
	}
}

// keepPair keeps what the step changed in place of the oldest pair.
func keepPair(state []float32, n int, memory, totals []float64) {
	h, kept := int(memory[memNext]), int(memory[memPairs])
	x, point := slot(state, n, slotTrial), slot(state, n, slotPoint)
	g, before := slot(state, n, slotTrialGradient), slot(state, n, slotGradient)
	s, y := slot(state, n, slotS+h), slot(state, n, slotY+h)
	for i := range s {
		s[i], y[i] = x[i]-point[i], g[i]-before[i]
	}
	for j := range kept {
		t := totals[termPairs+perPair*j:][:perPair]
		setProduct(memory, j, pairs+h, t[0])
		setProduct(memory, pairs+j, h, t[2])
		setProduct(memory, pairs+j, pairs+h, t[3])
	}
	setProduct(memory, h, pairs+h, totals[termSY])
	setProduct(memory, pairs+h, pairs+h, totals[termYY])
	setProduct(memory, h, basis-1, totals[termSG])
	setProduct(memory, pairs+h, basis-1, totals[termYG])
	memory[memNext] = float64((h + 1) % pairs)
	memory[memPairs] = float64(min(pairs, kept+1))
}

// direct sets the direction, its slope and the length of the first step along it.
func direct(state []float32, n int, memory []float64) {
	weights := twoLoops(memory)
	slope := along(memory, weights)
	if !(slope < 0) { // rounding has made it useless
		memory[memPairs], memory[memNext] = 0, 0
		weights = twoLoops(memory)
		slope = along(memory, weights)
	}
	memory[memSlope], memory[memStep] = slope, 1
	if memory[memPairs] == 0 {
		memory[memStep] = min(1, 1/math.Sqrt(-slope))
	}
	combine(state, n, weights)
}

// along returns the product of a combination of the basis and the gradient.
func along(memory []float64, weights *[basis]float64) (sum float64) {
	for j, w := range weights {
		sum += float64(w * memory[product(j, basis-1)])
	}
	return sum
}

// twoLoops returns the direction as a combination of the basis.
func twoLoops(memory []float64) *[basis]float64 {
	w := new([basis]float64)
	w[basis-1] = -1
	kept, next := int(memory[memPairs]), int(memory[memNext])
	with := func(v int) (sum float64) {
		for j, x := range w {
			if x != 0 {
				sum += float64(x * memory[product(j, v)])
			}
		}
		return sum
	}
	var alpha [pairs]float64
	for k := 1; k <= kept; k++ { // from the newest
		j := (next - k + pairs) % pairs
		alpha[j] = with(j) / memory[product(j, pairs+j)]
		w[pairs+j] -= alpha[j]
	}
	if kept > 0 {
		j := (next - 1 + pairs) % pairs
		scale := memory[product(j, pairs+j)] / memory[product(pairs+j, pairs+j)]
		for i := range w {
			w[i] *= scale
		}
	}
	for k := kept; k >= 1; k-- {
		j := (next - k + pairs) % pairs
		w[j] += alpha[j] - with(pairs+j)/memory[product(j, pairs+j)]
	}
	return w
}

// combine sets the direction to a combination of the basis.
func combine(state []float32, n int, weights *[basis]float64) {
	d, g, scale := slot(state, n, slotDirection), slot(state, n, slotGradient), slot(state, n, slotScale)
	for i := range d {
		steps, gradients := 0.0, float64(weights[basis-1]*float64(g[i]))
		for j := range pairs {
			steps += float64(weights[j] * float64(state[(slotS+j)*n+i]))
			gradients += float64(weights[pairs+j] * float64(state[(slotY+j)*n+i]))
		}
		d[i] = float32(steps + float64(float64(scale[i])*gradients))
	}
}

// reject shortens the step. After so many that it can change nothing, the method
// has come to the end of what the numbers can tell.
func reject(memory []float64, value float64) {
	memory[memTries]++
	if memory[memTries] >= maxTries {
		memory[memDone] = 1
		return
	}
	step, slope := memory[memStep], memory[memSlope]
	shorter := shrinkMin
	if rise := value - memory[memValue] - float64(step*slope); rise > 0 && rise <= math.MaxFloat64 {
		shorter = min(shrinkMax, max(shrinkMin, -float64(slope*step)/(2*rise)))
	}
	memory[memStep] = float64(step * shorter)
}

// step sets the trial point.
func step(state []float32, n int, memory []float64) {
	x, point, d := slot(state, n, slotTrial), slot(state, n, slotPoint), slot(state, n, slotDirection)
	if memory[memDone] != 0 {
		copy(x, point)
		return
	}
	length := memory[memStep]
	for i := range x {
		x[i] = float32(float64(point[i]) + float64(length*float64(d[i])))
	}
}
