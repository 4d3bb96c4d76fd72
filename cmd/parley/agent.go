package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"parley/coordinator"
	"parley/coordinator/coordserver"
	"parley/internal/node"
	"parley/internal/rpc"
)

// agentOptions are the flags of parley agent.
type agentOptions struct {
	roles, join                          []string
	bind, gossip, advertise, label, http string
	chaos                                []string
	insecure, verbose, pprof             bool
	room                                 coordserver.Room
	data                                 dataOptions
}

func agentCommand() *cobra.Command {
	var o agentOptions
	c := &cobra.Command{
		Use:   "agent",
		Short: "Run a node of a cluster until it is stopped",
		Long: `Agent runs one node: coordinator, parameter server and trainer, or the roles of them that
--roles names. Nodes find each other by gossip: --join takes the bind address of any node that
runs already. When the node is ready it prints one line of JSON on standard output:

  {"ready":true,"node":"...","bind":"...","gossip":"...","http":""}

Logs go to standard error. On SIGTERM or Ctrl-C the node drains: it gives its workers and
parameters to other nodes, which takes a moment and costs no round, and ends after 30 s at the
latest; a second signal ends it at once. A coordinator that is started again with the same --bind and
--data-dir within two minutes goes on with the jobs that were running.

Exit codes: 0 it was told to end; 2 usage, an address that is taken, or
the cluster to join has another label.`,
		Example: `  parley agent
  parley agent --bind 127.0.0.1:0 --join 127.0.0.1:7700 --roles trainer`,
		Args:              takes(),
		ValidArgsFunction: arguments(),
	}
	f := c.Flags()
	f.StringSliceVar(&o.roles, "roles", node.Roles, "what the node does")
	values(c, "roles", someOf(node.Roles...))
	f.StringSliceVar(&o.join, "join", nil, "bind addresses of nodes to join")
	values(c, "join", nodes)
	f.StringVar(&o.bind, "bind", defaultCluster, "address to listen on; port 0 picks one")
	f.StringVar(&o.gossip, "gossip", "", "address to gossip on (default: --bind's host and the next port)")
	f.StringVar(&o.advertise, "advertise", "", "host under which others reach this node (default: --bind's)")
	f.StringVar(&o.http, "http", "", "address of the HTTP endpoint, with pages for a browser, the API under /v1/ and /metrics; port 0 picks one (default: none)")
	f.IntVar(&o.room.Jobs, "max-jobs", coordserver.DefaultRoom.Jobs, "jobs that a coordinator runs at a time; the others wait in its queue")
	f.IntVar(&o.room.Queued, "max-queued", coordserver.DefaultRoom.Queued, "jobs that may wait in the queue; what is submitted beyond is refused")
	f.BoolVar(&o.pprof, "pprof", false, "serve profiles of this process under /debug/pprof/ of --http")
	f.StringVar(&o.label, "label", "parley", "name of the cluster: nodes of another label are refused")
	o.data.addFlags(c, "folder for models, a coordinator's jobs, temporary files and the cache of parsed rows (default: parley-data/PORT in the user's cache folder; with port 0 a temporary one)")
	f.BoolVar(&o.insecure, "insecure", false, "allow addresses beyond loopback: anybody who reaches them can read data, submit jobs that read files of this user, and change models; use it on networks that you trust entirely (keys are not yet supported)")
	f.BoolVar(&o.verbose, "verbose", false, "log more")
	addChaos(c, &o.chaos)
	c.RunE = do(func(c *cobra.Command, _ []string) error { return runAgent(c.Context(), o) })
	return c
}

func runAgent(ctx context.Context, o agentOptions) error {
	level := slog.LevelInfo
	if o.verbose {
		level = slog.LevelDebug
	}
	logger := newLogger(level)
	if err := o.data.check(); err != nil {
		return exit(exitUsage, err)
	}
	if o.pprof && o.http == "" {
		return exit(exitUsage, errors.New("--pprof needs --http: profiles are served there"))
	}
	if o.room.Jobs < 1 {
		return exit(exitUsage, fmt.Errorf("--max-jobs is %d: a coordinator that runs no jobs would leave all of them in its queue; give 1 or more", o.room.Jobs))
	}
	if o.room.Queued < 0 {
		return exit(exitUsage, fmt.Errorf("--max-queued is %d: give 0, for no queue, or more", o.room.Queued))
	}
	if o.data.dir == "" {
		dir, end, err := defaultDataDir(o.bind)
		if err != nil {
			return exit(exitUsage, fmt.Errorf("%w: give --data-dir", err))
		}
		defer end()
		o.data.dir = dir
	}
	n, err := node.New(node.Config{Network: rpc.TCP{}, Bind: o.bind, Roles: o.roles, Label: o.label, DataDir: o.data.dir, JobsDir: filepath.Join(o.data.dir, "coordinator"), Version: version, Blocks: o.data.blocks(),
		Limits: coordinator.DefaultLimits, Room: o.room, Insecure: o.insecure, HTTP: o.http, Pprof: o.pprof, Gossip: &node.Gossip{Bind: o.gossip, Advertise: o.advertise, Join: o.join}, Logger: logger})
	if err != nil {
		return err
	}
	factors, err := parseSlow(o.chaos, false)
	if factor, ok := factors[""]; err == nil && ok {
		err = n.Slow(factor)
	}
	if err != nil {
		n.Close()
		return exit(exitUsage, err)
	}
	if err := n.CheckSeeds(ctx); err != nil {
		n.Close()
		return err
	}
	signalled := ctx
	group, ctx := errgroup.WithContext(context.WithoutCancel(ctx))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	drained := context.AfterFunc(signalled, func() {
		drain(n)
		cancel()
	})
	defer drained()
	group.Go(func() error { return n.Run(ctx) })
	group.Go(func() error { return announce(ctx, n) })
	return group.Wait()
}

// drainWithin bounds the time in which an agent gives its work back before it ends.
const drainWithin = 30 * time.Second

// drain gives the node's work back to the cluster. A second signal ends the process
// without.
func drain(n *node.Node) {
	ctx, cancel := context.WithTimeout(context.Background(), drainWithin)
	defer cancel()
	n.Drain(ctx)
}

// readyWithin is how long an agent waits for a coordinator before it says that it
// is ready without one.
const readyWithin = 3 * time.Second

// announce prints that the node is ready: it serves, and has a coordinator if
// there is one.
func announce(ctx context.Context, n *node.Node) error {
	select {
	case <-ctx.Done():
		return nil
	case <-n.Registered():
	case <-time.After(readyWithin):
	}
	line, err := json.Marshal(struct {
		Ready  bool   `json:"ready"`
		Node   string `json:"node"`
		Bind   string `json:"bind"`
		Gossip string `json:"gossip"`
		HTTP   string `json:"http"`
	}{true, string(n.Name()), n.Address(), n.Gossip(), n.HTTP()})
	if err == nil {
		_, err = fmt.Println(string(line))
	}
	return err
}

// defaultDataDir is one folder a port, so that agents on one machine keep apart;
// those whose port the system picks have a temporary one, which end removes.
func defaultDataDir(bind string) (dir string, end func(), err error) {
	port := bind[strings.LastIndexByte(bind, ':')+1:]
	if port == "0" || port == "" {
		dir, err = os.MkdirTemp("", "parley-agent-")
		return dir, func() { os.RemoveAll(dir) }, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", nil, err
	}
	return filepath.Join(cache, "parley-data", port), func() {}, nil
}
