package linalg

import "math"

// ToFloat16 rounds src to IEEE half precision, to nearest, ties to even: beyond
// ±65504 to infinity where that is nearest, below 2^-14 to the multiples of 2^-24.
// A NaN keeps its sign and the top of its payload, and is quiet.
func ToFloat16(dst []uint16, src []float32) {
	if len(dst) != len(src) {
		panic(badLength)
	}
	for i := widePack16(dst, src); i < len(src); i++ {
		dst[i] = half(src[i])
	}
}

// FromFloat16 widens IEEE half precision, which is exact. A NaN becomes quiet.
func FromFloat16(dst []float32, src []uint16) {
	if len(dst) != len(src) {
		panic(badLength)
	}
	for i := wideUnpack16(dst, src); i < len(src); i++ {
		dst[i] = fromHalf(src[i])
	}
}

// ToBFloat16 rounds src to bfloat16, the top half of a float32, to nearest, ties
// to even. A NaN keeps its sign and the top of its payload, and is quiet.
func ToBFloat16(dst []uint16, src []float32) {
	if len(dst) != len(src) {
		panic(badLength)
	}
	for i := widePackB16(dst, src); i < len(src); i++ {
		dst[i] = brain(src[i])
	}
}

// FromBFloat16 widens bfloat16, which keeps its bits as the top ones.
func FromBFloat16(dst []float32, src []uint16) {
	if len(dst) != len(src) {
		panic(badLength)
	}
	for i := wideUnpackB16(dst, src); i < len(src); i++ {
		dst[i] = math.Float32frombits(uint32(src[i]) << 16)
	}
}

const (
	signBit     = 1 << 31
	infinity    = 0x7f800000
	halfNormal  = 0x38800000 // 2^-14, the smallest normal half
	halfTooMuch = 0x47800000 // 2^16; less may still round to infinity
)

func half(x float32) uint16 {
	b := math.Float32bits(x)
	sign, b := uint16(b>>16)&0x8000, b&^signBit
	switch {
	case b > infinity:
		return sign | 0x7e00 | uint16(b>>13)&0x3ff
	case b >= halfTooMuch:
		return sign | 0x7c00
	case b >= halfNormal:
		// Another exponent bias, 13 bits less; a carry goes on into the exponent,
		// and from the largest to infinity.
		return sign | uint16((b-(112<<23)+0xfff+b>>13&1)>>13)
	}
	// 0.5 has the value of its last bit at 2^-24: the addition rounds there.
	return sign | uint16(math.Float32bits(math.Float32frombits(b)+0.5)-0x3f000000)
}

func fromHalf(h uint16) float32 {
	sign, magnitude := uint32(h&0x8000)<<16, uint32(h&0x7fff)
	switch {
	case magnitude > 0x7c00:
		return math.Float32frombits(sign | 0x7fc00000 | magnitude&0x3ff<<13)
	case magnitude == 0x7c00:
		return math.Float32frombits(sign | infinity)
	case magnitude >= 0x400:
		return math.Float32frombits(sign | (magnitude<<13 + 112<<23))
	}
	return math.Float32frombits(sign | math.Float32bits(float32(magnitude)*(1./(1<<24))))
}

func brain(x float32) uint16 {
	b := math.Float32bits(x)
	if b&^signBit > infinity {
		return uint16(b>>16) | 0x40
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}
