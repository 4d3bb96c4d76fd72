//go:build race

package main

const raceDetector = true

// slower is what the race detector makes of time, roughly.
const slower = 3
