package main

import (
	"bytes"
	"encoding/json"
	"testing"
)

// TestBenchPS runs the measurement for a moment: every figure is there, and the
// processes have ended.
func TestBenchPS(t *testing.T) {
	t.Parallel()
	c := parley(t, "bench", "ps", "--json", "--seconds", "0.05", "--space", "20", "--servers", "2", "--clients", "2")
	var out, complaints bytes.Buffer
	c.Stdout, c.Stderr = &out, &complaints
	if err := c.Run(); err != nil {
		t.Fatalf("%v: %s", err, complaints.Bytes())
	}
	var figures map[string]float64
	if err := json.Unmarshal(out.Bytes(), &figures); err != nil {
		t.Fatalf("%v: %s", err, out.Bytes())
	}
	for _, name := range []string{"raw_tcp_gb_per_s", "dense_push_gb_per_s", "dense_pull_gb_per_s", "sparse_push_mkeys_per_s", "sparse_pull_mkeys_per_s",
		"sparse_push_new_mkeys_per_s", "sparse_pull_new_mkeys_per_s", "sparse_bytes_per_key", "sparse_new_bytes_per_key", "small_ops_per_s", "small_p50_us", "small_p99_us"} {
		if !(figures[name] > 0) {
			t.Errorf("%s is %v", name, figures[name])
		}
	}
	if k := figures["sparse_bytes_per_key"]; k > 4.3 {
		t.Errorf("%v bytes for a known key", k)
	}
	if complaints.Len() > 0 {
		t.Errorf("it says %s", complaints.Bytes())
	}
}

// TestBenchPSRefuses what it cannot measure.
func TestBenchPSRefuses(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"--servers=0", "--clients=-1", "--seconds=0", "--space=99"} {
		c := parley(t, "bench", "ps", flag)
		if err := c.Run(); err == nil || c.ProcessState.ExitCode() != exitUsage {
			t.Errorf("%s: %v", flag, err)
		}
	}
}
