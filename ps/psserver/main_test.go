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
	"parley/internal/wire"
	parleyv1 "parley/proto/parley/v1"
	"parley/ps"
	"parley/ps/optim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// networks are what the tests run over.
var networks = map[string]rpc.Network{"inprocess": rpc.NewInProcess(), "tcp": rpc.TCP{}}

// everywhere runs a test over each network, with a server that holds job "j":
// ranges 0 and 1 of eight keys, two workers.
func everywhere(t *testing.T, f func(*testing.T, *Server, *peer)) {
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
func serve(t testing.TB, network rpc.Network, s *Server) *peer {
	t.Helper()
	listener, err := network.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := rpc.NewServer(rpc.ServerConfig{Listener: listener, Grace: time.Millisecond, Logger: slog.New(slog.DiscardHandler),
		Services: []func(grpc.ServiceRegistrar){func(r grpc.ServiceRegistrar) { Register(r, s) }}})
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
	return &peer{parleyv1.NewParametersClient(conn), conn}
}

// peer is a client of a server.
type peer struct {
	parleyv1.ParametersClient
	conn rpc.Conn
}

// stream is an open Exchange.
type stream struct {
	t testing.TB
	grpc.ClientStream
	cancel   context.CancelFunc
	sender   *wire.Sender
	receiver *wire.Receiver
	frame    wire.Frame
	got      []wire.Reply
}

func open(t testing.TB, c *peer) *stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	s, err := rpc.OpenExchange(ctx, c.conn)
	if err != nil {
		t.Fatal(err)
	}
	return &stream{t: t, ClientStream: s, cancel: cancel, sender: wire.NewSender(), receiver: wire.NewReceiver()}
}

func (s *stream) send(requests ...*wire.Request) {
	s.t.Helper()
	f := &wire.Frame{Sender: s.sender}
	for _, r := range requests {
		f.Requests = append(f.Requests, *r)
	}
	if err := s.SendMsg(f); err != nil {
		s.t.Fatal(err)
	}
}

// receive reads a frame.
func (s *stream) receive() error {
	if err := s.RecvMsg(&s.frame); err != nil {
		return err
	}
	n, err := s.receiver.Open(&s.frame)
	for range n {
		var r wire.Reply
		if err := s.receiver.Reply(&s.frame, &r); err != nil {
			return err
		}
		s.got = append(s.got, r)
	}
	return err
}

// next returns the next reply.
func (s *stream) next() *wire.Reply {
	s.t.Helper()
	for len(s.got) == 0 {
		if err := s.receive(); err != nil {
			s.t.Fatal(err)
		}
	}
	r := s.got[0]
	s.got = s.got[1:]
	return &r
}

// kind returns the kind of the next reply's refusal, and its id.
func (s *stream) kind() (uint64, param.Kind) {
	s.t.Helper()
	r := s.next()
	if r.Refused == nil {
		s.t.Fatalf("reply %v is no refusal", r)
	}
	return r.ID, param.KindOf(r.Refused)
}

// pull asks for key 0 of range 0.
func pull(id uint64, worker param.Worker, round param.Round) *wire.Request {
	return &wire.Request{ID: id, Job: "j", Worker: worker, Term: 1, Round: round, Offsets: []uint32{0}}
}

// push adds 1 to key 0 of range 0.
func push(id uint64, worker param.Worker, round param.Round) *wire.Request {
	return &wire.Request{ID: id, Job: "j", Worker: worker, Term: 1, Round: round, Push: true, Offsets: []uint32{0}, Values: []float32{1}, Rows: 1}
}
