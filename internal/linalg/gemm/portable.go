package gemm

import "unsafe"

// portableSingle and portableDouble are the kernels in Go.
var (
	portableSingle = kernel[float32]{4, 4, portable[float32]}
	portableDouble = kernel[float64]{4, 4, portable[float64]}
)

// portable is the kernel of tiles of 4×4: two rows at a time, since no processor has
// registers for more in Go's code.
func portable[T element](k int, a, b, c *T, stride int) {
	as, bs := unsafe.Slice(a, 4*k), unsafe.Slice(b, 4*k)
	cs := unsafe.Slice(c, 3*stride+4)
	for i := 0; i < 4; i += 2 {
		upper, lower := cs[i*stride:i*stride+4], cs[(i+1)*stride:(i+1)*stride+4]
		c00, c01, c02, c03 := upper[0], upper[1], upper[2], upper[3]
		c10, c11, c12, c13 := lower[0], lower[1], lower[2], lower[3]
		for p := range k {
			x, y := as[4*p+i], as[4*p+i+1]
			row := bs[4*p : 4*p+4 : 4*p+4]
			c00 += T(x * row[0])
			c01 += T(x * row[1])
			c02 += T(x * row[2])
			c03 += T(x * row[3])
			c10 += T(y * row[0])
			c11 += T(y * row[1])
			c12 += T(y * row[2])
			c13 += T(y * row[3])
		}
		upper[0], upper[1], upper[2], upper[3] = c00, c01, c02, c03
		lower[0], lower[1], lower[2], lower[3] = c10, c11, c12, c13
	}
}
