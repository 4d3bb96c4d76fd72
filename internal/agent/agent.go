// Package agent is a node's side of the coordinator's session: it registers the
// node, sends heartbeats, and does what it is told: profiles data, hosts workers,
// holds parameter ranges, writes models. When the session ends, the work goes on
// for a while: a coordinator that was restarted takes it over, any other ends it.
//
// It wires datashard, trainer, models and update rules together, which do not
// know of one another. internal/node makes one Agent a process.
package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"parley/datashard"
	"parley/internal/checkpoint"
	"parley/internal/param"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
	"parley/ps/psserver"
)

// Config says who the node is and what it works with.
type Config struct {
	Node    param.NodeID
	Label   string
	Roles   []string
	Bind    string // as other nodes dial it
	Version string
	DataDir string // for models and temporary files
	Network rpc.Network
	Ranges  *psserver.Server
	Library *Library         // shared by the agents of a process
	Blocks  datashard.Blocks // keeps parsed rows on disk; nil: nobody does
	Remote  datashard.Remote // opens URLs; nil: nobody does
	// Checkpoints opens a place of checkpoints: a folder or an s3:// URL.
	Checkpoints func(to string) (checkpoint.Store, error)
	// Model returns the local folder of a model, of which one at an s3:// URL is
	// copied into the folder within; end removes the copy. nil: folders alone are
	// known.
	Model func(ctx context.Context, name, within string) (dir string, end func(), err error)
	// Coordinator returns the address of the coordinator to register with, empty
	// while there is none.
	Coordinator func() string
	Logger      *slog.Logger
}

// Intervals of the session. The silence is the agent's side of its lease: it is
// longer than the coordinator's, so that the coordinator acts first.
const (
	heartbeatEvery = 250 * time.Millisecond
	coordinatorAge = 4 * time.Second // without an acknowledgement the coordinator is lost
	retryEvery     = 50 * time.Millisecond
	quietStart     = time.Second // to find a coordinator takes a moment, which is nothing to warn of
)

// Agent registers a node and does its part of jobs.
type Agent struct {
	config Config
	slow   float64 // see Slow; 0 or 1 for no more than the machine is
	dialer *dialer
	models *Models
	// refusals are told to the coordinator with the next session: a worker that
	// was refused by its term has usually lost its session too.
	refusals   chan *parleyv1.Refused
	draining   chan struct{} // capacity 1: the coordinator is to be told that this node wants to leave
	released   chan struct{} // closed when it may
	drained    sync.Once
	registered chan struct{} // closed with the first session
	register   sync.Once
	inSession  atomic.Bool // a coordinator has welcomed this node and is there

	ctx   context.Context // of Run
	group sync.WaitGroup  // of works that end
	mu    struct {
		sync.Mutex
		jobs    map[param.JobID]*work
		session *session  // the one that is told, nil between two
		alone   time.Time // since when there is none
	}
}

// New returns an agent; Run makes it work.
func New(config Config) *Agent {
	a := &Agent{config: config, dialer: newDialer(config.Network), models: &Models{dir: modelDir(config.DataDir)},
		refusals: make(chan *parleyv1.Refused, 64), // more are not worth telling
		draining: make(chan struct{}, 1), released: make(chan struct{}), registered: make(chan struct{})}
	a.mu.jobs = map[param.JobID]*work{}
	return a
}

// Registered is closed when the node has a coordinator for the first time.
func (a *Agent) Registered() <-chan struct{} { return a.registered }

// Drain tells the coordinator that this node wants to leave, and returns when its
// work has gone elsewhere, when there is no coordinator any more, or with ctx.
func (a *Agent) Drain(ctx context.Context) {
	if !a.inSession.Load() {
		return
	}
	select {
	case a.draining <- struct{}{}:
	default: // it is on its way
	}
	ticker := time.NewTicker(retryEvery)
	defer ticker.Stop()
	for a.inSession.Load() {
		select {
		case <-a.released:
			return
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// tellLater keeps a refusal for the next heartbeat.
func (a *Agent) tellLater(r *parleyv1.Refused) {
	select {
	case a.refusals <- r:
	default: // the coordinator knows what it has taken away; this is for people
	}
}

// InSession reports whether the node is registered with a coordinator now.
func (a *Agent) InSession() bool { return a.inSession.Load() }

// Handovers returns the service that takes ranges in from other servers.
func (a *Agent) Handovers() *Handovers { return &Handovers{ranges: a.config.Ranges} }

// Models returns the service that hands out the models that this node keeps.
func (a *Agent) Models() *Models { return a.models }

// Run keeps a session with the coordinator until ctx ends, and returns when all
// work for it has ended.
func (a *Agent) Run(ctx context.Context) error {
	defer a.dialer.close()
	a.ctx = ctx
	defer a.dropAll("the node ends")
	var last string // what was logged last, to say it once
	began := time.Now()
	for ctx.Err() == nil {
		err := errors.New("no node with the role coordinator is known")
		if address := a.config.Coordinator(); address != "" {
			err = a.session(ctx, address)
		}
		if ctx.Err() != nil {
			break
		}
		if err != nil && err.Error() != last && time.Since(began) > quietStart {
			a.config.Logger.Warn("no coordinator", "error", err)
			last = err.Error()
		}
		a.checkOrphans(time.Now())
		select {
		case <-ctx.Done():
		case <-time.After(retryEvery):
		}
	}
	return nil
}

// session registers with the coordinator at address and serves it until the
// session ends.
func (a *Agent) session(ctx context.Context, address string) error {
	conn, err := a.dialer.dial(address, rpc.Control)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stream, err := parleyv1.NewControlClient(conn).Session(ctx)
	if err != nil {
		return err
	}
	s := newSession(a, stream)
	defer s.close(cancel)
	defer a.inSession.Store(false)
	s.out.Put(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_Hello{Hello: &parleyv1.Hello{
		Node: string(a.config.Node), Label: a.config.Label, Roles: a.config.Roles, Bind: a.config.Bind, Version: a.config.Version, Holds: a.adoptedBy(s)}}})
	s.group.Go(func() { cancel(s.send(ctx)) })
	s.group.Go(func() { cancel(s.heartbeats(ctx, address)) })
	return s.receive(ctx, address)
}

// lost explains the end of a session.
func lost(ctx context.Context, address string, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	return fmt.Errorf("session with the coordinator at %s ended: %w", address, err)
}
