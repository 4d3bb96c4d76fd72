package rpc

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	pb "google.golang.org/grpc/interop/grpc_testing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service is gRPC's own test service with handlers that a test sets.
type service struct {
	pb.UnimplementedTestServiceServer
	unary  func(context.Context, *pb.SimpleRequest) (*pb.SimpleResponse, error)
	duplex func(pb.TestService_FullDuplexCallServer) error
	input  func(pb.TestService_StreamingInputCallServer) error
	output func(*pb.StreamingOutputCallRequest, pb.TestService_StreamingOutputCallServer) error
}

func (s *service) UnaryCall(ctx context.Context, r *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	return s.unary(ctx, r)
}

func (s *service) FullDuplexCall(st pb.TestService_FullDuplexCallServer) error { return s.duplex(st) }

func (s *service) StreamingInputCall(st pb.TestService_StreamingInputCallServer) error {
	return s.input(st)
}

func (s *service) StreamingOutputCall(r *pb.StreamingOutputCallRequest, st pb.TestService_StreamingOutputCallServer) error {
	return s.output(r, st)
}

// echo answers each message of a stream until the client closes.
func echo(st pb.TestService_FullDuplexCallServer) error {
	for {
		m, err := st.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := st.Send(&pb.StreamingOutputCallResponse{Payload: m.Payload}); err != nil {
			return err
		}
	}
}

func echoUnary(_ context.Context, r *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	return &pb.SimpleResponse{Payload: r.Payload}, nil
}

func payload(b string) *pb.Payload { return &pb.Payload{Body: []byte(b)} }

// served is a running server.
type served struct {
	*Server
	net  Network
	stop context.CancelFunc
	done chan error
	log  *syncBuffer
}

// serve runs s on addr of net until the test ends.
func serve(t testing.TB, net Network, addr string, s *service) *served {
	t.Helper()
	lis, err := net.Listen(addr)
	if err != nil {
		t.Fatal(err)
	}
	v := &served{net: net, done: make(chan error, 1), log: &syncBuffer{}}
	v.Server = NewServer(ServerConfig{
		Listener: lis,
		Services: []func(grpc.ServiceRegistrar){func(r grpc.ServiceRegistrar) { pb.RegisterTestServiceServer(r, s) }},
		Logger:   slog.New(slog.NewTextHandler(v.log, nil)),
		Grace:    300 * time.Millisecond,
	})
	var ctx context.Context
	ctx, v.stop = context.WithCancel(context.Background())
	go func() { v.done <- v.Run(ctx) }()
	t.Cleanup(func() { v.stop(); v.wait(t) })
	return v
}

// wait returns Run's error; it may be called again.
func (v *served) wait(t testing.TB) error {
	t.Helper()
	select {
	case err := <-v.done:
		v.done <- err
		return err
	case <-time.After(5 * time.Second):
		t.Fatal("Run does not return")
		return nil
	}
}

func (v *served) client(t testing.TB) pb.TestServiceClient {
	t.Helper()
	return pb.NewTestServiceClient(dial(t, v.net, v.Addr(), Data))
}

func dial(t testing.TB, net Network, addr string, class Class) Conn {
	t.Helper()
	c, err := net.Dial(addr, class)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// bounded is a context for one test: nothing hangs for longer.
func bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// receive waits for c, not for ever: a value, or its end.
func receive[T any](t testing.TB, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(6 * time.Second): // longer than the contexts of bounded
		t.Fatalf("%s: not within 6 s", what)
		panic("unreachable")
	}
}

type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *syncBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
