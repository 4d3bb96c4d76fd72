package gemm

import (
	"os"

	"golang.org/x/sys/cpu"

	"parley/internal/linalg"
)

// The kernels of this process. PARLEY_KERNELS=portable keeps it to those in Go, and
// avx2 to those of 256 bits.
var single, double = choose(os.Getenv("PARLEY_KERNELS"))

var (
	avx2Single   = kernel[float32]{6, 16, sgemmAVX2}
	avx2Double   = kernel[float64]{6, 8, dgemmAVX2}
	avx512Single = kernel[float32]{12, 32, sgemmAVX512}
	avx512Double = kernel[float64]{12, 16, dgemmAVX512}
)

func choose(asked string) (kernel[float32], kernel[float64]) {
	switch {
	case linalg.Kernels() == "portable":
		return portableSingle, portableDouble
	case asked == "" && cpu.X86.HasAVX512F:
		return avx512Single, avx512Double
	}
	return avx2Single, avx2Double
}
