// Package rpc builds Parley's gRPC servers and connections, over TCP or inside
// one process, so that a service is written once and never learns which.
//
// The main types are Network, which makes listeners and connections (TCP and
// InProcess implement it), and Server, which runs services on a listener.
// internal/node wires both; psclient, coordserver and the command line only see
// a Conn. Errors of package param cross either network with their kind and
// message: interceptors apply Error on the server and FromError on the client.
//
// Networks, connections and servers are safe for concurrent use. Listen and
// Dial start nothing that waits; Server.Run owns the goroutines of a server,
// and a Conn those below it until Close.
package rpc

import (
	"io"
	"time"

	"google.golang.org/grpc"
)

// Class separates the traffic to one address. Each class has a connection of
// its own, so that a heartbeat never queues behind a gradient.
type Class int

const (
	// Control is for small messages that must not wait: heartbeats, leases,
	// assignments, status.
	Control Class = iota
	// Data is for parameters, contributions and snapshots.
	Data
)

func (c Class) String() string {
	if c == Data {
		return "data"
	}
	return "control"
}

const (
	// MaxMessage bounds one message in bytes, sent or received. What is larger
	// must be cut into a stream of messages.
	MaxMessage = 64 << 20
	// DefaultTimeout is the deadline of a unary call whose context has none:
	// no call may wait for ever.
	DefaultTimeout = 30 * time.Second
	// StopGrace is how long Server.Run lets calls finish once its context
	// has ended, before it breaks them.
	StopGrace = time.Second
)

// Network makes listeners and connections. Code above this package is written
// against it and runs on TCP and in one process alike.
type Network interface {
	// Listen takes addr, without serving on it yet: callers wait until a
	// Server runs on the listener. Port 0 picks a free one. The error is
	// ErrInUse (in the sense of errors.Is) if the address is taken.
	Listen(addr string) (Listener, error)
	// Dial returns a connection to addr. It never waits for the peer: a call
	// to an address where nobody answers gives a param.Retryable error with
	// code Unavailable, and the connection recovers when somebody does.
	Dial(addr string, class Class) (Conn, error)
}

// Listener is an address taken on a Network. It belongs to the Server that is
// made with it, or must be closed.
type Listener interface {
	// Addr is the address to dial, with the actual port.
	Addr() string
	// Close gives the address back.
	Close() error

	// engine makes what serves calls on the listener. It is not exported: other
	// networks (such as one that injects faults) embed a Listener of this package.
	engine(intercept) engine
}

// Conn is a connection as generated clients take it. After Close, open streams
// are broken and calls fail.
type Conn interface {
	grpc.ClientConnInterface
	io.Closer
}

// engine serves calls on a listener: a grpc.Server or its twin in the process.
type engine interface {
	grpc.ServiceRegistrar
	// serve answers calls until stop or kill.
	serve() error
	// stop refuses new calls and returns when the open ones have ended.
	stop()
	// kill breaks the open calls, so that their peers see Unavailable, and
	// returns when their handlers have.
	kill()
}

// intercept is what every call passes through on the server.
type intercept struct {
	unary  grpc.UnaryServerInterceptor
	stream grpc.StreamServerInterceptor
}
