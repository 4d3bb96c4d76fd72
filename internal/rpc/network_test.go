package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"parley/internal/param"
)

// networks are what the conformance tests below run over. Each gives a fresh
// network and an address to listen on.
var networks = map[string]func() (Network, string){
	"tcp":       func() (Network, string) { return TCP{}, "127.0.0.1:0" },
	"inprocess": func() (Network, string) { return NewInProcess(), "node:0" },
}

// everywhere runs a test over each network.
func everywhere(t *testing.T, f func(*testing.T, Network, string)) {
	t.Parallel()
	for name, make := range networks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			net, addr := make()
			f(t, net, addr)
		})
	}
}

func TestUnary(t *testing.T) {
	everywhere(t, func(t *testing.T, net Network, addr string) {
		v := serve(t, net, addr, &service{unary: echoUnary})
		for _, class := range []Class{Control, Data} {
			c := pb.NewTestServiceClient(dial(t, net, v.Addr(), class))
			r, err := c.UnaryCall(context.Background(), &pb.SimpleRequest{Payload: payload("hello")})
			if err != nil || string(r.GetPayload().GetBody()) != "hello" {
				t.Errorf("%v: got %v, %v", class, r, err)
			}
		}
	})
}

// TestMessagesAreApart lets both sides keep and overwrite what they sent and got;
// the race detector and the values tell.
func TestMessagesAreApart(t *testing.T) {
	everywhere(t, func(t *testing.T, net Network, addr string) {
		kept := make(chan *pb.SimpleRequest, 1)
		v := serve(t, net, addr, &service{
			unary: func(_ context.Context, r *pb.SimpleRequest) (*pb.SimpleResponse, error) {
				kept <- r
				return &pb.SimpleResponse{Payload: r.Payload}, nil
			},
			duplex: func(st pb.TestService_FullDuplexCallServer) error {
				m := &pb.StreamingOutputCallResponse{Payload: payload("0")}
				for i := range byte(3) {
					m.Payload.Body[0] = '0' + i
					if err := st.Send(m); err != nil {
						return err
					}
				}
				return nil
			},
		})
		c, ctx := v.client(t), bounded(t)
		req := &pb.SimpleRequest{Payload: payload("sent")}
		r, err := c.UnaryCall(ctx, req)
		if err != nil {
			t.Fatal(err)
		}
		copy(req.Payload.Body, "XXXX")
		copy(r.Payload.Body, "YYYY")
		if k := receive(t, "request", kept); string(k.Payload.Body) != "sent" {
			t.Errorf("the server holds %q", k.Payload.Body)
		}
		st, err := c.FullDuplexCall(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for i := range byte(3) {
			m, err := st.Recv()
			if err != nil || m.Payload.Body[0] != '0'+i {
				t.Errorf("message %d: %v, %v", i, m, err)
			}
		}
	})
}

// TestErrors sends every kind, bare and wrapped, through unary calls and streams.
func TestErrors(t *testing.T) {
	everywhere(t, func(t *testing.T, net Network, addr string) {
		var fail error
		v := serve(t, net, addr, &service{
			unary:  func(context.Context, *pb.SimpleRequest) (*pb.SimpleResponse, error) { return nil, fail },
			duplex: func(pb.TestService_FullDuplexCallServer) error { return fail },
		})
		c := v.client(t)
		check := func(got error, kind param.Kind, text string) {
			t.Helper()
			var p *param.Error
			if !errors.As(got, &p) || p.Kind != kind || got.Error() != text {
				t.Errorf("sent %v %q, got %v %q", kind, text, param.KindOf(got), got)
			}
		}
		for k := param.Unknown; k <= param.Diverged; k++ {
			text := fmt.Sprintf("open shard 7: %v: 50%% of \"it\"\nand more", k)
			fail = fmt.Errorf("open shard 7: %w", param.Errorf(k, "%v: 50%% of \"it\"\nand more", k))
			_, err := c.UnaryCall(bounded(t), &pb.SimpleRequest{})
			check(err, k, text)
			st, err := c.FullDuplexCall(bounded(t))
			if err != nil {
				t.Fatal(err)
			}
			_, err = st.Recv()
			check(err, k, text)
		}
		fail = errors.New("plain")
		_, err := c.UnaryCall(bounded(t), &pb.SimpleRequest{})
		check(err, param.Unknown, "plain")
	})
}

func TestUnimplemented(t *testing.T) {
	everywhere(t, func(t *testing.T, net Network, addr string) {
		v := serve(t, net, addr, &service{})
		conn := dial(t, net, v.Addr(), Control)
		for _, method := range []string{"/no.Service/Call", "/grpc.testing.TestService/NoMethod"} {
			err := conn.Invoke(bounded(t), method, &pb.Empty{}, &pb.Empty{})
			if status.Code(err) != codes.Unimplemented || param.KindOf(err) != param.Invalid {
				t.Errorf("%s: %v", method, err)
			}
		}
	})
}

func TestDeadlineAndCancel(t *testing.T) {
	everywhere(t, func(t *testing.T, net Network, addr string) {
		began, ended := make(chan struct{}, 2), make(chan struct{}, 2)
		v := serve(t, net, addr, &service{unary: func(ctx context.Context, _ *pb.SimpleRequest) (*pb.SimpleResponse, error) {
			if _, ok := ctx.Deadline(); !ok {
				t.Error("the handler has no deadline")
			}
			began <- struct{}{}
			<-ctx.Done()
			ended <- struct{}{}
			return nil, ctx.Err()
		}})
		c := v.client(t)
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		_, err := c.UnaryCall(ctx, &pb.SimpleRequest{})
		if param.KindOf(err) != param.Retryable || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("deadline: %v %v", param.KindOf(err), err)
		}
		select { // on a busy machine the deadline may pass before the call arrives
		case <-began:
			receive(t, "end of the handler after its deadline", ended)
		default:
		}
		ctx, cancel = context.WithCancel(context.Background()) // the default deadline applies
		defer cancel()
		failed := make(chan error, 1)
		go func() {
			_, err := c.UnaryCall(ctx, &pb.SimpleRequest{})
			failed <- err
		}()
		receive(t, "beginning of the handler", began)
		cancel()
		err = receive(t, "end of the call", failed)
		if param.KindOf(err) != param.Unknown || !errors.Is(err, context.Canceled) {
			t.Errorf("cancel: %v %v", param.KindOf(err), err)
		}
		receive(t, "end of the handler after cancel", ended)
	})
}

