package wire

import (
	"encoding/binary"
	"math"

	"parley/internal/param"
)

// Encoding is how the values of a pull or a push travel. Each conversion is a
// function of the bits alone, the same on every machine: rounding is to nearest,
// ties to even, and a finite value stays finite (it stops at the largest that the
// encoding has). NaN and infinities arrive as NaN or infinities, to be refused.
type Encoding uint8

// The encodings, with the bytes of a value.
const (
	F32  Encoding = iota // 4: the bits as they are
	F16                  // 2: IEEE 754 binary16, with its subnormals; largest 65504
	BF16                 // 2: the upper half of a float32
	Int8                 // 1 + 4/256: -127 to 127 times the block's scale
	encodings
)

// block is the number of values that share a scale in Int8.
const block = 256

var encodingNames = [...]string{"f32", "f16", "bf16", "int8"}

// String returns the name by which a job asks for the encoding.
func (e Encoding) String() string {
	if e < encodings {
		return encodingNames[e]
	}
	return "unknown"
}

// Pulled returns the encoding of pulls, where pushes have this one. Parameters and
// accumulators of a block differ by orders of magnitude, so that they need exponents
// of their own, which Int8 has not.
func (e Encoding) Pulled() Encoding {
	if e == Int8 {
		return BF16
	}
	return e
}

// ParseEncoding returns the encoding of a name: f32 (also ""), f16, bf16 or int8.
// The error is Invalid.
func ParseEncoding(name string) (Encoding, error) {
	for e, n := range encodingNames {
		if n == name {
			return Encoding(e), nil
		}
	}
	if name == "" {
		return F32, nil
	}
	return F32, param.Errorf(param.Invalid, "wire encoding %q: there are f32, f16, bf16 and int8", name)
}

// Size returns the bytes that n values take.
func (e Encoding) Size(n int) int {
	switch e {
	case F16, BF16:
		return 2 * n
	case Int8:
		return 4*((n+block-1)/block) + n
	}
	return 4 * n
}

// Round sets dst to what the other side reads when src is sent as one request or
// reply: src - dst is the error, which a worker may add to what it sends next. dst
// may be src; both have the same length.
func (e Encoding) Round(dst, src []float32) {
	switch e {
	case F16:
		for i, x := range src {
			dst[i] = fromHalf(toHalf(x))
		}
	case BF16:
		for i, x := range src {
			dst[i] = fromBrain(toBrain(x))
		}
	case Int8:
		for len(src) > 0 {
			n := min(block, len(src))
			s := scale(src[:n])
			for i, x := range src[:n] {
				dst[i] = float32(quantize(x, s)) * s
			}
			dst, src = dst[n:], src[n:]
		}
	default:
		copy(dst, src)
	}
}

// encode sets dst, of Size(len(src)) bytes, to the values.
func (e Encoding) encode(dst []byte, src []float32) {
	switch e {
	case F16:
		for i, x := range src {
			binary.LittleEndian.PutUint16(dst[2*i:], toHalf(x))
		}
	case BF16:
		for i, x := range src {
			binary.LittleEndian.PutUint16(dst[2*i:], toBrain(x))
		}
	case Int8:
		for len(src) > 0 {
			n := min(block, len(src))
			s := scale(src[:n])
			binary.LittleEndian.PutUint32(dst, math.Float32bits(s))
			for i, x := range src[:n] {
				dst[4+i] = byte(quantize(x, s))
			}
			dst, src = dst[4+n:], src[n:]
		}
	default:
		copy(dst, floatBytes(src))
	}
}

// decode sets dst to the values of src, which has Size(len(dst)) bytes.
func (e Encoding) decode(dst []float32, src []byte) {
	switch e {
	case F16:
		for i := range dst {
			dst[i] = fromHalf(binary.LittleEndian.Uint16(src[2*i:]))
		}
	case BF16:
		for i := range dst {
			dst[i] = fromBrain(binary.LittleEndian.Uint16(src[2*i:]))
		}
	case Int8:
		for len(dst) > 0 {
			n := min(block, len(dst))
			s := math.Float32frombits(binary.LittleEndian.Uint32(src))
			for i := range dst[:n] {
				dst[i] = float32(int8(src[4+i])) * s
			}
			dst, src = dst[n:], src[4+n:]
		}
	default:
		copy(floatBytes(dst), src)
	}
}

const (
	signBit  = 1 << 31
	infinity = 0xff << 23
)

// toHalf converts to binary16. Below 2^-14, where binary16 is subnormal, the
// addition of 0.5 aligns the mantissa and rounds it; above, the exponent is moved
// and the 13 lowest bits are rounded away.
func toHalf(x float32) uint16 {
	b := math.Float32bits(x)
	sign, b := uint16(b>>16)&0x8000, b&^signBit
	switch {
	case b > infinity:
		return sign | 0x7e00
	case b == infinity:
		return sign | 0x7c00
	case b >= 0x477ff000: // rounds to 65536 or more
		return sign | 0x7bff
	case b < 113<<23:
		f := math.Float32frombits(b) + 0.5
		return sign | uint16(math.Float32bits(f)-math.Float32bits(0.5))
	}
	b += 0xfff + b>>13&1
	return sign | uint16((b-112<<23)>>13)
}

func fromHalf(h uint16) float32 {
	sign, b := uint32(h&0x8000)<<16, uint32(h&0x7fff)
	switch {
	case b >= 0x7c00:
		return math.Float32frombits(sign | infinity | (b&0x3ff)<<13)
	case b < 0x400: // subnormal: an integer times 2^-24, which is exact
		return math.Float32frombits(sign | math.Float32bits(float32(b)*(1.0/(1<<24))))
	}
	return math.Float32frombits(sign | (b<<13 + 112<<23))
}

func toBrain(x float32) uint16 {
	b := math.Float32bits(x)
	switch m := b &^ signBit; {
	case m > infinity:
		return uint16(b>>16) | 0x40 // a NaN stays one without its lower half
	case m >= 0x7f7f8000 && m < infinity:
		return uint16(b>>16)&0x8000 | 0x7f7f
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

func fromBrain(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// scale is a 127th of the largest magnitude, and NaN if any value is not finite.
func scale(x []float32) float32 {
	var m uint32 // magnitudes are ordered as their bits
	for _, v := range x {
		m = max(m, math.Float32bits(v)&^signBit)
	}
	if m >= infinity {
		return float32(math.NaN())
	}
	s := math.Float32frombits(m) / 127
	if 127*s > math.MaxFloat32 { // it was rounded up
		return math.Float32frombits(math.Float32bits(s) - 1)
	}
	return s
}

// quantize is x/s rounded to the nearest integer. Adding and taking away 1.5·2^23
// rounds: floats of that size are the integers.
func quantize(x, s float32) int8 {
	const integers = 3 << 22
	q := float32(float32(x/s)+integers) - integers
	if !(q >= -127 && q <= 127) { // 0/0, or a scale that was rounded among the subnormals
		switch {
		case q > 127:
			return 127
		case q < -127:
			return -127
		}
		return 0
	}
	return int8(q)
}
