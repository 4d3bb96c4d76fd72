package node

import (
	"context"
	"errors"
	"io"
	"testing"

	"google.golang.org/grpc"

	"parley/internal/param"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
)

// keeper has a model of two pieces.
type keeper struct {
	parleyv1.UnimplementedModelsServer
}

func (keeper) Fetch(q *parleyv1.FetchRequest, s grpc.ServerStreamingServer[parleyv1.FetchReply]) error {
	if q.GetFrom() != "" {
		return errors.New("a relay of a relay")
	}
	return errors.Join(s.Send(&parleyv1.FetchReply{Name: q.GetJob(), Data: []byte("a")}), s.Send(&parleyv1.FetchReply{Name: q.GetJob(), Data: []byte("b")}))
}

// known is a membership of one other node.
type known struct{ static }

func (known) Members() []*parleyv1.Member {
	return []*parleyv1.Member{{Node: "k", Bind: "keeper:1"}, {Node: "dead", Bind: "dead:1"}}
}

func TestRelay(t *testing.T) {
	network := rpc.NewInProcess()
	serve := func(address string, models parleyv1.ModelsServer) {
		l, err := network.Listen(address)
		if err != nil {
			t.Fatal(err)
		}
		server := rpc.NewServer(rpc.ServerConfig{Listener: l, Services: []func(grpc.ServiceRegistrar){func(r grpc.ServiceRegistrar) { parleyv1.RegisterModelsServer(r, models) }}})
		done := make(chan error, 1)
		go func() { done <- server.Run(context.Background()) }()
		t.Cleanup(func() {
			server.Kill()
			<-done
		})
	}
	serve("keeper:1", keeper{})
	serve("stranger:1", keeper{})
	serve("relay:1", &relay{node: &Node{address: "inside:1", members: known{}, config: Config{Network: network}}})
	conn, err := network.Dial("relay:1", rpc.Data)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fetch := func(from string) (data string, err error) {
		stream, err := parleyv1.NewModelsClient(conn).Fetch(t.Context(), &parleyv1.FetchRequest{Job: "j", From: from})
		for err == nil {
			var m *parleyv1.FetchReply
			if m, err = stream.Recv(); err == nil {
				data += m.GetName() + string(m.GetData())
			}
		}
		return data, err
	}
	if data, err := fetch("keeper:1"); data != "jajb" || !errors.Is(err, io.EOF) {
		t.Errorf("a member's model: %q, %v", data, err)
	}
	if data, err := fetch("stranger:1"); data != "" || param.KindOf(err) != param.Invalid {
		t.Errorf("a node that is no member: %q, %v", data, err)
	}
	if data, err := fetch("dead:1"); data != "" || param.KindOf(err) != param.Retryable {
		t.Errorf("a member that is away: %q, %v", data, err)
	}
}
