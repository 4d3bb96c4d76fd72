package linalg

import (
	"fmt"
	"os"
)

// wide says that the AVX2 kernels are used. It is set at start and by tests.
var wide = haveAVX2 && os.Getenv("PARLEY_KERNELS") != "portable"

// Kernels names the path that the kernels take in this process: "avx2" or
// "portable". Both give the same bits.
func Kernels() string {
	if wide {
		return "avx2"
	}
	return "portable"
}

// CheckKernels returns an error if the environment variable PARLEY_KERNELS asks
// for kernels that this process does not have. It may be "portable", "avx2", or
// empty for the best that there is.
func CheckKernels() error {
	switch k := os.Getenv("PARLEY_KERNELS"); k {
	case "", Kernels():
		return nil
	case "avx2":
		return fmt.Errorf("PARLEY_KERNELS=%s: this processor has no AVX2, FMA and F16C: set it to portable, which gives the same bits, or unset it", k)
	default:
		return fmt.Errorf("PARLEY_KERNELS=%s: there are no such kernels: set it to avx2 or portable, or unset it", k)
	}
}
