package psserver

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"parley/internal/param"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
	"parley/ps"
	"parley/ps/optim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// networks are what the tests run over.
var networks = map[string]rpc.Network{"inprocess": rpc.NewInProcess(), "tcp": rpc.TCP{}}

// everywhere runs a test over each network, with a server that holds job "j":
// ranges 0 and 1 of eight keys, two workers.
func everywhere(t *testing.T, f func(*testing.T, *Server, parleyv1.ParametersClient)) {
	t.Parallel()
	for name, network := range networks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := New()
			if err := s.Create("j", 0, ranges(spec(t, 0, 2), spec(t, 1, 2))); err != nil {
				t.Fatal(err)
			}
			f(t, s, serve(t, network, s))
		})
	}
}

// ranges makes new ranges.
func ranges(specs ...ps.Spec) (list []*ps.Range) {
	for _, s := range specs {
		list = append(list, ps.NewRange(s))
	}
	return list
}

func spec(t testing.TB, id param.RangeID, workers int) ps.Spec {
	t.Helper()
	rule, err := optim.New(optim.Settings{Kind: "sgd", Rate: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	return ps.Spec{ID: id, Span: param.Span{Lo: 8 * param.Key(id), Hi: 8*param.Key(id) + 8}, Workers: workers, PerTally: 1, Rule: rule}
}

// serve serves s until the test ends and returns a client of it.
func serve(t testing.TB, network rpc.Network, s *Server) parleyv1.ParametersClient {
	t.Helper()
	listener, err := network.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := rpc.NewServer(rpc.ServerConfig{Listener: listener, Grace: time.Millisecond, Logger: slog.New(slog.DiscardHandler),
		Services: []func(grpc.ServiceRegistrar){func(r grpc.ServiceRegistrar) { parleyv1.RegisterParametersServer(r, s) }}})
	done := make(chan error, 1)
	go func() { done <- server.Run(context.Background()) }()
	conn, err := network.Dial(server.Addr(), rpc.Data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		server.Kill()
		if err := <-done; !errors.Is(err, rpc.ErrKilled) {
			t.Error(err)
		}
	})
	return parleyv1.NewParametersClient(conn)
}

// stream is an open Exchange.
type stream struct {
	t testing.TB
	grpc.BidiStreamingClient[parleyv1.Requests, parleyv1.Replies]
	cancel context.CancelFunc
	got    []*parleyv1.Reply
}

func open(t testing.TB, c parleyv1.ParametersClient) *stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	s, err := c.Exchange(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return &stream{t: t, BidiStreamingClient: s, cancel: cancel}
}

func (s *stream) send(requests ...*parleyv1.Request) {
	s.t.Helper()
	if err := s.Send(&parleyv1.Requests{Items: requests}); err != nil {
		s.t.Fatal(err)
	}
}

// next returns the next reply.
func (s *stream) next() *parleyv1.Reply {
	s.t.Helper()
	for len(s.got) == 0 {
		m, err := s.Recv()
		if err != nil {
			s.t.Fatal(err)
		}
		s.got = m.GetItems()
	}
	r := s.got[0]
	s.got = s.got[1:]
	return r
}

// kind returns the kind of the next reply's fault, and its id.
func (s *stream) kind() (uint64, param.Kind) {
	s.t.Helper()
	r := s.next()
	if r.GetFault() == nil {
		s.t.Fatalf("reply %v is no refusal", r)
	}
	return r.GetId(), param.Kind(r.GetFault().GetKind())
}

// pull asks for key 0 of range 0.
func pull(id uint64, worker uint32, round uint64) *parleyv1.Request {
	return &parleyv1.Request{Id: id, Job: "j", Worker: worker, Term: 1, Round: round,
		Body: &parleyv1.Request_Pull{Pull: &parleyv1.Pull{Offsets: []uint32{0}}}}
}

// push adds 1 to key 0 of range 0.
func push(id uint64, worker uint32, round uint64) *parleyv1.Request {
	return &parleyv1.Request{Id: id, Job: "j", Worker: worker, Term: 1, Round: round,
		Body: &parleyv1.Request_Push{Push: &parleyv1.Push{Offsets: []uint32{0}, Change: []float32{1}, Rows: 1}}}
}
