package rpc

import (
	"fmt"
	"net"
	"strconv"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// InProcess is the Network of embedded mode: calls are function calls on
// goroutines of their own, without sockets, frames or encoding. Messages are
// copied once, so that receivers may keep and change them. Each InProcess is a
// world of its own: addresses are names in it and mean nothing elsewhere.
//
// It stands in for gRPC where Parley uses it: deadlines, cancellation, metadata,
// statuses with details, streams of all four forms. A connection looks its
// address up at each call, so it finds a server that came back.
//
// (github.com/fullstorydev/grpchan/inprocgrpc does the same, but copies stream
// messages twice, cannot break open calls as a dead process would, and brings
// two deprecated protobuf modules along.)
type InProcess struct {
	mu struct {
		sync.Mutex
		lastPort  int
		listeners map[string]*pipeEngine
	}
}

// NewInProcess returns an empty network.
func NewInProcess() *InProcess {
	n := &InProcess{}
	n.mu.listeners = map[string]*pipeEngine{}
	return n
}

// Listen takes addr. With port 0, or as a whole empty, it gets a port that no
// other address of this network has had.
func (n *InProcess) Listen(addr string) (Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	addr = n.pickLocked(addr)
	if n.mu.listeners[addr] != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, ErrInUse)
	}
	e := newPipeEngine(addr)
	n.mu.listeners[addr] = e
	return &pipeListener{net: n, e: e}, nil
}

func (n *InProcess) pickLocked(addr string) string {
	if addr == "" {
		addr = "inprocess:0"
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port != "0" {
		return addr
	}
	n.mu.lastPort++
	return net.JoinHostPort(host, strconv.Itoa(n.mu.lastPort))
}

// Dial returns a connection to addr. The class makes no difference: calls here
// never queue behind one another.
func (n *InProcess) Dial(addr string, _ Class) (Conn, error) {
	return &conn{Conn: newPipeConn(n, addr)}, nil
}

// lookup returns who listens on addr, or an Unavailable error.
func (n *InProcess) lookup(addr string) (*pipeEngine, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if e := n.mu.listeners[addr]; e != nil {
		return e, nil
	}
	return nil, status.Errorf(codes.Unavailable, "nobody listens on %s", addr)
}

// forget gives up addr if e still has it.
func (n *InProcess) forget(addr string, e *pipeEngine) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.mu.listeners[addr] == e {
		delete(n.mu.listeners, addr)
	}
}

type pipeListener struct {
	net *InProcess
	e   *pipeEngine
}

func (l *pipeListener) Addr() string { return l.e.addr }

// Close gives the address back; calls that wait for a server fail. Open calls
// go on until the server is stopped.
func (l *pipeListener) Close() error {
	l.net.forget(l.e.addr, l.e)
	l.e.refuse()
	return nil
}

func (l *pipeListener) engine(in intercept) engine {
	l.e.in = in
	return l.e
}
