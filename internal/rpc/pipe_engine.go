package rpc

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// pipeEngine serves the calls to one address of an InProcess network.
type pipeEngine struct {
	addr     string
	in       intercept
	services map[string]*pipeService // complete before serve, then read only

	serving chan struct{} // closed by serve; calls wait for it
	refused chan struct{} // closed when no call is taken any more
	// life is the parent of all handler contexts; kill ends it and breaks the calls.
	life context.Context
	die  context.CancelFunc

	mu struct {
		sync.Mutex
		refused, serving bool
		open             sync.WaitGroup // handlers; Add only under the lock while not refused
	}
}

type pipeService struct {
	impl    any
	methods map[string]*grpc.MethodDesc
	streams map[string]*grpc.StreamDesc
}

func newPipeEngine(addr string) *pipeEngine {
	life, die := context.WithCancel(context.Background())
	return &pipeEngine{
		addr: addr, services: map[string]*pipeService{},
		serving: make(chan struct{}), refused: make(chan struct{}),
		life: life, die: die,
	}
}

// RegisterService implements grpc.ServiceRegistrar; like a grpc.Server it panics
// at a name that is taken.
func (e *pipeEngine) RegisterService(desc *grpc.ServiceDesc, impl any) {
	if e.services[desc.ServiceName] != nil {
		panic(fmt.Sprintf("rpc: service %s registered twice", desc.ServiceName))
	}
	s := &pipeService{impl: impl, methods: map[string]*grpc.MethodDesc{}, streams: map[string]*grpc.StreamDesc{}}
	for i := range desc.Methods {
		s.methods[desc.Methods[i].MethodName] = &desc.Methods[i]
	}
	for i := range desc.Streams {
		s.streams[desc.Streams[i].StreamName] = &desc.Streams[i]
	}
	e.services[desc.ServiceName] = s
}

// serve lets calls in until the engine refuses them.
func (e *pipeEngine) serve() error {
	e.mu.Lock()
	if !e.mu.serving {
		e.mu.serving = true
		close(e.serving)
	}
	e.mu.Unlock()
	<-e.refused
	return nil
}

// refuse takes no more calls.
func (e *pipeEngine) refuse() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.mu.refused {
		e.mu.refused = true
		close(e.refused)
	}
}

func (e *pipeEngine) stop() {
	e.refuse()
	e.mu.open.Wait()
}

func (e *pipeEngine) kill() {
	e.refuse()
	e.die()
	e.mu.open.Wait()
}

// admit waits until the engine serves, as a TCP connection waits in the backlog,
// and counts a call in. Each success is paired with leave.
func (e *pipeEngine) admit(ctx context.Context) error {
	select {
	case <-e.serving:
	case <-e.refused:
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.mu.refused {
		return e.unavailable()
	}
	e.mu.open.Add(1)
	return nil
}

func (e *pipeEngine) leave() { e.mu.open.Done() }

func (e *pipeEngine) unavailable() error {
	return status.Errorf(codes.Unavailable, "the server on %s has stopped", e.addr)
}

// service finds the service of a full method name and the rest of the name.
func (e *pipeEngine) service(full string) (*pipeService, string, error) {
	name, method, _ := strings.Cut(strings.TrimPrefix(full, "/"), "/")
	if s := e.services[name]; s != nil {
		return s, method, nil
	}
	return nil, "", status.Errorf(codes.Unimplemented, "unknown service %s", name)
}

// handlerContext is the context of a handler called under ctx: it ends with ctx
// and with the engine, has ctx's deadline and outgoing metadata, and none of its
// values, which would not cross a socket either.
func (e *pipeEngine) handlerContext(ctx context.Context, sts grpc.ServerTransportStream) (context.Context, context.CancelFunc) {
	sctx, cancel := context.WithCancel(e.life)
	end := cancel
	if deadline, ok := ctx.Deadline(); ok {
		sctx, cancel = context.WithDeadline(sctx, deadline)
	}
	unlink := context.AfterFunc(ctx, end)
	md, _ := metadata.FromOutgoingContext(ctx)
	sctx = metadata.NewIncomingContext(sctx, md.Copy())
	sctx = peer.NewContext(sctx, &peer.Peer{Addr: pipeAddr(e.addr)})
	sctx = grpc.NewContextWithServerTransportStream(sctx, sts)
	return sctx, func() { unlink(); cancel(); end() }
}

// pipeAddr is the net.Addr of an in-process peer.
type pipeAddr string

func (pipeAddr) Network() string  { return "inprocess" }
func (a pipeAddr) String() string { return string(a) }
