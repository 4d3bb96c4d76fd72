package main

import (
	"strconv"
	"testing"

	"parley/internal/artifact"
)

// TestWire: the encodings are alike over an in-memory network and over TCP, each
// gives a model of its own, and all of them learn.
func TestWire(t *testing.T) {
	t.Parallel()
	c := startCluster(t, "coordinator,ps", "ps", "trainer", "trainer")
	plain := trainReport(t, "run.epochs=2")
	seen := map[string]string{plain.ModelSHA256: "f32"}
	for _, encoding := range []string{"f16", "bf16", "int8"} {
		here := trainReport(t, "run.epochs=2", "run.wire="+encoding)
		there := trainReport(t, "run.epochs=2", "run.wire="+encoding, "--cluster", c.address())
		if here.ModelSHA256 != there.ModelSHA256 {
			t.Errorf("%s: %s embedded, %s over TCP", encoding, here.ModelSHA256, there.ModelSHA256)
		}
		if other := seen[here.ModelSHA256]; other != "" {
			t.Errorf("%s gives the model of %s", encoding, other)
		}
		seen[here.ModelSHA256] = encoding
		if loss, want := logloss(here), logloss(plain); loss > want+0.02 {
			t.Errorf("%s: logloss %v, plain %v", encoding, loss, want)
		}
	}
}

func logloss(r artifact.Report) float64 { return r.Metrics.Test["logloss"] }

// TestRules: each update rule learns, and gives the same model on a cluster as here.
func TestRules(t *testing.T) {
	t.Parallel()
	c := startCluster(t, "coordinator,ps", "ps", "trainer", "trainer")
	for _, kind := range []string{"sgd", "momentum", "adam", "ftrl"} {
		settings := []string{"run.epochs=3", "optimizer=null", "optimizer.kind=" + kind}
		here, there := trainReport(t, settings...), trainReport(t, append(settings, "--cluster", c.address())...)
		if here.ModelSHA256 != there.ModelSHA256 {
			t.Errorf("%s: %s embedded, %s over TCP", kind, here.ModelSHA256, there.ModelSHA256)
		}
		if logloss(here) > 0.5 {
			t.Errorf("%s: logloss %v", kind, logloss(here))
		}
	}
}

// TestConsistency: ssp and asp count every row once, and the report says that their
// model is not the same each time.
func TestConsistency(t *testing.T) {
	t.Parallel()
	c := startCluster(t, "coordinator,ps", "ps", "trainer", "trainer")
	for _, mode := range []string{"ssp", "asp"} {
		r := trainReport(t, "run.epochs=3", "run.consistency="+mode, "--cluster", c.address())
		if r.Reproducible || r.Consistency != mode || logloss(r) > 0.4 {
			t.Errorf("%s: %+v", mode, r)
		}
	}
}

// TestEarlyStopping: the model is that of a run of the best epoch's length.
func TestEarlyStopping(t *testing.T) {
	t.Parallel()
	stop := []string{"run.stop={metric: logloss, patience: 2}"}
	early := trainReport(t, append(stop, "run.epochs=40")...)
	if early.Epochs >= 40 || early.Epochs < 2 {
		t.Fatalf("%d epochs", early.Epochs)
	}
	exact := trainReport(t, "run.epochs="+strconv.Itoa(early.Epochs))
	if early.ModelSHA256 != exact.ModelSHA256 || early.Rounds != exact.Rounds {
		t.Errorf("model %s of %d rounds; that of %d epochs is %s of %d", early.ModelSHA256, early.Rounds, early.Epochs, exact.ModelSHA256, exact.Rounds)
	}
	f := startCluster(t, "coordinator", "ps", "ps", "trainer", "trainer")
	if there := trainReport(t, append(stop, "run.epochs=40", "--cluster", f.address())...); there.ModelSHA256 != early.ModelSHA256 {
		t.Errorf("on a cluster %s", there.ModelSHA256)
	}
}
