//go:build !amd64

package linalg

// There are no wide kernels: each takes none of the elements.

const haveAVX2 = false

func wideAdd([]float32, []float32, []float32) int { return 0 }

func wideSub([]float32, []float32, []float32) int { return 0 }

func wideAddMean([]float32, []float32, []float32, []uint32) int { return 0 }

func wideShrink([]float32, []uint32, float64, []float64) int { return 0 }

func wideShrinkAdaGrad([]float32, []float32, []uint32, float64, float64, []float64) int { return 0 }

func wideFinite([]float32) (int, bool) { return 0, true }

func wideAscending([]uint32) (int, bool) { return 0, true }

func wideSquares([]float32, *[8]float64) int { return 0 }

func wideGradientDescent([]float32, []float32, []float32, []uint32, Mean, float32) int { return 0 }

func wideMomentum([2][]float32, [2][]float32, []float32, []uint32, MomentumStep) int { return 0 }

func wideAdaGrad([2][]float32, [2][]float32, []float32, []uint32, AdaGradStep) int { return 0 }

func wideAdam([3][]float32, [3][]float32, []float32, []uint32, AdamStep) int { return 0 }

func wideFTRL([3][]float32, [3][]float32, []float32, []uint32, FTRLStep) int { return 0 }

func widePack16([]uint16, []float32) int { return 0 }

func wideUnpack16([]float32, []uint16) int { return 0 }

func widePackB16([]uint16, []float32) int { return 0 }

func wideUnpackB16([]float32, []uint16) int { return 0 }
