package rpc

import (
	"context"
	"errors"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// pipeConn is a connection of an InProcess network.
type pipeConn struct {
	net  *InProcess
	addr string
	// life ends with Close and takes the calls along.
	life  context.Context
	close context.CancelFunc
}

func newPipeConn(n *InProcess, addr string) *pipeConn {
	life, end := context.WithCancel(context.Background())
	return &pipeConn{net: n, addr: addr, life: life, close: end}
}

func (c *pipeConn) Close() error {
	c.close()
	return nil
}

// open admits a call to the server.
func (c *pipeConn) open(ctx context.Context) (*pipeEngine, error) {
	if c.life.Err() != nil {
		return nil, errConnClosed
	}
	e, err := c.net.lookup(c.addr)
	if err != nil {
		return nil, err
	}
	return e, e.admit(ctx)
}

// errConnClosed has the code that grpc-go gives for its own.
var errConnClosed = status.Error(codes.Canceled, "the connection is closed")

// Invoke calls the handler on a goroutine of its own, so that it returns when
// ctx ends even if the handler does not.
func (c *pipeConn) Invoke(ctx context.Context, method string, req, reply any, opts ...grpc.CallOption) error {
	e, err := c.open(ctx)
	if err != nil {
		return err
	}
	s, name, err := e.service(method)
	if err == nil && s.methods[name] == nil {
		err = status.Errorf(codes.Unimplemented, "unknown method %s", method)
	}
	if err != nil {
		e.leave()
		return err
	}
	call := &pipeCall{e: e, conn: c, req: req, done: make(chan struct{})}
	call.sts.method = method
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // whoever gives up on the call ends its handler
	go call.run(ctx, s.impl, s.methods[name])
	return call.wait(ctx, reply, opts)
}

// pipeCall is one unary call.
type pipeCall struct {
	e    *pipeEngine
	conn *pipeConn
	sts  pipeTransport

	mu  sync.Mutex // guards req: the handler copies it, or the caller takes it back
	req any

	done chan struct{} // closed when resp and err are set
	resp any
	err  error
}

// run is the server's half. The interceptor always recovers panics.
func (p *pipeCall) run(ctx context.Context, impl any, desc *grpc.MethodDesc) {
	defer p.e.leave()
	defer close(p.done)
	sctx, cancel := p.e.handlerContext(ctx, &p.sts)
	defer cancel()
	p.resp, p.err = desc.Handler(impl, sctx, p.decode, p.e.in.unary)
}

// decode copies the request for the handler, if the caller still waits. After
// that the caller may change its message.
func (p *pipeCall) decode(dst any) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.req == nil {
		return status.Error(codes.Canceled, "the caller has gone")
	}
	return copyMessage(dst, p.req)
}

// wait is the client's half.
func (p *pipeCall) wait(ctx context.Context, reply any, opts []grpc.CallOption) error {
	err := p.outcome(ctx)
	if err != nil {
		p.mu.Lock() // not before a copy under way has ended
		p.req = nil
		p.mu.Unlock()
	}
	if err == nil && p.err == nil {
		err = copyMessage(reply, p.resp)
	}
	if err == nil {
		err = p.err
	}
	p.sts.fill(opts, p.e.addr)
	return err
}

// outcome waits for the end of the call; nil means that the handler returned.
func (p *pipeCall) outcome(ctx context.Context) error {
	select {
	case <-p.done:
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	case <-p.conn.life.Done():
		return errConnClosed
	case <-p.e.life.Done():
	}
	if p.e.life.Err() != nil {
		return p.e.unavailable()
	}
	return nil
}

// pipeTransport collects what a handler sets beside its messages; it implements
// grpc.ServerTransportStream.
type pipeTransport struct {
	method string
	mu     struct {
		sync.Mutex
		header, trailer metadata.MD
		sent            bool
	}
}

var errHeaderSent = errors.New("rpc: the header has been sent")

func (t *pipeTransport) Method() string { return t.method }

func (t *pipeTransport) SetHeader(md metadata.MD) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mu.sent {
		return errHeaderSent
	}
	t.mu.header = metadata.Join(t.mu.header, md)
	return nil
}

func (t *pipeTransport) SendHeader(md metadata.MD) error {
	err := t.SetHeader(md)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.sent = true
	return err
}

func (t *pipeTransport) SetTrailer(md metadata.MD) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.trailer = metadata.Join(t.mu.trailer, md)
	return nil
}

// headers returns copies of what was set so far.
func (t *pipeTransport) headers() (header, trailer metadata.MD) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mu.header.Copy(), t.mu.trailer.Copy()
}

// fill answers the call options that ask for something. The others concern
// encoding and connections, which do not exist here.
func (t *pipeTransport) fill(opts []grpc.CallOption, addr string) {
	header, trailer := t.headers()
	for _, o := range opts {
		switch o := o.(type) {
		case grpc.HeaderCallOption:
			*o.HeaderAddr = header
		case grpc.TrailerCallOption:
			*o.TrailerAddr = trailer
		case grpc.PeerCallOption:
			*o.PeerAddr = peer.Peer{Addr: pipeAddr(addr)}
		}
	}
}
