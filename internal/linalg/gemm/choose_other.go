//go:build !amd64

package gemm

var single, double = portableSingle, portableDouble
