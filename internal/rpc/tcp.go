package rpc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/experimental"
	"google.golang.org/grpc/keepalive"

	"parley/internal/wire"
)

// TCP is the Network of separate processes: gRPC over TCP, unencrypted for now
// (see CheckBind). The zero value is ready.
type TCP struct{}

const (
	// dataWindow is the static flow-control window for Data. gRPC's own estimate
	// of bandwidth × delay starts at 64 KB and settles too low on loopback; it
	// is a limit on what is in flight, not memory taken in advance.
	dataWindow = 64 << 20
	// controlWindow holds some hundred control messages.
	controlWindow = 1 << 20
	// dataBuffer makes one system call of what would be 16 with gRPC's 32 KB.
	dataBuffer    = 512 << 10
	controlBuffer = 32 << 10

	connectTimeout = 2 * time.Second
	redialFirst    = 50 * time.Millisecond
	redialMax      = time.Second

	// A client asks a silent connection for life after pingAfter, which gRPC
	// clamps to 10 s at the least; heartbeats above notice sooner. It is there so
	// that a connection to a machine that vanished is given up in the end.
	pingAfter   = 10 * time.Second
	pingTimeout = 10 * time.Second
)

// Listen takes a TCP address.
func (TCP) Listen(addr string) (Listener, error) {
	lis, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("listen on %s: %w: stop the process that has it or choose another address", addr, ErrInUse)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return &tcpListener{lis: lis}, nil
}

// Dial returns a connection that dials at the first call and whenever the last
// one broke. addr is "host:port"; names are looked up at every attempt.
func (TCP) Dial(addr string, class Class) (Conn, error) {
	cc, err := grpc.NewClient("passthrough:///"+addr, dialOptions(class)...)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	return &conn{Conn: cc}, nil
}

func dialOptions(class Class) []grpc.DialOption {
	window, buffer := int32(controlWindow), controlBuffer
	if class == Data {
		window, buffer = dataWindow, dataBuffer
	}
	return []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithNoProxy(), // peers are addressed directly, whatever the environment says
		grpc.WithDisableServiceConfig(),
		grpc.WithIdleTimeout(0),
		grpc.WithStaticStreamWindowSize(window), grpc.WithStaticConnWindowSize(window),
		grpc.WithReadBufferSize(buffer), grpc.WithWriteBufferSize(buffer),
		experimental.WithBufferPool(&wire.Buffers), // gRPC's own clears what it hands out
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxMessage), grpc.MaxCallSendMsgSize(MaxMessage)),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: redialFirst, Multiplier: 1.6, Jitter: 0.2, MaxDelay: redialMax},
			MinConnectTimeout: connectTimeout,
		}),
		grpc.WithContextDialer(dialTCP),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingAfter, Timeout: pingTimeout}),
	}
}

// dialTCP bounds an attempt: without it gRPC waits up to 20 s for a SYN that
// nobody answers.
func dialTCP(ctx context.Context, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: connectTimeout}
	return d.DialContext(ctx, "tcp", addr)
}

type tcpListener struct {
	lis  net.Listener
	once sync.Once
	err  error
}

func (l *tcpListener) Addr() string { return l.lis.Addr().String() }

func (l *tcpListener) Close() error {
	l.once.Do(func() { l.err = l.lis.Close() })
	return l.err
}

// engine makes a grpc.Server. Connections of both classes arrive at the same
// port, so it has the windows and buffers of Data.
func (l *tcpListener) engine(in intercept) engine {
	return &tcpEngine{lis: l.lis, Server: grpc.NewServer(
		grpc.UnaryInterceptor(in.unary), grpc.StreamInterceptor(in.stream),
		grpc.StaticStreamWindowSize(dataWindow), grpc.StaticConnWindowSize(dataWindow),
		grpc.ReadBufferSize(dataBuffer), grpc.WriteBufferSize(dataBuffer),
		experimental.BufferPool(&wire.Buffers),
		grpc.MaxRecvMsgSize(MaxMessage), grpc.MaxSendMsgSize(MaxMessage),
		grpc.WaitForHandlers(true),
		grpc.ConnectionTimeout(connectTimeout),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingAfter / 2, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 2 * pingAfter, Timeout: pingTimeout}),
	)}
}

type tcpEngine struct {
	*grpc.Server
	lis net.Listener
}

func (e *tcpEngine) serve() error {
	err := e.Serve(e.lis)
	if errors.Is(err, grpc.ErrServerStopped) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (e *tcpEngine) stop() { e.GracefulStop() }
func (e *tcpEngine) kill() { e.Stop() }
