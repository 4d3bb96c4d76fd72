//go:build !amd64

package linalg

func wideFactorSums(_, _ []float32, _ []uint32, _, _ []float32) int { return 0 }

func wideFactorsSGD(_ []float32, _ []uint32, _, _ []float32, _ float32) int { return 0 }

func wideFactorsAdaGrad(_, _ []float32, _ []uint32, _, _ []float32, _, _, _ float32) int { return 0 }
