//go:build !race

package datashard

const raceDetector = false
