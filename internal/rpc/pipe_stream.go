package rpc

import (
	"context"
	"io"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// streamQueue bounds the messages under way in one direction. A handful keeps
// both sides busy; more only holds memory, as data messages are about 1 MB.
const streamQueue = 16

// pipeStream is one stream; pipeClient and pipeServer are its two ends.
type pipeStream struct {
	e    *pipeEngine
	conn *pipeConn
	desc *grpc.StreamDesc
	opts []grpc.CallOption
	sts  pipeTransport

	ctx  context.Context // the client's
	sctx context.Context // the handler's; ends when it returns

	up, down chan any // copies of messages, to the server and to the client

	sendOnce sync.Once
	sendEnd  chan struct{} // closed by CloseSend

	headOnce sync.Once
	head     chan struct{} // closed when the header is final

	done chan struct{} // closed when the handler has returned, err is set
	err  error
}

// NewStream starts the handler and returns the client's end.
func (c *pipeConn) NewStream(ctx context.Context, _ *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	e, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	s, name, err := e.service(method)
	if err == nil && s.streams[name] == nil {
		err = status.Errorf(codes.Unimplemented, "unknown method %s", method)
	}
	if err != nil {
		e.leave()
		return nil, err
	}
	p := &pipeStream{
		e: e, conn: c, desc: s.streams[name], opts: opts, ctx: ctx,
		up: make(chan any, streamQueue), down: make(chan any, streamQueue),
		sendEnd: make(chan struct{}), head: make(chan struct{}), done: make(chan struct{}),
	}
	p.sts.method = method
	sctx, cancel := e.handlerContext(ctx, &streamTransport{&p.sts, p})
	unlink := context.AfterFunc(c.life, cancel)
	p.sctx = sctx
	go p.run(s.impl, func() { unlink(); cancel() })
	return &pipeClient{p}, nil
}

// run calls the handler.
func (p *pipeStream) run(impl any, end func()) {
	defer p.e.leave()
	defer end()
	info := &grpc.StreamServerInfo{
		FullMethod: p.sts.method, IsClientStream: p.desc.ClientStreams, IsServerStream: p.desc.ServerStreams,
	}
	p.err = p.e.in.stream(impl, &pipeServer{p}, info, p.desc.Handler)
	p.sealHeader()
	close(p.done)
}

func (p *pipeStream) sealHeader() { p.headOnce.Do(func() { close(p.head) }) }

// broken is why the client's end is cut off from the server's, or nil.
func (p *pipeStream) broken() error {
	switch {
	case p.ctx.Err() != nil:
		return status.FromContextError(p.ctx.Err()).Err()
	case p.conn.life.Err() != nil:
		return errConnClosed
	case p.e.life.Err() != nil:
		return p.e.unavailable()
	}
	return nil
}

// pipeClient implements grpc.ClientStream.
type pipeClient struct{ *pipeStream }

func (c *pipeClient) Context() context.Context { return c.ctx }

func (c *pipeClient) CloseSend() error {
	c.sendOnce.Do(func() { close(c.sendEnd) })
	return nil
}

// Header waits for the handler's first sign.
func (c *pipeClient) Header() (metadata.MD, error) {
	select {
	case <-c.head:
	case <-c.ctx.Done():
	case <-c.conn.life.Done():
	case <-c.e.life.Done():
	}
	if err := c.broken(); err != nil {
		return nil, err
	}
	header, _ := c.sts.headers()
	return header, nil
}

func (c *pipeClient) Trailer() metadata.MD {
	_, trailer := c.sts.headers()
	return trailer
}

// SendMsg copies m, and waits while the queue is full. io.EOF means that the
// stream has ended and RecvMsg says why, as in grpc-go.
func (c *pipeClient) SendMsg(m any) error {
	select {
	case <-c.sendEnd:
		return status.Error(codes.Internal, "SendMsg after CloseSend")
	case <-c.sctx.Done():
		return io.EOF
	default:
	}
	m, err := cloneMessage(m)
	if err != nil {
		return err
	}
	select {
	case c.up <- m:
		return nil
	case <-c.sctx.Done():
		return io.EOF
	}
}

// RecvMsg takes the next message; where the method has one reply, it also waits
// for the status that follows it.
func (c *pipeClient) RecvMsg(dst any) error {
	if err := c.recv(dst); err != nil || c.desc.ServerStreams {
		return err
	}
	select {
	case <-c.done:
		return c.err
	case <-c.ctx.Done():
	case <-c.conn.life.Done():
	case <-c.e.life.Done():
	}
	return c.broken()
}

func (c *pipeClient) recv(dst any) error {
	select {
	case m := <-c.down:
		return moveMessage(dst, m)
	case <-c.done:
	case <-c.ctx.Done():
	case <-c.conn.life.Done():
	case <-c.e.life.Done():
	}
	if err := c.broken(); err != nil {
		c.sts.fill(c.opts, c.e.addr)
		return err
	}
	select { // what the handler sent before it returned
	case m := <-c.down:
		return moveMessage(dst, m)
	default:
	}
	c.sts.fill(c.opts, c.e.addr)
	if c.err != nil {
		return c.err
	}
	return io.EOF
}

// pipeServer implements grpc.ServerStream.
type pipeServer struct{ *pipeStream }

func (s *pipeServer) Context() context.Context       { return s.sctx }
func (s *pipeServer) SetHeader(md metadata.MD) error { return s.sts.SetHeader(md) }
func (s *pipeServer) SetTrailer(md metadata.MD)      { _ = s.sts.SetTrailer(md) }
func (s *pipeServer) SendHeader(md metadata.MD) error {
	return (&streamTransport{&s.sts, s.pipeStream}).SendHeader(md)
}

// SendMsg copies m, and waits while the queue is full.
func (s *pipeServer) SendMsg(m any) error {
	s.sealHeader()
	if err := s.sctx.Err(); err != nil {
		return status.FromContextError(err).Err()
	}
	m, err := cloneMessage(m)
	if err != nil {
		return err
	}
	select {
	case s.down <- m:
		return nil
	case <-s.sctx.Done():
		return status.FromContextError(s.sctx.Err()).Err()
	}
}

// RecvMsg takes the next message, or io.EOF after the client's CloseSend.
func (s *pipeServer) RecvMsg(dst any) error {
	select {
	case m := <-s.up:
		return moveMessage(dst, m)
	case <-s.sctx.Done():
		return status.FromContextError(s.sctx.Err()).Err()
	case <-s.sendEnd:
	}
	select { // what the client sent before it closed
	case m := <-s.up:
		return moveMessage(dst, m)
	default:
		return io.EOF
	}
}

// streamTransport lets a header that is sent on its own reach a waiting client.
type streamTransport struct {
	*pipeTransport
	p *pipeStream
}

func (t *streamTransport) SendHeader(md metadata.MD) error {
	err := t.pipeTransport.SendHeader(md)
	t.p.sealHeader()
	return err
}
