package node

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"sync"
	"syscall"
	"time"

	"parley/coordinator"
	"parley/datashard/blockcache"
	"parley/internal/httpapi"
	"parley/internal/job"
	"parley/internal/param"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
)

// listenHTTP takes the address of the HTTP endpoint.
func (n *Node) listenHTTP() error {
	if err := checkAddress("http", n.config.HTTP, n.config.Insecure); err != nil {
		return err
	}
	l, err := net.Listen("tcp", n.config.HTTP)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("listen on %s for HTTP: %w: stop the process that has it or choose another address", n.config.HTTP, rpc.ErrInUse)
	}
	n.http = l
	return err
}

// HTTP returns the address of the HTTP endpoint, empty when there is none.
func (n *Node) HTTP() string {
	if n.http == nil {
		return ""
	}
	return n.http.Addr().String()
}

// serveHTTP serves the endpoint until ctx ends.
func (n *Node) serveHTTP(ctx context.Context) error {
	r := &reporter{node: n}
	defer r.close()
	config := httpapi.Config{Reporter: r, Director: r, Follower: r, Node: string(n.name), Version: n.config.Version, Pprof: n.config.Pprof,
		Leads: func() bool { _, self := n.members.Coordinator(); return self }}
	if _, _, err := n.disk(); !errors.Is(err, errors.ErrUnsupported) {
		config.Disk = n.disk
	}
	if c, ok := n.config.Blocks.(interface{ Stats() blockcache.Stats }); ok {
		config.Cache = c.Stats
	}
	if g := n.config.Gossip; g != nil && g.Advertise != "" {
		config.Hosts = []string{g.Advertise}
	}
	return httpapi.Serve(ctx, n.http, httpapi.New(config))
}

// reporter is what the HTTP endpoint knows of the node. Whichever node this is, it
// asks the coordinator, over one connection.
type reporter struct {
	node *Node
	mu   struct {
		sync.Mutex
		bind string // of the coordinator that conn goes to
		conn rpc.Conn
	}
}

// Ready implements httpapi.Reporter.
func (r *reporter) Ready() error {
	if bind, _ := r.node.members.Coordinator(); bind == "" {
		return errors.New("no node with the role coordinator is known")
	}
	if !r.node.agent.InSession() {
		return errors.New("not registered with the coordinator")
	}
	return nil
}

// coordinator returns a client of the coordinator.
func (r *reporter) coordinator() (parleyv1.JobsClient, error) {
	bind, _ := r.node.members.Coordinator()
	if bind == "" {
		return nil, param.Errorf(param.Retryable, "no node with the role coordinator is known")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.conn == nil || r.mu.bind != bind {
		conn, err := r.node.config.Network.Dial(bind, rpc.Control) // does not wait for an answer
		if err != nil {
			return nil, err
		}
		if r.mu.conn != nil {
			r.mu.conn.Close()
		}
		r.mu.conn, r.mu.bind = conn, bind
	}
	return parleyv1.NewJobsClient(r.mu.conn), nil
}

func (r *reporter) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.conn != nil {
		r.mu.conn.Close()
		r.mu.conn = nil
	}
}

func (r *reporter) ask(ctx context.Context, id string) (*parleyv1.StatusReply, error) {
	c, err := r.coordinator()
	if err != nil {
		return nil, err
	}
	return c.Status(ctx, &parleyv1.StatusRequest{Job: id})
}

// Status implements httpapi.Reporter.
func (r *reporter) Status(ctx context.Context) (*httpapi.Status, error) {
	m, err := r.ask(ctx, "")
	if err != nil {
		return nil, err
	}
	return StatusOf(m), nil
}

// StatusOf returns what a coordinator tells as the HTTP API and the command line
// have it in JSON.
func StatusOf(m *parleyv1.StatusReply) *httpapi.Status {
	s := &httpapi.Status{Coordinator: m.GetCoordinator(), Members: []httpapi.Member{}, Jobs: []httpapi.Job{}}
	for _, x := range m.GetMembers() {
		s.Members = append(s.Members, httpapi.Member{Node: x.GetNode(), Bind: x.GetBind(), Roles: x.GetRoles(), Silent: x.GetSilent(),
			Workers: append([]string{}, x.GetWorkers()...), Ranges: append([]string{}, x.GetRanges()...)})
	}
	for _, j := range m.GetJobs() {
		s.Jobs = append(s.Jobs, *jobOfStatus(j))
	}
	return s
}

