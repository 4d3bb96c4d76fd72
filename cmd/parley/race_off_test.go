//go:build !race

package main

const raceDetector = false

const slower = 1
