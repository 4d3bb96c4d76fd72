package linalg

// Sigmoid returns 1 / (1 + exp(-x)). The error is below 3 ulp.
func Sigmoid(x float64) float64 {
	if x < 0 {
		e := Exp(x)
		return e / (1 + e)
	}
	return 1 / (1 + Exp(-x))
}

// Softplus returns log(1 + exp(x)), without overflow. The error is below 3 ulp.
func Softplus(x float64) float64 {
	if x > 0 {
		return x + Log1p(Exp(-x))
	}
	return Log1p(Exp(x))
}

// Logistic returns the logistic loss of a row with the given margin and its
// derivative with respect to the margin: with y = 1 for a positive row and -1
// for any other,
//
//	loss     = log(1 + exp(-y * margin))
//	gradient = -y / (1 + exp(y * margin))
//
// The loss is in nats. It is Softplus and Sigmoid with one Exp between them.
func Logistic(margin float64, positive bool) (loss, gradient float64) {
	y, z := -1.0, -margin
	if positive {
		y, z = 1, margin
	}
	if z < 0 {
		e := Exp(z)
		return Log1p(e) - z, -y / (1 + e)
	}
	e := Exp(-z)
	return Log1p(e), -y * (e / (1 + e))
}

// Hinge returns the hinge loss of a row with the given margin and its derivative
// with respect to the margin: with y = 1 for a positive row and -1 for any other,
//
//	loss     = max(0, 1 - y * margin)
//	gradient = -y if y * margin < 1, else 0
func Hinge(margin float64, positive bool) (loss, gradient float64) {
	y, z := -1.0, -margin
	if positive {
		y, z = 1, margin
	}
	if z >= 1 {
		return 0, 0
	}
	return 1 - z, -y
}

// Poisson returns the Poisson loss of a row, where the margin is the logarithm of
// the mean, without the terms that hang on the label alone, and its derivative with
// respect to the margin:
//
//	loss     = exp(margin) - label * margin
//	gradient = exp(margin) - label
//
// Both are infinite where Exp is.
func Poisson(margin, label float64) (loss, gradient float64) {
	mean := Exp(margin)
	return mean - float64(label*margin), mean - label
}

// Squared returns half the squared error of a row and its derivative with
// respect to the margin:
//
//	loss     = (margin - label)² / 2
//	gradient = margin - label
func Squared(margin, label float64) (loss, gradient float64) {
	e := margin - label
	return float64(float64(e*e) / 2), e
}
