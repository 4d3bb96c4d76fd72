package linalg

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// operands are the arguments of a kernel: all of one length.
type operands struct {
	f [8][]float32
	h []uint16
	u []uint32
}

// hostile returns a float32 of any kind but NaN: among them zeros of both signs,
// denormals, infinities and what overflows when it is squared.
func hostile(rng *rand.Rand) float32 {
	special := []float32{0, float32(math.Copysign(0, -1)), 1, -1, math.SmallestNonzeroFloat32, -1e-41, 1e-38, math.MaxFloat32, -3e38, 1e20, float32(math.Inf(1)), 65504, 65520, 6e-8}
	switch rng.IntN(4) {
	case 0:
		return special[rng.IntN(len(special))]
	case 1:
		f := math.Float32frombits(rng.Uint32())
		if f != f {
			return 2
		}
		return f
	}
	return float32(rng.NormFloat64())
}

// drawOperands returns operands of n elements that start offset elements into their
// arrays; cap ends each, so that nothing stands behind it.
func drawOperands(rng *rand.Rand, n, offset int) (o operands) {
	for s := range o.f {
		o.f[s] = make([]float32, offset+n)[offset:]
		for i := range o.f[s] {
			o.f[s][i] = hostile(rng)
		}
	}
	o.h, o.u = make([]uint16, offset+n)[offset:], make([]uint32, offset+n)[offset:]
	for i := range o.h {
		o.h[i], o.u[i] = uint16(rng.Uint32()), rng.Uint32N(4)
	}
	return o
}

func (o operands) clone() (c operands) {
	for s := range o.f {
		c.f[s] = append([]float32{}, o.f[s]...)
	}
	c.h, c.u = append([]uint16{}, o.h...), append([]uint32{}, o.u...)
	return c
}

// differs names the first value in which the two differ in their bits; NaNs are
// alike.
func (o operands) differs(p operands) string {
	for s := range o.f {
		for i, v := range o.f[s] {
			w := p.f[s][i]
			if math.Float32bits(v) != math.Float32bits(w) && (v == v || w == w) {
				return fmt.Sprintf("slice %d at %d: %v (%#x), portable %v (%#x)", s, i, v, math.Float32bits(v), w, math.Float32bits(w))
			}
		}
	}
	for i, v := range o.h {
		if v != p.h[i] {
			return fmt.Sprintf("half at %d: %#x, portable %#x", i, v, p.h[i])
		}
	}
	return ""
}

// portably runs f on the portable path.
func portably(f func()) {
	defer func(was bool) { wide = was }(wide)
	wide = false
	f()
}

var mean = Mean{Scale: 1. / 7}

// penalized has a gradient everywhere.
var penalized = Mean{Scale: 1. / 7, L2: 0.25}

var shares = []float64{4, 2.5, 1.7}

// kernels are all that have a twin. Results stand in the operands; the first
// slices are destinations.
var kernels = map[string]func(o operands){
	"Add":                       func(o operands) { Add(o.f[0], o.f[1], o.f[2]) },
	"AddTo":                     func(o operands) { AddTo(o.f[0], o.f[1]) },
	"SubFrom":                   func(o operands) { SubFrom(o.f[0], o.f[1]) },
	"AddMean":                   func(o operands) { AddMean(o.f[0], o.f[1], o.f[2], o.u) },
	"Shrink":                    func(o operands) { Shrink(o.f[0], o.u, 0.3, shares) },
	"ShrinkAdaGrad":             func(o operands) { ShrinkAdaGrad(o.f[0], o.f[1], o.u, 0.3, 1e-8, shares) },
	"GradientDescent":           func(o operands) { GradientDescent(o.f[0], o.f[1], o.f[2], o.u, mean, 0.1) },
	"GradientDescent penalized": func(o operands) { GradientDescent(o.f[0], o.f[1], o.f[2], o.u, penalized, 0.1) },
	"Momentum":                  func(o operands) { momentumOf(o, MomentumStep{mean, 0.1, 0.9, false}) },
	"Momentum penalized":        func(o operands) { momentumOf(o, MomentumStep{penalized, 0.1, 0.9, false}) },
	"Nesterov":                  func(o operands) { momentumOf(o, MomentumStep{mean, 0.1, 0.9, true}) },
	"Nesterov penalized":        func(o operands) { momentumOf(o, MomentumStep{penalized, 0.1, 0.9, true}) },
	"AdaGrad":                   func(o operands) { adaGradOf(o, AdaGradStep{mean, 0.1, 1e-8}) },
	"AdaGrad penalized":         func(o operands) { adaGradOf(o, AdaGradStep{penalized, 0.1, 1e-8}) },
	"Adam":                      func(o operands) { adamOf(o, NewAdamStep(mean, 0.01, 0.9, 0.999, 1e-8, 3)) },
	"Adam penalized":            func(o operands) { adamOf(o, NewAdamStep(penalized, 0.01, 0.9, 0.999, 1e-8, 1)) },
	"FTRL":                      func(o operands) { ftrlOf(o, FTRLStep{1. / 7, 10, 1, 0, 0}) },
	"FTRL penalized":            func(o operands) { ftrlOf(o, FTRLStep{1. / 7, 10, 1, 0.3, 0.2}) },
	"Finite": func(o operands) {
		if len(o.h) > 0 && Finite(o.f[0]) {
			o.h[0] ^= 1
		}
	},
	"SumSquares": func(o operands) {
		if len(o.h) > 0 {
			bits := math.Float64bits(SumSquares(o.f[0]))
			o.h[0] = uint16(bits ^ bits>>16 ^ bits>>32 ^ bits>>48)
		}
	},
	"ToFloat16":    func(o operands) { ToFloat16(o.h, o.f[0]) },
	"FromFloat16":  func(o operands) { FromFloat16(o.f[0], o.h) },
	"ToBFloat16":   func(o operands) { ToBFloat16(o.h, o.f[0]) },
	"FromBFloat16": func(o operands) { FromBFloat16(o.f[0], o.h) },
}

