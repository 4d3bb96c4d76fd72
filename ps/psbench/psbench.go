// Package psbench measures the data plane: server and client processes on the
// loopback interface, with the services and the client that jobs use, beside a
// plain copy over TCP between the same processes.
//
// Run starts the processes and asks them for one phase after the other; Serve and
// Drive are what the processes do. They talk JSON, a line a message, over standard
// input and output, and end when their input does.
package psbench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"parley/internal/param"
)

// Config says what to measure with.
type Config struct {
	Servers int     // processes, at least 1
	Clients int     // processes, at least 1; each has jobs of its own
	Seconds float64 // that a phase takes, above 0
	// Space is the logarithm of the number of keys of the sparse jobs, 18 to 28.
	Space int
	// Command returns the command line of a process with the given role, "server" or
	// "client".
	Command func(role string) []string
}

// Validate reports what Run would not survive. The error is Invalid.
func (c Config) Validate() error {
	switch {
	case c.Servers < 1 || c.Servers > 64:
		return param.Errorf(param.Invalid, "%d servers: there must be 1 to 64", c.Servers)
	case c.Clients < 1 || c.Clients > 64:
		return param.Errorf(param.Invalid, "%d clients: there must be 1 to 64", c.Clients)
	case !(c.Seconds > 0 && c.Seconds <= 600):
		return param.Errorf(param.Invalid, "%v seconds a phase: there must be more than 0 and at most 600", c.Seconds)
	case c.Space < 18 || c.Space > 28:
		return param.Errorf(param.Invalid, "2^%d keys: there must be 2^18 to 2^28", c.Space)
	}
	return nil
}

// Results are sums over the clients, but for the latencies, which are means. GB
// are 10^9 bytes, Mkeys 10^6 keys.
type Results struct {
	RawTCP        float64 `json:"raw_tcp_gb_per_s"`
	DensePush     float64 `json:"dense_push_gb_per_s"`
	DensePull     float64 `json:"dense_pull_gb_per_s"`
	SparsePush    float64 `json:"sparse_push_mkeys_per_s"`
	SparsePull    float64 `json:"sparse_pull_mkeys_per_s"`
	SparsePushNew float64 `json:"sparse_push_new_mkeys_per_s"`
	SparsePullNew float64 `json:"sparse_pull_new_mkeys_per_s"`
	// KnownBytes are those on the wire for a key of a push whose list is known, and
	// NewBytes for one whose list is new.
	KnownBytes float64 `json:"sparse_bytes_per_key"`
	NewBytes   float64 `json:"sparse_new_bytes_per_key"`
	SmallOps   float64 `json:"small_ops_per_s"`
	SmallP50   float64 `json:"small_p50_us"`
	SmallP99   float64 `json:"small_p99_us"`
}

// phase is one measurement; the figures of several clients are added up.
type phase struct {
	name string
	keep func(r *Results, x figures)
}

// phases in their order. The plain copy comes twice: a machine is not as fast at
// all times.
var phases = []phase{
	{"raw", func(r *Results, x figures) { r.RawTCP = x.Bytes / x.Seconds / 1e9 }},
	{"dense-push", func(r *Results, x figures) { r.DensePush = x.Bytes / x.Seconds / 1e9 }},
	{"dense-pull", func(r *Results, x figures) { r.DensePull = x.Bytes / x.Seconds / 1e9 }},
	{"raw", func(r *Results, x figures) { r.RawTCP = (r.RawTCP + x.Bytes/x.Seconds/1e9) / 2 }},
	{"sparse-push", func(r *Results, x figures) {
		r.SparsePush, r.KnownBytes = x.Keys/x.Seconds/1e6, x.Wire/x.Keys
	}},
	{"sparse-pull", func(r *Results, x figures) { r.SparsePull = x.Keys / x.Seconds / 1e6 }},
	{"sparse-push-new", func(r *Results, x figures) {
		r.SparsePushNew, r.NewBytes = x.Keys/x.Seconds/1e6, x.Wire/x.Keys
	}},
	{"sparse-pull-new", func(r *Results, x figures) { r.SparsePullNew = x.Keys / x.Seconds / 1e6 }},
	{"small", func(r *Results, x figures) { r.SmallOps = x.Ops / x.Seconds }},
	{"single", func(r *Results, x figures) { r.SmallP50, r.SmallP99 = x.P50, x.P99 }},
}

