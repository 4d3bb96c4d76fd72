// Package linalg holds the arithmetic that reaches a model: kernels over slices
// and sparse rows, and the elementary functions. The learning packages call it
// and do no floating-point work of their own that a model depends on.
//
// Every function gives the same bits on every machine. Three rules make that so:
//
//   - Nothing can be fused. Where x*y+z stands, Go may round once or twice,
//     depending on the architecture (arm64, GOAMD64=v3). So a product that is
//     added to something is converted explicitly, which forbids it, or is exact
//     in the wider type (float32 times float32 in float64) where it makes no
//     difference.
//   - Sums have fixed lanes: 8 partial sums in float64, element j goes to lane
//     j mod 8, and the lanes are added in one fixed tree. That is what registers
//     of 4 or 8 lanes do, so SIMD twins give the same bits.
//   - exp, log and the like are ours, because those of package math have
//     assembly twins that differ. Of math only what is exact is used: Sqrt,
//     Floor, Abs and the bit conversions.
//
// Where the processor has AVX2, the kernels over slices do most of their work in
// assembly, which tools/kernelgen writes: the same operations on 8 lanes at a time,
// each rounded, none fused. Go does the rest, and all of it elsewhere or when the
// environment says PARLEY_KERNELS=portable; the tests compare the two with ==.
//
// Each kernel is documented as the loop that it equals, products rounded before
// they are added. Destinations come first. Slices of wrong lengths panic: they
// are programming errors. The functions hold no state and may be called from
// any goroutine, on data that nobody else writes.
package linalg

const badLength = "linalg: slices differ in length"

// tree adds eight lanes in the order in which halving a register does.
func tree(s0, s1, s2, s3, s4, s5, s6, s7 float64) float64 {
	return ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))
}