func (o operands) pair(s int) [2][]float32   { return [2][]float32{o.f[s], o.f[s+1]} }
func (o operands) triple(s int) [3][]float32 { return [3][]float32{o.f[s], o.f[s+1], o.f[s+2]} }

func momentumOf(o operands, s MomentumStep) { Momentum(o.pair(0), o.pair(3), o.f[6], o.u, s) }
func adaGradOf(o operands, s AdaGradStep)   { AdaGrad(o.pair(0), o.pair(3), o.f[6], o.u, s) }
func adamOf(o operands, s AdamStep)         { Adam(o.triple(0), o.triple(3), o.f[6], o.u, s) }
func ftrlOf(o operands, s FTRLStep)         { FTRL(o.triple(0), o.triple(3), o.f[6], o.u, s) }

func TestWideKernelsGiveTheBitsOfPortableOnes(t *testing.T) {
	if !wide {
		t.Skip("the portable kernels are the only ones here")
	}
	rng := rand.New(rand.NewPCG(9, 10))
	for name, kernel := range kernels {
		for n := range 68 {
			for round := range 8 {
				o := drawOperands(rng, n, round%4)
				if name == "Finite" && round < 4 {
					for i := range o.f[0] {
						o.f[0][i] = 1e38
					}
				}
				p := o.clone()
				kernel(o)
				portably(func() { kernel(p) })
				if diff := o.differs(p); diff != "" {
					t.Fatalf("%s of %d: %s", name, n, diff)
				}
			}
		}
	}
}

// dst may be src.
func TestUpdatesInPlace(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for name, c := range map[string]struct {
		slots int
		step  func(o operands, dst, src int)
	}{
		"GradientDescent": {1, func(o operands, d, s int) { GradientDescent(o.f[d], o.f[s], o.f[6], o.u, mean, 0.1) }},
		"AddMean":         {1, func(o operands, d, s int) { AddMean(o.f[d], o.f[s], o.f[6], o.u) }},
		"Momentum": {2, func(o operands, d, s int) {
			Momentum(o.pair(d), o.pair(s), o.f[6], o.u, MomentumStep{mean, 0.1, 0.9, true})
		}},
		"AdaGrad": {2, func(o operands, d, s int) { AdaGrad(o.pair(d), o.pair(s), o.f[6], o.u, AdaGradStep{mean, 0.1, 1e-8}) }},
		"Adam": {3, func(o operands, d, s int) {
			Adam(o.triple(d), o.triple(s), o.f[6], o.u, NewAdamStep(mean, 0.01, 0.9, 0.999, 1e-8, 3))
		}},
		"FTRL": {3, func(o operands, d, s int) {
			FTRL(o.triple(d), o.triple(s), o.f[6], o.u, FTRLStep{1. / 7, 10, 1, 0.3, 0.2})
		}},
	} {
		for _, n := range []int{0, 5, 8, 29} {
			o := drawOperands(rng, n, 0)
			p := o.clone()
			c.step(o, 0, 3)
			c.step(p, 3, 3)
			for s := range c.slots {
				copy(p.f[s], p.f[3+s])
				copy(p.f[3+s], o.f[3+s])
			}
			if diff := o.differs(p); diff != "" {
				t.Errorf("%s of %d in place: %s", name, n, diff)
			}
		}
	}
}
