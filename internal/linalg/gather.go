package linalg

// Gather appends src[index[i]] for each i to dst:
//
//	for _, j := range index { dst = append(dst, src[j]) }
func Gather(dst, src []float32, index []uint32) []float32 {
	for _, j := range index {
		dst = append(dst, src[j])
	}
	return dst
}

// ScatterAdd adds src to the elements of dst that index names:
//
//	for i, j := range index { dst[j] += src[i] }
func ScatterAdd(dst []float32, index []uint32, src []float32) {
	for i, j := range index {
		dst[j] += src[i]
	}
}
