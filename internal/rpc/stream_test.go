package rpc

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	pb "google.golang.org/grpc/interop/grpc_testing"

	"parley/internal/param"
)

// open starts a stream and sees it answer once.
func open(t testing.TB, c pb.TestServiceClient) pb.TestService_FullDuplexCallClient {
	t.Helper()
	st, err := c.FullDuplexCall(bounded(t))
	if err != nil {
		t.Fatal(err)
	}
	exchange(t, st, "first")
	return st
}

func exchange(t testing.TB, st pb.TestService_FullDuplexCallClient, s string) {
	t.Helper()
	if err := st.Send(&pb.StreamingOutputCallRequest{Payload: payload(s)}); err != nil {
		t.Fatal(err)
	}
	m, err := st.Recv()
	if err != nil || string(m.Payload.Body) != s {
		t.Fatalf("sent %q, got %v, %v", s, m, err)
	}
}

func TestDuplex(t *testing.T) {
	everywhere(t, func(t *testing.T, net Network, addr string) {
		v := serve(t, net, addr, &service{duplex: echo})
		st := open(t, v.client(t))
		const n = 1000 // far beyond the queue
		go func() {
			for i := range n {
				_ = st.Send(&pb.StreamingOutputCallRequest{Payload: payload(string(rune(i)))})
			}
			_ = st.CloseSend()
		}()
		for i := range n {
			m, err := st.Recv()
			if err != nil || string(m.Payload.Body) != string(rune(i)) {
				t.Fatalf("message %d: %v, %v", i, m, err)
			}
		}
		for range 2 { // the end stays the end
			if _, err := st.Recv(); err != io.EOF {
				t.Errorf("end: %v", err)
			}
		}
	})
}

func TestOneWayStreams(t *testing.T) {
	everywhere(t, func(t *testing.T, net Network, addr string) {
		v := serve(t, net, addr, &service{
			input: func(st pb.TestService_StreamingInputCallServer) error {
				size := 0
				for {
					m, err := st.Recv()
					if err == io.EOF {
						return st.SendAndClose(&pb.StreamingInputCallResponse{AggregatedPayloadSize: int32(size)})
					}
					if err != nil {
						return err
					}
					size += len(m.Payload.Body)
				}
			},
			output: func(r *pb.StreamingOutputCallRequest, st pb.TestService_StreamingOutputCallServer) error {
				for range len(r.Payload.Body) {
					if err := st.Send(&pb.StreamingOutputCallResponse{}); err != nil {
						return err
					}
				}
				return param.Errorf(param.Stale, "after the last")
			},
		})
		c, ctx := v.client(t), bounded(t)
		in, err := c.StreamingInputCall(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			if err := in.Send(&pb.StreamingInputCallRequest{Payload: payload("abc")}); err != nil {
				t.Fatal(err)
			}
		}
		if r, err := in.CloseAndRecv(); err != nil || r.AggregatedPayloadSize != 300 {
			t.Errorf("client stream: %v, %v", r, err)
		}
		out, err := c.StreamingOutputCall(ctx, &pb.StreamingOutputCallRequest{Payload: payload("five!")})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for ; err == nil; n++ {
			_, err = out.Recv()
		}
		if n != 6 || param.KindOf(err) != param.Stale {
			t.Errorf("server stream: %d messages, then %v", n-1, err)
		}
	})
}

// TestHandlerEndsEarly: a client that sends on learns of the end by io.EOF, and
// of the reason from Recv.
func TestHandlerEndsEarly(t *testing.T) {
	everywhere(t, func(t *testing.T, net Network, addr string) {
		v := serve(t, net, addr, &service{duplex: func(pb.TestService_FullDuplexCallServer) error {
			return param.Errorf(param.NotOwner, "moved")
		}})
		st, err := v.client(t).FullDuplexCall(bounded(t))
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			err = st.Send(&pb.StreamingOutputCallRequest{})
		}
		if err != io.EOF {
			t.Errorf("send: %v", err)
		}
		if _, err := st.Recv(); param.KindOf(err) != param.NotOwner {
			t.Errorf("recv: %v", err)
		}
	})
}