// Job implements httpapi.Reporter.
func (r *reporter) Job(ctx context.Context, id string) (*httpapi.Job, error) {
	m, err := r.ask(ctx, id)
	if err != nil {
		return nil, err
	}
	return jobOfStatus(m.GetJobs()[0]), nil
}

func jobOfStatus(m *parleyv1.JobStatus) *httpapi.Job {
	j := &httpapi.Job{ID: m.GetJob(), Name: m.GetName(), Phase: m.GetPhase(), Place: int(m.GetPlace()), Owner: m.GetOwner(), Why: m.GetWhy(), Since: m.GetSince(), Round: m.GetRound(), Rounds: m.GetRounds(),
		Epoch: int(m.GetEpoch()), Epochs: int(m.GetEpochs()), Rows: m.GetRows(), Seconds: m.GetSeconds(), Pushed: m.GetPushed(), Pulled: m.GetPulled(),
		Restarts: int(m.GetRestarts()), Cause: m.GetCause(), Warning: m.GetWarning(),
		Unsaved: m.GetUnsaved(), Interval: m.GetInterval(), Quarantined: m.GetQuarantined(), Events: raw(m.GetEvents()), Spec: m.GetSpec()}
	if loss := m.GetLoss(); j.Rows > 0 && !math.IsNaN(loss) && !math.IsInf(loss, 0) {
		j.Loss = &loss
	}
	return j
}

func raw(lines [][]byte) (out []json.RawMessage) {
	for _, line := range lines {
		out = append(out, line)
	}
	return out
}

// Submit implements httpapi.Director.
func (r *reporter) Submit(ctx context.Context, j *job.Job, resume bool, run string) (id string, known bool, err error) {
	c, err := r.coordinator()
	if err != nil {
		return "", false, err
	}
	reply, err := c.Submit(ctx, &parleyv1.SubmitRequest{Spec: j.Canonical(), Resume: resume, Run: run})
	return reply.GetJob(), reply.GetKnown(), err
}

// Stop implements httpapi.Director.
func (r *reporter) Stop(ctx context.Context, id, reason string) error {
	c, err := r.coordinator()
	if err == nil {
		_, err = c.Stop(ctx, &parleyv1.StopRequest{Job: id, Reason: reason})
	}
	return err
}

// Scale implements httpapi.Director.
func (r *reporter) Scale(ctx context.Context, id string, servers, trainers int) error {
	c, err := r.coordinator()
	if err == nil {
		_, err = c.Scale(ctx, &parleyv1.ScaleRequest{Job: id, Servers: uint32(servers), Trainers: uint32(trainers)})
	}
	return err
}

// silentFor is how long a coordinator, which speaks twice a second, may be silent.
const silentFor = 5 * time.Second

// pace is how often a client is told something at most, in milliseconds: there may
// be hundreds of them, and a job with short epochs has much to tell.
const pace = 250

// Follow implements httpapi.Follower.
func (r *reporter) Follow(ctx context.Context, id string, tell func(httpapi.Update) error) error {
	c, err := r.coordinator()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(silentFor, func() {
		cancel(param.Errorf(param.Retryable, "the coordinator has said nothing for %v", silentFor))
	})
	defer silence.Stop()
	watch, err := c.Watch(ctx, &parleyv1.WatchRequest{Job: id, Pace: pace})
	if err != nil {
		return err
	}
	for {
		m, err := watch.Recv()
		if err != nil {
			return cmp.Or(context.Cause(ctx), err)
		}
		silence.Stop() // whoever is told may take its time
		u := httpapi.Update{Events: raw(m.GetEvents()), Status: jobOfStatus(m.GetStatus()), Outcome: outcomeOf(m)}
		if err := tell(u); err != nil || u.Outcome != nil {
			return err
		}
		silence.Reset(silentFor)
	}
}

func outcomeOf(m *parleyv1.WatchReply) *httpapi.Outcome {
	o := m.GetOutcome()
	switch {
	case o == nil:
		return nil
	case o.GetFault() == nil:
		return &httpapi.Outcome{Phase: string(coordinator.Done), Report: o.GetReport()}
	case o.GetStopped():
		return &httpapi.Outcome{Phase: string(coordinator.Stopped), Cause: o.GetFault().GetMessage()}
	}
	return &httpapi.Outcome{Phase: string(coordinator.Failed), Cause: o.GetFault().GetMessage()}
}
