//go:build !amd64

package linalg

func wideMulTransposed[T float32 | float64]([]float64, []T, int, int, []float64, int, int) int {
	return 0
}

func wideMul[T float32 | float64]([]float64, []T, int, int, []float64, int, int) int { return 0 }

func wideAddRows([]float64, []uint32, []float32, []float32) int { return 0 }

func wideMulRow([]float32, []uint32, []float32, []float32) int { return 0 }

func wideScatterRows([]float64, []uint32, []float32, []float64) int { return 0 }

func wideAddScaled([]float64, []float64, float64) int { return 0 }

func wideRotate([]float64, []float64, float64, float64) int { return 0 }

func wideDot([]float64, []float64, *[8]float64) int { return 0 }