// TestStreamCancel: a client that goes away ends the handler, even one that is
// stuck in sending.
func TestStreamCancel(t *testing.T) {
	everywhere(t, func(t *testing.T, net Network, addr string) {
		ended := make(chan struct{})
		v := serve(t, net, addr, &service{duplex: func(st pb.TestService_FullDuplexCallServer) error {
			defer close(ended)
			big := &pb.StreamingOutputCallResponse{Payload: &pb.Payload{Body: make([]byte, 256<<10)}}
			for {
				if err := st.Send(big); err != nil {
					return err
				}
			}
		}})
		ctx, cancel := context.WithCancel(context.Background())
		// The small window of Control makes the handler stick soon.
		st, err := pb.NewTestServiceClient(dial(t, net, v.Addr(), Control)).FullDuplexCall(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := st.Recv(); err != nil {
			t.Fatal(err)
		}
		cancel()
		for err == nil {
			_, err = st.Recv()
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("recv: %v", err)
		}
		receive(t, "handler's end", ended)
	})
}

// TestKill: open calls of both forms break at once, like those of a dead
// process, and the connection finds the successor at the same address.
func TestKill(t *testing.T) {
	everywhere(t, func(t *testing.T, net Network, addr string) {
		hold := func(ctx context.Context, _ *pb.SimpleRequest) (*pb.SimpleResponse, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		v := serve(t, net, addr, &service{unary: hold, duplex: echo})
		c := v.client(t)
		st := open(t, c)
		unary := make(chan error, 1)
		go func() {
			_, err := c.UnaryCall(bounded(t), &pb.SimpleRequest{})
			unary <- err
		}()
		exchange(t, st, "still there")
		v.Kill()
		start := time.Now()
		if _, err := st.Recv(); param.KindOf(err) != param.Retryable {
			t.Errorf("stream: %v %v", param.KindOf(err), err)
		}
		if err := receive(t, "end of the call", unary); param.KindOf(err) != param.Retryable {
			t.Errorf("unary: %v %v", param.KindOf(err), err)
		}
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("peers noticed after %v", took)
		}
		if err := v.wait(t); !errors.Is(err, ErrKilled) {
			t.Errorf("Run: %v", err)
		}
		serve(t, net, v.Addr(), &service{unary: echoUnary})
		for ctx := bounded(t); ; time.Sleep(5 * time.Millisecond) {
			_, err := c.UnaryCall(ctx, &pb.SimpleRequest{})
			if err == nil {
				break
			}
			if ctx.Err() != nil || param.KindOf(err) != param.Retryable {
				t.Fatalf("successor: %v", err)
			}
		}
		t.Logf("successor found after %v", time.Since(start))
	})
}

// TestGracefulStop: the call under way ends well, the stream that does not end
// by itself is broken when the grace is over, and Run returns nil.
func TestGracefulStop(t *testing.T) {
	everywhere(t, func(t *testing.T, net Network, addr string) {
		began, finish := make(chan struct{}), make(chan struct{})
		v := serve(t, net, addr, &service{duplex: echo, unary: func(context.Context, *pb.SimpleRequest) (*pb.SimpleResponse, error) {
			close(began)
			<-finish
			return &pb.SimpleResponse{}, nil
		}})
		c := v.client(t)
		st := open(t, c)
		unary := make(chan error, 1)
		go func() {
			_, err := c.UnaryCall(bounded(t), &pb.SimpleRequest{})
			unary <- err
		}()
		receive(t, "call", began)
		start := time.Now()
		v.stop()
		exchange(t, st, "within the grace")
		close(finish)
		if err := receive(t, "end of the call", unary); err != nil {
			t.Errorf("call under way: %v", err)
		}
		if _, err := st.Recv(); param.KindOf(err) != param.Retryable {
			t.Errorf("stream: %v", err)
		}
		if err := v.wait(t); err != nil {
			t.Errorf("Run: %v", err)
		}
		if took := time.Since(start); took < 200*time.Millisecond || took > 4*time.Second {
			t.Errorf("stopped after %v, the grace is 300 ms", took)
		}
		if _, err := c.UnaryCall(bounded(t), &pb.SimpleRequest{}); param.KindOf(err) != param.Retryable {
			t.Errorf("new call: %v", err)
		}
	})
}

// TestStuckHandler: Run gives up on a handler that ignores its context, and says so.
func TestStuckHandler(t *testing.T) {
	everywhere(t, func(t *testing.T, net Network, addr string) {
		began, release := make(chan struct{}), make(chan struct{})
		t.Cleanup(func() { close(release) })
		v := serve(t, net, addr, &service{unary: func(context.Context, *pb.SimpleRequest) (*pb.SimpleResponse, error) {
			close(began)
			<-release
			return &pb.SimpleResponse{}, nil
		}})
		go func() { _, _ = v.client(t).UnaryCall(bounded(t), &pb.SimpleRequest{}) }()
		receive(t, "call", began)
		v.stop()
		if err := v.wait(t); err == nil {
			t.Error("Run returned nil")
		}
	})
}
