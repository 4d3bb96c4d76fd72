package client

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc"

	"parley/internal/param"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
)

// published is a coordinator that the cluster knows as "inside:1", which nobody here
// can reach, and that is asked at "c:1".
type published struct {
	parleyv1.UnimplementedModelsServer
	parleyv1.UnimplementedClusterServer
	parleyv1.UnimplementedJobsServer
	asked []string // for models of these nodes
}

func (p *published) Describe(context.Context, *parleyv1.DescribeRequest) (*parleyv1.DescribeReply, error) {
	return &parleyv1.DescribeReply{Node: "n", Coordinator: "inside:1", Members: []*parleyv1.Member{{Node: "other", Bind: "other:1"}, {Node: "n", Bind: "inside:1"}}}, nil
}

func (p *published) Status(context.Context, *parleyv1.StatusRequest) (*parleyv1.StatusReply, error) {
	return &parleyv1.StatusReply{}, nil
}

func (p *published) Fetch(q *parleyv1.FetchRequest, s grpc.ServerStreamingServer[parleyv1.FetchReply]) error {
	p.asked = append(p.asked, q.GetFrom())
	return param.Errorf(param.NotOwner, "no such model there")
}

// TestPublishedPort: a client stays with the address that it was given when the
// node there is the coordinator, and has it relay the models of nodes that it cannot
// reach.
func TestPublishedPort(t *testing.T) {
	network := rpc.NewInProcess()
	listener, err := network.Listen("c:1")
	if err != nil {
		t.Fatal(err)
	}
	p := &published{}
	server := rpc.NewServer(rpc.ServerConfig{Listener: listener, Services: []func(grpc.ServiceRegistrar){func(r grpc.ServiceRegistrar) {
		parleyv1.RegisterClusterServer(r, p)
		parleyv1.RegisterJobsServer(r, p)
		parleyv1.RegisterModelsServer(r, p)
	}}})
	done := make(chan error, 1)
	go func() { done <- server.Run(context.Background()) }()
	defer func() {
		server.Kill()
		<-done
	}()
	cl := connect(t, network)
	defer cl.Close()
	if _, err := cl.Status(t.Context(), ""); err != nil {
		t.Errorf("status: %v", err)
	}
	_, err = cl.Fetch(t.Context(), "j", "keeper:1", t.TempDir(), false)
	if err == nil || !strings.Contains(err.Error(), "no such model there") || !strings.Contains(err.Error(), "keeper:1") {
		t.Errorf("fetch: %v", err)
	}
	if len(p.asked) != 1 || p.asked[0] != "keeper:1" {
		t.Errorf("the coordinator was asked for models of %q", p.asked)
	}
}
