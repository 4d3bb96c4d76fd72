package optim

import "parley/internal/linalg"

// gradient is what the rules share whose workers push the sum of their rows'
// gradients, taken at the weights that they pulled.
type gradient struct {
	rate     float64 // that the schedule begins with
	l2       float64
	decay    float64
	schedule Schedule
}

func (gradient) Pulled() int { return 1 }

func (gradient) Pushed() int { return 1 }

func (gradient) Local() bool { return false }

// Lazy: with a penalty all keys have a gradient in every round.
func (g gradient) Lazy() bool { return g.l2 == 0 }

func (gradient) Step([]float32, int, []uint32, []float32, float32) { panic(noSteps) }

func (gradient) StepRows([]float32, int, []uint32, []float32, []float32) { panic(noSteps) }

func (gradient) StepFactors([]float32, int, []uint32, []float32, []float32, float32) { panic(noSteps) }

const noSteps = "optim: a step of a rule that has no local steps"

// update is Combine for n keys in terms of a kernel, which gets the keys from lo
// to hi-1, all alike subject to the penalty or not, the weights that it steps from,
// and the rate. A round without rows has no mean and changes nothing.
func (g gradient) update(dst, src []float32, n int, round Round, penalized int, kernel func(s span)) {
	if round.Rows <= 0 {
		copy(dst, src)
		return
	}
	rate := g.rate * g.schedule.At(round.Number)
	weights := src[:n]
	if g.decay > 0 {
		weights = dst[:n]
		copy(weights, src[:n])
		linalg.Scale(weights[:penalized], float32(1-rate*g.decay))
	}
	mean := linalg.Mean{Scale: float32(1 / float64(round.Rows))}
	if g.l2 > 0 {
		kernel(span{0, penalized, weights, rate, linalg.Mean{Scale: mean.Scale, L2: float32(g.l2)}})
		kernel(span{penalized, n, weights, rate, mean})
		return
	}
	kernel(span{0, n, weights, rate, mean})
}

// span is some keys, from lo to hi-1, that step alike.
type span struct {
	lo, hi  int
	weights []float32 // of all keys
	rate    float64
	mean    linalg.Mean
}

// two returns the span's keys of weights and of the other slot of a state of n keys.
func (s span) two(weights, state []float32, n int) [2][]float32 {
	return [2][]float32{weights[s.lo:s.hi], state[n+s.lo : n+s.hi]}
}

// three returns the span's keys of weights and of the other slots of a state of n
// keys.
func (s span) three(weights, state []float32, n int) [3][]float32 {
	return [3][]float32{weights[s.lo:s.hi], state[n+s.lo : n+s.hi], state[2*n+s.lo : 2*n+s.hi]}
}
