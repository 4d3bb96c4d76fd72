package main

import (
	"testing"

	"parley/internal/artifact"
)

// benchEpochs makes a run of the bundled job long enough to be measured.
const benchEpochs = "run.epochs=100"

// BenchmarkTrain trains the bundled job in one process and over three agents with
// all roles. rows/s are rows learned from a second of training: reading the data,
// evaluation and the start of processes are not in it, but in the time an op.
// scripts/bench.sh prints the ratio.
func BenchmarkTrain(b *testing.B) {
	b.Run("embedded", func(b *testing.B) {
		benchmarkTrain(b)
	})
	b.Run("processes-3", func(b *testing.B) {
		const roles = "coordinator,ps,trainer"
		c := startCluster(b, roles, roles, roles)
		benchmarkTrain(b, "--cluster", c.address())
	})
}

func benchmarkTrain(b *testing.B, args ...string) {
	var rows, seconds float64
	var last artifact.Report
	for b.Loop() {
		r := trainReport(b, append([]string{benchEpochs}, args...)...)
		if last.ModelSHA256 != "" && last.ModelSHA256 != r.ModelSHA256 {
			b.Fatalf("hash %s, then %s", last.ModelSHA256, r.ModelSHA256)
		}
		last = r
		rows += float64(r.Rows) * float64(r.Epochs)
		seconds += r.Seconds.Train
	}
	b.ReportMetric(rows/seconds, "rows/s")
}
