package optim

import "parley/internal/param"

// Program is a full-batch method. Its rounds go in pairs. In the first, each worker
// pulls the trial point, slot 0, and pushes the gradient of the sum of its rows'
// losses there, and in the first round of all the Hessian's diagonal too; Gather
// takes the sum of these, and Sum says what of the whole model the next step has to
// know. In the second these terms are added up over all ranges and handed to each as
// the same totals, and Move makes the next trial point. So ranges agree without
// talking to one another, and what they decide hangs on the totals alone.
//
// State is slot-major, as for a Rule. Slot 0 is the trial point, slot 1 the point
// that was accepted last, whose objective is the lowest so far. Memory is what is
// the same on all ranges. A Program is immutable and shared by goroutines.
type Program interface {
	// Slots returns the floats that a server keeps a key, Memory the float64s that
	// it keeps beside them, Terms the number of terms.
	Slots() int
	Memory() int
	Terms() int
	// Gather takes the sums over workers: of the gradients of n keys, then in the
	// first round of the diagonals, of the losses and of the rows' weights. Keys
	// below penalized are subject to l2.
	Gather(state []float32, n int, memory, sums []float64, loss, weight float64, penalized int)
	// Sum sets dst to the terms of keys lo to hi-1 of n after Gather.
	Sum(dst []float64, state []float32, n, lo, hi int, memory []float64, penalized int)
	// Move takes the terms of all keys of all ranges.
	Move(state []float32, n int, memory, totals []float64)
	// Done reports that the method has ended: every slot 0 is the accepted point.
	Done(memory []float64) bool
}

// Pushed returns the floats a key of the contributions to a round of a program.
func Pushed(round param.Round) int {
	if round == 0 {
		return 2
	}
	return 1
}

// Leaf is the number of neighbouring keys whose terms are summed as one leaf of
// linalg.TreeSum; ranges of a program's keys are cut at multiples of it.
const Leaf = 16

// NewProgram returns the program that the settings ask for, nil when they ask for a
// Rule. Its errors are Invalid and name the setting.
func NewProgram(s Settings) (Program, error) {
	if s.Kind != "lbfgs" {
		return nil, nil
	}
	switch {
	case !(s.L2 >= 0) || s.L2 > most:
		return nil, param.Errorf(param.Invalid, "l2 %v: must be at least 0 and finite", s.L2)
	case !(s.Tolerance > 0) || s.Tolerance >= 1:
		return nil, param.Errorf(param.Invalid, "tolerance %v: must be above 0 and below 1", s.Tolerance)
	}
	return lbfgs{l2: s.L2, tolerance: s.Tolerance}, nil
}
