package psbench

import (
	"encoding/json"
	"io"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"parley/internal/param"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// talk runs one side on pipes and returns its peer's ends; end closes its input and
// waits for it.
func talk(t *testing.T, run func(in io.Reader, out io.Writer) error) (*json.Encoder, *json.Decoder, func()) {
	t.Helper()
	in, toIn := io.Pipe()
	fromOut, out := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- run(in, out); _ = out.Close() }()
	return json.NewEncoder(toIn), json.NewDecoder(fromOut), func() {
		_ = toIn.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestPhases measures for a moment: each phase gives figures, and both sides end with
// their input.
func TestPhases(t *testing.T) {
	const space = 18
	order, answer, end := talk(t, func(in io.Reader, out io.Writer) error { return Serve(t.Context(), in, out) })
	defer end()
	if err := order.Encode(serverOrder{Servers: 1, Clients: 1, Space: space}); err != nil {
		t.Fatal(err)
	}
	var a addresses
	if err := answer.Decode(&a); err != nil {
		t.Fatal(err)
	}
	phase, figure, stop := talk(t, func(in io.Reader, out io.Writer) error { return Drive(t.Context(), in, out) })
	defer stop()
	if err := phase.Encode(clientOrder{Space: space, Seconds: 0.02, Servers: []addresses{a}}); err != nil {
		t.Fatal(err)
	}
	for _, p := range phases {
		var x figures
		if err := phase.Encode(p.name); err != nil {
			t.Fatal(err)
		}
		if err := figure.Decode(&x); err != nil {
			t.Fatal(err)
		}
		if x.Err != "" || x.Seconds <= 0 || x.Bytes <= 0 || p.name == "single" && !(x.P99 >= x.P50 && x.P50 > 0) {
			t.Errorf("%s: %+v", p.name, x)
		}
	}
}

func TestLists(t *testing.T) {
	l := newLists(1, 1000, 1<<18)
	seen := map[uint32]bool{}
	for range 100 {
		keys := l.fresh()
		if len(keys) != 1000 || !slices.IsSorted(keys) || keys[999] >= 1<<18 || seen[keys[0]] {
			t.Fatalf("%d keys from %d to %d", len(keys), keys[0], keys[len(keys)-1])
		}
		seen[keys[0]] = true
		l.back(keys)
	}
	if len(l.free) != 1 {
		t.Errorf("%d lists are free", len(l.free))
	}
}

func TestValidate(t *testing.T) {
	good := Config{Servers: 1, Clients: 1, Seconds: 1, Space: 26}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for i, change := range []func(*Config){func(c *Config) { c.Servers = 0 }, func(c *Config) { c.Clients = 99 }, func(c *Config) { c.Seconds = -1 }, func(c *Config) { c.Space = 40 }} {
		c := good
		change(&c)
		if param.KindOf(c.Validate()) != param.Invalid {
			t.Errorf("%d: %v", i, c.Validate())
		}
	}
}
