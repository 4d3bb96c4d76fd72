package node

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"parley/coordinator"
	"parley/datashard"
	"parley/internal/agent"
	"parley/internal/param"
	"parley/internal/rpc"
)

// Embedded is a cluster within this process: a coordinator, servers and trainers
// over an in-memory network.
type Embedded struct {
	Network rpc.Network
	Address string // of the coordinator
	dir     string
	nodes   []*Node
}

// NewEmbedded assembles a cluster of so many servers and trainers. Its models and
// temporary files live in a temporary folder that Run removes; blocks, which may
// be nil, keeps parsed rows.
func NewEmbedded(servers, trainers int, version string, blocks datashard.Blocks, logger *slog.Logger) (*Embedded, error) {
	dir, err := os.MkdirTemp("", "parley-")
	if err != nil {
		return nil, err
	}
	limits := coordinator.DefaultLimits
	limits.Local = true
	e := &Embedded{Network: rpc.NewInProcess(), dir: dir}
	library := agent.NewLibrary()
	add := func(name string, role string) error {
		n, err := New(Config{Network: e.Network, Bind: "127.0.0.1:0", Roles: []string{role}, DataDir: filepath.Join(dir, name),
			Version: version, Limits: limits, Peer: e.Address, Library: library, Blocks: blocks, Logger: logger})
		if err == nil {
			e.nodes = append(e.nodes, n)
		}
		return err
	}
	err = add("coordinator", Coordinator)
	if err == nil {
		e.Address = e.nodes[0].Address()
	}
	for i := 0; i < servers && err == nil; i++ {
		err = add(fmt.Sprintf("ps-%d", i), Server)
	}
	for i := 0; i < trainers && err == nil; i++ {
		err = add(fmt.Sprintf("trainer-%d", i), Trainer)
	}
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return e, nil
}

// Slow makes a trainer, trainer-0 and so on, compute so many times as slowly, for
// experiments. It is called before Run.
func (e *Embedded) Slow(name string, factor float64) error {
	trainers := 0
	for _, n := range e.nodes {
		if !n.has(Trainer) {
			continue
		}
		if name == fmt.Sprintf("trainer-%d", trainers) {
			return n.Slow(factor)
		}
		trainers++
	}
	return param.Errorf(param.Invalid, "there is no node %q to be made slow: the trainers are trainer-0 to trainer-%d", name, trainers-1)
}

// Close ends a cluster that was not run.
func (e *Embedded) Close() {
	for _, n := range e.nodes {
		n.Close()
	}
	os.RemoveAll(e.dir)
}

// Run works until ctx ends.
func (e *Embedded) Run(ctx context.Context) error {
	defer os.RemoveAll(e.dir)
	group, ctx := errgroup.WithContext(ctx)
	for _, n := range e.nodes {
		group.Go(func() error { return n.Run(ctx) })
	}
	return group.Wait()
}
