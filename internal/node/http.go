package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"syscall"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"parley/internal/param"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
)

// listenHTTP takes the address of the HTTP endpoint.
func (n *Node) listenHTTP() error {
	if err := checkAddress("http", n.config.HTTP, n.config.Insecure); err != nil {
		return err
	}
	l, err := net.Listen("tcp", n.config.HTTP)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("listen on %s for HTTP: %w: stop the process that has it or choose another address", n.config.HTTP, rpc.ErrInUse)
	}
	n.http = l
	return err
}

// HTTP returns the address of the HTTP endpoint, empty when there is none.
func (n *Node) HTTP() string {
	if n.http == nil {
		return ""
	}
	return n.http.Addr().String()
}

// reporter answers the HTTP endpoint's questions.
type reporter struct{ node *Node }

// Ready implements httpapi.Reporter.
func (r *reporter) Ready() error {
	if bind, _ := r.node.members.Coordinator(); bind == "" {
		return errors.New("no node with the role coordinator is known")
	}
	if !r.node.agent.InSession() {
		return errors.New("not registered with the coordinator")
	}
	return nil
}

// Members implements httpapi.Reporter.
func (r *reporter) Members(ctx context.Context) (json.RawMessage, error) {
	s, err := r.status(ctx, "")
	return marshal(&parleyv1.StatusReply{Coordinator: s.GetCoordinator(), Members: s.GetMembers()}, err)
}

// Jobs implements httpapi.Reporter.
func (r *reporter) Jobs(ctx context.Context) (json.RawMessage, error) {
	s, err := r.status(ctx, "")
	return marshal(&parleyv1.StatusReply{Coordinator: s.GetCoordinator(), Jobs: s.GetJobs()}, err)
}

// Job implements httpapi.Reporter.
func (r *reporter) Job(ctx context.Context, id string) (json.RawMessage, error) {
	s, err := r.status(ctx, id)
	if err != nil {
		return nil, err
	}
	return marshal(s.GetJobs()[0], nil)
}

func marshal(m proto.Message, err error) (json.RawMessage, error) {
	if err != nil {
		return nil, err
	}
	return protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}.Marshal(m)
}

// status asks the coordinator, whichever node this is.
func (r *reporter) status(ctx context.Context, job string) (*parleyv1.StatusReply, error) {
	bind, _ := r.node.members.Coordinator()
	if bind == "" {
		return nil, param.Errorf(param.Retryable, "no node with the role coordinator is known")
	}
	conn, err := r.node.config.Network.Dial(bind, rpc.Control)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return parleyv1.NewJobsClient(conn).Status(ctx, &parleyv1.StatusRequest{Job: job})
}
