package gemm

import "golang.org/x/sys/cpu"

// singleKernels are those that this processor has.
func singleKernels() map[string]kernel[float32] {
	k := map[string]kernel[float32]{"portable": portableSingle}
	if cpu.X86.HasAVX2 {
		k["avx2"] = avx2Single
	}
	if cpu.X86.HasAVX512F {
		k["avx512"] = avx512Single
	}
	return k
}

// doubleKernels are those that this processor has.
func doubleKernels() map[string]kernel[float64] {
	k := map[string]kernel[float64]{"portable": portableDouble}
	if cpu.X86.HasAVX2 {
		k["avx2"] = avx2Double
	}
	if cpu.X86.HasAVX512F {
		k["avx512"] = avx512Double
	}
	return k
}
