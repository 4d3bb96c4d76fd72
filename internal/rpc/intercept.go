package rpc

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// serverInterceptors turn panics and errors of handlers into statuses.
func serverInterceptors(log *slog.Logger) intercept {
	return intercept{
		unary: func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (resp any, err error) {
			defer recovered(log, info.FullMethod, &err)
			resp, err = next(ctx, req)
			return resp, Error(err)
		},
		stream: func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
			defer recovered(log, info.FullMethod, &err)
			return Error(next(srv, ss))
		},
	}
}

// recovered makes a panic of the method's handler its error. The stack goes to
// the log and not over the wire.
func recovered(log *slog.Logger, method string, err *error) {
	p := recover()
	if p == nil {
		return
	}
	log.Error("handler panicked", "method", method, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	*err = status.Errorf(codes.Internal, "panic in %s: %v (the stack is in the log of the node)", method, p)
}

// conn is what both networks return: the error mapping and the default deadline
// around a bare connection.
type conn struct {
	Conn
	closed atomic.Bool
}

// Close breaks the open calls.
func (c *conn) Close() error {
	c.closed.Store(true)
	return c.Conn.Close()
}

// Invoke makes a unary call, with DefaultTimeout if ctx has no deadline.
func (c *conn) Invoke(ctx context.Context, method string, req, reply any, opts ...grpc.CallOption) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, DefaultTimeout)
		defer cancel()
	}
	return c.mapped(ctx, c.Conn.Invoke(ctx, method, req, reply, opts...))
}

// NewStream opens a stream; it ends with ctx, so the caller bounds it.
func (c *conn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	cs, err := c.Conn.NewStream(ctx, desc, method, opts...)
	if err != nil {
		return nil, c.mapped(ctx, err)
	}
	return &clientStream{cs, c, ctx}, nil
}

// mapped is FromError, where it is known who cancelled a call: if not the
// caller's context and not Close, it was the peer, as it stopped; that is worth
// another try.
func (c *conn) mapped(ctx context.Context, err error) error {
	if status.Code(err) == codes.Canceled && ctx.Err() == nil && !c.closed.Load() {
		err = status.Error(codes.Unavailable, "the peer ended the call: "+status.Convert(err).Message())
	}
	return FromError(err)
}

// clientStream maps the errors of a stream.
type clientStream struct {
	grpc.ClientStream
	conn *conn
	ctx  context.Context
}

// Header waits for the first answer of the server.
func (s *clientStream) Header() (metadata.MD, error) {
	md, err := s.ClientStream.Header()
	return md, s.conn.mapped(s.ctx, err)
}

// SendMsg returns io.EOF if the stream has ended; RecvMsg tells why.
func (s *clientStream) SendMsg(m any) error {
	return s.conn.mapped(s.ctx, s.ClientStream.SendMsg(m))
}

// RecvMsg returns io.EOF, not wrapped, at the regular end.
func (s *clientStream) RecvMsg(m any) error {
	return s.conn.mapped(s.ctx, s.ClientStream.RecvMsg(m))
}