// figures are what a client has measured, or several together.
type figures struct {
	Seconds float64 // the longest
	Bytes   float64 // of values
	Wire    float64 // sent over the wire
	Keys    float64
	Ops     float64
	P50     float64 // microseconds
	P99     float64
	Err     string
}

// add adds the figures of one of n clients.
func (x *figures) add(y figures, n int) {
	x.Seconds = max(x.Seconds, y.Seconds)
	x.Bytes, x.Wire, x.Keys, x.Ops = x.Bytes+y.Bytes, x.Wire+y.Wire, x.Keys+y.Keys, x.Ops+y.Ops
	x.P50, x.P99 = x.P50+y.P50/float64(n), x.P99+y.P99/float64(n)
}

// Run measures. The processes have ended when it returns, also when ctx ends it.
// tell, unless it is nil, is told the name of each phase.
func Run(ctx context.Context, config Config, tell func(phase string)) (Results, error) {
	var results Results
	if err := config.Validate(); err != nil {
		return results, err
	}
	ctx, cancel := context.WithCancel(ctx)
	b := &bench{config: config}
	defer b.end(cancel)
	if err := b.start(ctx); err != nil {
		return results, err
	}
	for _, p := range phases {
		if tell != nil {
			tell(p.name)
		}
		sum, err := b.phase(p.name)
		if ctx.Err() != nil {
			return results, context.Cause(ctx)
		}
		if err != nil {
			return results, fmt.Errorf("%s: %w", p.name, err)
		}
		p.keep(&results, sum)
	}
	return results, nil
}

// bench is the processes of a run.
type bench struct {
	config           Config
	servers, clients []*process
}

// process is one of them, seen from outside.
type process struct {
	command *exec.Cmd
	in      io.WriteCloser
	encoder *json.Encoder
	decoder *json.Decoder
}

// serverOrder and clientOrder are the first lines to a process; each answers, the
// server with its addresses.
type serverOrder struct{ Index, Servers, Clients, Space int }
type clientOrder struct {
	Index, Space int
	Seconds      float64
	Servers      []addresses
}
type addresses struct{ Data, Raw string }

func (b *bench) start(ctx context.Context) error {
	var where []addresses
	for i := range b.config.Servers {
		p, err := b.launch(ctx, "server", serverOrder{i, b.config.Servers, b.config.Clients, b.config.Space})
		if err != nil {
			return err
		}
		b.servers = append(b.servers, p)
		var a addresses
		if err := p.decoder.Decode(&a); err != nil {
			return fmt.Errorf("server process %d did not start: %w", i, err)
		}
		where = append(where, a)
	}
	for i := range b.config.Clients {
		p, err := b.launch(ctx, "client", clientOrder{i, b.config.Space, b.config.Seconds, where})
		if err != nil {
			return err
		}
		b.clients = append(b.clients, p)
	}
	return nil
}

// launch starts a process, which ends with ctx or when its input does.
func (b *bench) launch(ctx context.Context, role string, order any) (*process, error) {
	line := b.config.Command(role)
	p := &process{command: exec.CommandContext(ctx, line[0], line[1:]...)}
	p.command.Stderr = os.Stderr
	out, err := p.command.StdoutPipe()
	if err == nil {
		p.in, err = p.command.StdinPipe()
	}
	if err == nil {
		err = p.command.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("start a %s process: %w", role, err)
	}
	p.encoder, p.decoder = json.NewEncoder(p.in), json.NewDecoder(out)
	return p, p.encoder.Encode(order)
}

// endGrace is how long processes may take to end by themselves.
const endGrace = time.Second

func (b *bench) end(kill func()) {
	all := append(b.clients, b.servers...)
	for _, p := range all {
		_ = p.in.Close()
	}
	late := time.AfterFunc(endGrace, kill)
	defer late.Stop()
	for _, p := range all {
		_ = p.command.Wait() // nothing is lost with them
	}
	kill()
}

// phase has all clients measure at once.
func (b *bench) phase(name string) (sum figures, err error) {
	for _, p := range b.clients {
		if err := p.encoder.Encode(name); err != nil {
			return sum, err
		}
	}
	for i, p := range b.clients {
		var x figures
		if err := p.decoder.Decode(&x); err != nil {
			return sum, fmt.Errorf("client process %d has ended: %w", i, err)
		}
		if x.Err != "" {
			return sum, param.Errorf(param.Unknown, "client process %d: %s", i, x.Err)
		}
		sum.add(x, len(b.clients))
	}
	return sum, nil
}
