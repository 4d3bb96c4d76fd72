package optim

import "parley/internal/linalg"

// gradient is what the rules share whose workers push the sum of their rows'
// gradients, taken at the weights that they pulled.
type gradient struct {
	rate float64
	l2   float64
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
// to hi-1, all alike subject to the penalty or not. A round without rows has no
// mean and changes nothing.
func (g gradient) update(dst, src []float32, n int, round Round, penalized int, kernel func(lo, hi int, mean linalg.Mean)) {
	if round.Rows <= 0 {
		copy(dst, src)
		return
	}
	mean := linalg.Mean{Scale: float32(1 / float64(round.Rows))}
	if g.l2 > 0 {
		kernel(0, penalized, linalg.Mean{Scale: mean.Scale, L2: float32(g.l2)})
		kernel(penalized, n, mean)
		return
	}
	kernel(0, n, mean)
}

// two returns the keys from lo to hi-1 of a state with two slots of n keys.
func two(state []float32, n, lo, hi int) [2][]float32 {
	return [2][]float32{state[lo:hi], state[n+lo : n+hi]}
}

// three returns the keys from lo to hi-1 of a state with three slots of n keys.
func three(state []float32, n, lo, hi int) [3][]float32 {
	return [3][]float32{state[lo:hi], state[n+lo : n+hi], state[2*n+lo : 2*n+hi]}
}
