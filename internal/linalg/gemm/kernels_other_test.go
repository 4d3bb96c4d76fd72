//go:build !amd64

package gemm

func singleKernels() map[string]kernel[float32] {
	return map[string]kernel[float32]{"portable": portableSingle}
}

func doubleKernels() map[string]kernel[float64] {
	return map[string]kernel[float64]{"portable": portableDouble}
}
