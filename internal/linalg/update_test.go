package linalg

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"testing"
)

// goldenUpdates is the SHA-256 of what the update rules make of fixed input, the
// same on every architecture.
const goldenUpdates = "dd19aa35b7d26ae12967b1d288ea0fea923337a1c080a618ecfbd3adb8e78918"

func TestGoldenUpdates(t *testing.T) {
	const n = 101
	rng := rand.New(rand.NewPCG(13, 14))
	h := sha256.New()
	for _, m := range []Mean{mean, penalized} {
		var a, b [3][]float32
		for s := range a {
			a[s], b[s] = make([]float32, n), make([]float32, n)
		}
		w, two, squares := floats(rng, n), [2][]float32{floats(rng, n), make([]float32, n)}, [2][]float32{floats(rng, n), make([]float32, n)}
		for step := range int64(50) {
			sum, touched := floats(rng, n), make([]uint32, n)
			for i := range touched {
				touched[i] = rng.Uint32N(3)
			}
			GradientDescent(w, w, sum, touched, m, 0.1)
			Momentum(two, two, sum, touched, MomentumStep{m, 0.1, 0.9, step%2 == 0})
			AdaGrad(squares, squares, sum, touched, AdaGradStep{m, 0.5, 1e-8})
			Adam(a, a, sum, touched, NewAdamStep(m, 0.01, 0.9, 0.999, 1e-8, step+1))
			FTRL(b, b, sum, touched, FTRLStep{m.Scale, 10, 1, 0.1, m.L2})
		}
		packed := make([]uint16, n)
		ToFloat16(packed, w)
		_ = binary.Write(h, binary.LittleEndian, packed)
		ToBFloat16(packed, w)
		_ = binary.Write(h, binary.LittleEndian, packed)
		for _, x := range [][]float32{w, two[0], two[1], squares[0], squares[1], a[0], a[1], a[2], b[0], b[1], b[2]} {
			_ = binary.Write(h, binary.LittleEndian, x)
		}
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != goldenUpdates {
		t.Errorf("the bits of the updates have changed: %s", got)
	}
}
