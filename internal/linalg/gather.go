package linalg

// Gather appends the elements of src at index to dst:
//
//	dst = append(dst, src[index[i]])
func Gather(dst, src []float32, index []uint32) []float32 {
	for _, i := range index {
		dst = append(dst, src[i])
	}
	return dst
}

// ScatterAdd adds src, which is as long as index, to elements of dst:
//
//	dst[index[i]] += src[i]
func ScatterAdd(dst []float32, index []uint32, src []float32) {
	if len(index) != len(src) {
		panic(badLength)
	}
	for j, i := range index {
		dst[i] += src[j]
	}
}