// TestServerCancels: a handler that returns its own cancellation while the
// caller still waits is a server that stops, so the call is worth a retry.
func TestServerCancels(t *testing.T) {
	everywhere(t, func(t *testing.T, net Network, addr string) {
		v := serve(t, net, addr, &service{unary: func(context.Context, *pb.SimpleRequest) (*pb.SimpleResponse, error) {
			return nil, fmt.Errorf("wait for version 3: %w", context.Canceled)
		}})
		_, err := v.client(t).UnaryCall(bounded(t), &pb.SimpleRequest{})
		if param.KindOf(err) != param.Retryable || errors.Is(err, context.Canceled) {
			t.Errorf("%v %v", param.KindOf(err), err)
		}
	})
}

func TestPanic(t *testing.T) {
	everywhere(t, func(t *testing.T, net Network, addr string) {
		v := serve(t, net, addr, &service{
			unary:  func(context.Context, *pb.SimpleRequest) (*pb.SimpleResponse, error) { panic("ouch") },
			duplex: func(pb.TestService_FullDuplexCallServer) error { panic("ouch too") },
		})
		c := v.client(t)
		_, err := c.UnaryCall(bounded(t), &pb.SimpleRequest{})
		if status.Code(err) != codes.Internal || param.KindOf(err) != param.Unknown || !strings.Contains(err.Error(), "ouch") {
			t.Errorf("unary: %v", err)
		}
		st, err := c.FullDuplexCall(bounded(t))
		if err != nil {
			t.Fatal(err)
		}
		if _, err = st.Recv(); status.Code(err) != codes.Internal {
			t.Errorf("stream: %v", err)
		}
		if log := v.log.String(); strings.Count(log, "handler panicked") != 2 || !strings.Contains(log, "network_test.go") {
			t.Errorf("log: %s", log)
		}
	})
}

func TestMetadata(t *testing.T) {
	everywhere(t, func(t *testing.T, net Network, addr string) {
		v := serve(t, net, addr, &service{unary: func(ctx context.Context, _ *pb.SimpleRequest) (*pb.SimpleResponse, error) {
			md, _ := metadata.FromIncomingContext(ctx)
			_ = grpc.SetHeader(ctx, metadata.Pairs("head", md.Get("asked")[0]))
			_ = grpc.SetTrailer(ctx, metadata.Pairs("tail", "t"))
			return &pb.SimpleResponse{}, nil
		}})
		ctx := metadata.AppendToOutgoingContext(bounded(t), "asked", "h")
		var head, tail metadata.MD
		if _, err := v.client(t).UnaryCall(ctx, &pb.SimpleRequest{}, grpc.Header(&head), grpc.Trailer(&tail)); err != nil {
			t.Fatal(err)
		}
		got := [2][]string{head.Get("head"), tail.Get("tail")}
		if diff := cmp.Diff([2][]string{{"h"}, {"t"}}, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestListenInUse(t *testing.T) {
	everywhere(t, func(t *testing.T, net Network, addr string) {
		v := serve(t, net, addr, &service{})
		_, err := net.Listen(v.Addr())
		if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), v.Addr()) {
			t.Errorf("got %v", err)
		}
	})
}

func TestNobodyThere(t *testing.T) {
	everywhere(t, func(t *testing.T, net Network, addr string) {
		lis, err := net.Listen(addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = lis.Close()
		conn := dial(t, net, lis.Addr(), Control)
		start := time.Now()
		_, err = pb.NewTestServiceClient(conn).UnaryCall(bounded(t), &pb.SimpleRequest{})
		if status.Code(err) != codes.Unavailable || param.KindOf(err) != param.Retryable {
			t.Errorf("call: %v %v", param.KindOf(err), err)
		}
		if _, err := pb.NewTestServiceClient(conn).FullDuplexCall(bounded(t)); param.KindOf(err) != param.Retryable {
			t.Errorf("stream: %v", err)
		}
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestConnClose(t *testing.T) {
	everywhere(t, func(t *testing.T, net Network, addr string) {
		ended := make(chan struct{})
		v := serve(t, net, addr, &service{unary: echoUnary, duplex: func(st pb.TestService_FullDuplexCallServer) error {
			defer close(ended)
			return echo(st)
		}})
		conn := dial(t, net, v.Addr(), Data)
		c := pb.NewTestServiceClient(conn)
		st := open(t, c)
		_ = conn.Close()
		if _, err := st.Recv(); err == nil || err == io.EOF || param.KindOf(err) == param.Retryable {
			t.Errorf("open stream: %v", err)
		}
		receive(t, "handler's end", ended)
		if _, err := c.UnaryCall(bounded(t), &pb.SimpleRequest{}); err == nil || param.KindOf(err) == param.Retryable {
			t.Errorf("call: %v", err)
		}
	})
}
