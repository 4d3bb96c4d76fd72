// Package client is what the command line does to a cluster, be it of other
// processes or embedded in this one: it finds the coordinator, submits and
// follows a job, and puts what the job leaves behind into the output folder.
//
// A Client is used by one goroutine at a time.
package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"parley/internal/artifact"
	"parley/internal/job"
	"parley/internal/param"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
)

// ErrUnreachable says that nobody answers as a cluster at the given address.
var ErrUnreachable = errors.New("cluster unreachable")

// Patience: a cluster has to answer within connectWithin; a coordinator that is
// silent for silentFor (it speaks twice a second) is looked for anew, and lost when
// it is not back after goneFor.
const (
	connectWithin = 4 * time.Second
	silentFor     = 5 * time.Second
	goneFor       = 30 * time.Second
	retryEvery    = 100 * time.Millisecond
	retryLater    = time.Second // of a coordinator that is away
)

// Client speaks to one cluster.
type Client struct {
	network     rpc.Network
	address     string // as given
	coordinator string
	conn        rpc.Conn // to the coordinator
}

// Connect asks the node at address for the coordinator and connects to it. The
// error is ErrUnreachable when there is no answer in a few seconds.
func Connect(ctx context.Context, network rpc.Network, address string) (*Client, error) {
	ctx, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	for leaderless := error(nil); ; {
		d, err := describe(ctx, network, address)
		switch {
		case err != nil && ctx.Err() != nil && leaderless != nil: // the time is up, and it did answer
			return nil, leaderless
		case err != nil:
			return nil, unreachable(address, err)
		}
		if leader := leaderOf(d, address); leader != "" {
			conn, err := network.Dial(leader, rpc.Control)
			if err != nil {
				return nil, fmt.Errorf("%w: coordinator at %s: %w", ErrUnreachable, leader, err)
			}
			return &Client{network: network, address: address, coordinator: leader, conn: conn}, nil
		}
		leaderless = fmt.Errorf("%w: the node at %s knows no node with the role coordinator: start an agent that has it", ErrUnreachable, address)
		select {
		case <-ctx.Done():
			return nil, leaderless
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// unreachable leaves out what gRPC tells of a connection that was refused.
func unreachable(address string, err error) error {
	if param.KindOf(err) == param.Retryable {
		return fmt.Errorf("%w: nobody answers at %s: is an agent running there?", ErrUnreachable, address)
	}
	return fmt.Errorf("%w: %s: %w", ErrUnreachable, address, err)
}

func describe(ctx context.Context, network rpc.Network, address string) (*parleyv1.DescribeReply, error) {
	conn, err := network.Dial(address, rpc.Control)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return parleyv1.NewClusterClient(conn).Describe(ctx, &parleyv1.DescribeRequest{})
}

// leaderOf returns where to reach the coordinator. When it is the node that was
// asked, that is the address which it was asked at: the one that it is known by in
// the cluster may not be reachable from here (a published port of a container, NAT).
func leaderOf(d *parleyv1.DescribeReply, asked string) string {
	for _, m := range d.GetMembers() {
		if m.GetNode() == d.GetNode() && m.GetBind() == d.GetCoordinator() {
			return asked
		}
	}
	return d.GetCoordinator()
}

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }

// Submit starts a job and returns its id; with resume it begins with the job's last
// checkpoint.
func (c *Client) Submit(ctx context.Context, j *job.Job, resume bool) (string, error) {
	reply, err := parleyv1.NewJobsClient(c.conn).Submit(ctx, &parleyv1.SubmitRequest{Spec: j.Canonical(), Resume: resume})
	if err != nil {
		return "", fmt.Errorf("submit: %w", err)
	}
	return reply.GetJob(), nil
}

// Status asks for members and jobs; id restricts it to one job, with its last
// events.
func (c *Client) Status(ctx context.Context, id string) (*parleyv1.StatusReply, error) {
	ctx, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	reply, err := parleyv1.NewJobsClient(c.conn).Status(ctx, &parleyv1.StatusRequest{Job: id})
	if param.KindOf(err) == param.Retryable {
		err = unreachable(c.coordinator, err)
	}
	return reply, err
}

// Stop ends a job.
func (c *Client) Stop(ctx context.Context, id, reason string) error {
	ctx, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	_, err := parleyv1.NewJobsClient(c.conn).Stop(ctx, &parleyv1.StopRequest{Job: id, Reason: reason})
	return err
}

// Scale bounds how many servers and trainers a job uses; 0 leaves that as it is.
func (c *Client) Scale(ctx context.Context, id string, servers, trainers int) error {
	ctx, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	_, err := parleyv1.NewJobsClient(c.conn).Scale(ctx, &parleyv1.ScaleRequest{Job: id, Servers: uint32(servers), Trainers: uint32(trainers)})
	return err
}

// Watcher is told what happens to a job.
type Watcher interface {
	Event(e artifact.Event)
	Status(s *parleyv1.JobStatus)
}

// Follow watches a job to its end. A connection that breaks is opened again
// without missing an event, also to a coordinator that was started again; when it
// stays away it is lost, and the job with it.
func (c *Client) Follow(ctx context.Context, id string, w Watcher) (*parleyv1.Outcome, error) {
	f := &follower{client: c, id: id, watcher: w, heard: time.Now()}
	for {
		outcome, err := f.watch(ctx)
		pause := retryEvery
		switch {
		case outcome != nil:
			return outcome, nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case param.KindOf(err) == param.Invalid:
			return nil, fmt.Errorf("the coordinator at %s does not know the job any more: go on with parley resume: %w", c.coordinator, err)
		case time.Since(f.heard) >= goneFor:
			return nil, fmt.Errorf("the coordinator at %s was lost, and is not back after %v: job %s goes on when it is started again with its data folder; else go on with parley resume", c.coordinator, goneFor, id)
		case time.Since(f.heard) >= silentFor:
			c.reconnect(ctx)
			pause = retryLater
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// reconnect looks for the coordinator anew: it may be at another address.
func (c *Client) reconnect(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	d, err := describe(ctx, c.network, c.address)
	if err != nil {
		return
	}
	leader := leaderOf(d, c.address)
	if leader == "" || leader == c.coordinator {
		return
	}
	if conn, err := c.network.Dial(leader, rpc.Control); err == nil {
		c.conn.Close()
		c.conn, c.coordinator = conn, leader
	}
}

// follower is one Follow over several streams.
type follower struct {
	client  *Client
	id      string
	watcher Watcher
	seen    int
	heard   time.Time
}

// watch follows one stream until the outcome or its end.
func (f *follower) watch(ctx context.Context) (*parleyv1.Outcome, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(silentFor, func() { cancel(errors.New("it was silent for 5 s")) })
	defer silence.Stop()
	stream, err := parleyv1.NewJobsClient(f.client.conn).Watch(ctx, &parleyv1.WatchRequest{Job: f.id})
	if err != nil {
		return nil, err
	}
	at, received := 0, 0
	for {
		m, err := stream.Recv()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("the stream ended without an outcome")
			}
			return nil, err
		}
		silence.Reset(silentFor)
		if received++; received > 1 { // one that says a word and falls silent is not back
			f.heard = time.Now()
		}
		for _, line := range m.GetEvents() {
			if at++; at > f.seen {
				f.seen = at
				f.event(line)
			}
		}
		f.watcher.Status(m.GetStatus())
		if m.GetOutcome() != nil {
			return m.GetOutcome(), nil
		}
	}
}

// directWithin is how long the node that keeps a model has to begin with it, before
// the coordinator is asked to relay.
const directWithin = 10 * time.Second

// Fetch copies the model of a job from the node that keeps it into output/model:
// directly, or through the coordinator where that node cannot be reached from here.
func (c *Client) Fetch(ctx context.Context, id, node, output string, force bool) (*artifact.Model, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	recv, closeConn, err := c.open(ctx, node, &parleyv1.FetchRequest{Job: id}, directWithin)
	if param.KindOf(err) == param.Retryable && node != c.coordinator && ctx.Err() == nil {
		direct := err
		if recv, closeConn, err = c.open(ctx, c.coordinator, &parleyv1.FetchRequest{Job: id, From: node}, 0); err != nil {
			err = fmt.Errorf("%w (and from %s itself: %w)", err, node, direct)
		}
	}
	if err != nil {
		return nil, err
	}
	defer closeConn()
	return artifact.Receive(output, force, func(create func(string) (io.WriteCloser, error)) error {
		return receive(recv, create)
	})
}

// open asks a node for a model and waits for its first piece, for within if that is
// not 0. The pieces come from recv.
func (c *Client) open(ctx context.Context, node string, r *parleyv1.FetchRequest, within time.Duration) (recv func() (*parleyv1.FetchReply, error), closeConn func() error, err error) {
	conn, err := c.network.Dial(node, rpc.Data)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	end := func() error { cancel(); return conn.Close() }
	inTime := func() bool { return true }
	if within > 0 {
		inTime = time.AfterFunc(within, cancel).Stop
	}
	stream, err := parleyv1.NewModelsClient(conn).Fetch(ctx, r)
	var first *parleyv1.FetchReply
	if err == nil {
		first, err = stream.Recv()
	}
	if !inTime() {
		err = param.Errorf(param.Retryable, "node %s has not answered in %v", node, within)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		end()
		return nil, nil, err
	}
	begun := false
	return func() (*parleyv1.FetchReply, error) {
		if !begun {
			begun = true
			return first, err
		}
		return stream.Recv()
	}, end, nil
}

// receive writes the files that come in pieces.
func receive(recv func() (*parleyv1.FetchReply, error), create func(string) (io.WriteCloser, error)) (err error) {
	var file io.WriteCloser
	name := ""
	finish := func() {
		if file != nil {
			err = errors.Join(err, file.Close())
		}
	}
	defer func() { finish() }()
	for {
		m, rerr := recv()
		if errors.Is(rerr, io.EOF) {
			return nil
		}
		if rerr != nil {
			return rerr
		}
		if file == nil || m.GetName() != name {
			if finish(); err != nil {
				file = nil
				return err
			}
			if file, err = create(m.GetName()); err != nil {
				file = nil
				return err
			}
			name = m.GetName()
		}
		if _, err := file.Write(m.GetData()); err != nil {
			return err
		}
	}
}

func (f *follower) event(line []byte) {
	var e artifact.Event
	if json.Unmarshal(line, &e) == nil { // what a newer coordinator adds is not for us
		f.watcher.Event(e)
	}
}
