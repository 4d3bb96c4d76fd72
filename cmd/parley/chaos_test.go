package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseSlow(t *testing.T) {
	for _, c := range []struct {
		faults []string
		named  bool
		want   map[string]float64
	}{
		{nil, true, map[string]float64{}},
		{[]string{"slow=3x"}, false, map[string]float64{"": 3}},
		{[]string{"slow=trainer-0:1.5x", "slow=trainer-1:1x"}, true, map[string]float64{"trainer-0": 1.5, "trainer-1": 1}},
	} {
		if got, err := parseSlow(c.faults, c.named); err != nil || !cmp.Equal(got, c.want) {
			t.Errorf("%q: %v, %v", c.faults, got, err)
		}
	}
	for _, c := range []struct {
		fault string
		named bool
	}{{"", false}, {"slow", false}, {"slow=", false}, {"slow=3", false}, {"slow=0.5x", false}, {"slow=NaNx", false}, {"slow=1001x", false},
		{"slow=a:3x", false}, {"slow=3x", true}, {"fast=3x", false}, {"slow=a:b:3x", true}} {
		if got, err := parseSlow([]string{c.fault}, c.named); err == nil {
			t.Errorf("%q: %v", c.fault, got)
		}
	}
	if _, err := parseSlow([]string{"slow=2x", "slow=3x"}, false); err == nil {
		t.Error("two factors of one node were taken")
	}
}

// TestSlowTrainer: it changes no result and takes its time: half of the rows of two
// epochs, a hundred times as slowly.
func TestSlowTrainer(t *testing.T) {
	plain := trainReport(t, "run.epochs=2")
	slow := trainReport(t, "run.epochs=2", "--trainers", "2", "--chaos", "slow=trainer-1:100x")
	if slow.ModelSHA256 != plain.ModelSHA256 || slow.Seconds.Train < 0.3 {
		t.Errorf("hash %s in %v s, with a slow trainer %s in %v s", plain.ModelSHA256, plain.Seconds.Train, slow.ModelSHA256, slow.Seconds.Train)
	}
}

func TestChaosRefuses(t *testing.T) {
	for _, args := range [][]string{
		{"train", "JOB", "--chaos", "slow=trainer-9:2x"}, {"train", "JOB", "--chaos", "slow=2x"}, {"train", "JOB", "--cluster", "127.0.0.1:1", "--chaos", "slow=trainer-0:2x"},
		{"agent", "--bind", "127.0.0.1:0", "--chaos", "slow=trainer-0:2x"}, {"agent", "--bind", "127.0.0.1:0", "--roles", "ps", "--chaos", "slow=2x"},
	} {
		if args[0] == "train" {
			args = append([]string{"train", jobFile(t), "output=" + t.TempDir()}, args[2:]...)
		}
		o := waitFor(t, startParley(t, args...), 20*time.Second)
		if o.code != 2 {
			t.Errorf("%q: exit code %d: %s", args, o.code, o.stderr)
		}
	}
}
