package linalg

import "math"

// AppendWords appends each float64 as two float32 with its bits, the lower ones
// first, so that scalars travel with float32 values. They are to be copied alone:
// most are no numbers.
func AppendWords(dst []float32, x []float64) []float32 {
	for _, v := range x {
		b := math.Float64bits(v)
		dst = append(dst, math.Float32frombits(uint32(b)), math.Float32frombits(uint32(b>>32)))
	}
	return dst
}

// FromWords appends what AppendWords has written; the number of words is even.
func FromWords(dst []float64, words []float32) []float64 {
	for ; len(words) >= 2; words = words[2:] {
		dst = append(dst, math.Float64frombits(uint64(math.Float32bits(words[0]))|uint64(math.Float32bits(words[1]))<<32))
	}
	return dst
}
