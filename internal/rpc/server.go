package rpc

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/grpc"
)

// ServerConfig says what a Server serves and where.
type ServerConfig struct {
	// Listener is where calls arrive. The server closes it.
	Listener Listener
	// Services register themselves, e.g.
	//	func(r grpc.ServiceRegistrar) { pb.RegisterHealthServer(r, h) }
	Services []func(grpc.ServiceRegistrar)
	// Logger gets panics, with their stack. The default discards.
	Logger *slog.Logger
	// Grace is how long open calls may go on after Run's context has ended.
	// More lets long calls finish, and delays the end of the process by as much
	// when a peer keeps a stream open. The default is StopGrace.
	Grace time.Duration
}

// Server runs services on a listener.
//
// A handler that panics fails its call with an Internal error and nothing else.
// Handlers must end when their context does; those of open-ended streams should
// also end when their service is told to stop, or they use up the grace.
type Server struct {
	cfg    ServerConfig
	engine engine
	once   sync.Once
	killed chan struct{}
}

// NewServer returns a server that serves nothing until Run. It registers the
// services, and panics as grpc does if two have the same name.
func NewServer(cfg ServerConfig) *Server {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Grace == 0 {
		cfg.Grace = StopGrace
	}
	s := &Server{cfg: cfg, killed: make(chan struct{})}
	s.engine = cfg.Listener.engine(serverInterceptors(cfg.Logger))
	for _, register := range cfg.Services {
		register(s.engine)
	}
	return s
}

// Addr is the address that the server listens on.
func (s *Server) Addr() string { return s.cfg.Listener.Addr() }

// Run serves until ctx ends, lets open calls finish within the grace, breaks
// what is left and returns nil. After Kill it returns ErrKilled. A handler that
// goes on for StopGrace after its context has ended is given up on: an error.
func (s *Server) Run(ctx context.Context) error {
	var err error
	served := start(func() { err = s.engine.serve() })
	var drained <-chan struct{}
	select {
	case <-ctx.Done():
		drained = start(s.engine.stop)
		await(s.cfg.Grace, drained)
	case <-s.killed:
	case <-served:
	}
	quiet := await(StopGrace, start(s.engine.kill)) &&
		await(StopGrace, served) && (drained == nil || await(StopGrace, drained))
	_ = s.cfg.Listener.Close()
	return s.outcome(quiet, &err)
}

// outcome is Run's error; err is that of serving, which may still be written
// unless quiet.
func (s *Server) outcome(quiet bool, err *error) error {
	switch {
	case !quiet:
		return fmt.Errorf("stop serving on %s: a handler still runs %v after its context has ended", s.Addr(), StopGrace)
	case s.isKilled():
		return ErrKilled
	case *err != nil:
		return fmt.Errorf("serve on %s: %w", s.Addr(), *err)
	}
	return nil
}

// Kill ends the server as the death of its process would: streams break,
// nobody is told. It does not wait; Run does. Without Run it gives up the
// address.
func (s *Server) Kill() {
	s.once.Do(func() { close(s.killed) })
	_ = s.cfg.Listener.Close()
}

func (s *Server) isKilled() bool {
	select {
	case <-s.killed:
		return true
	default:
		return false
	}
}

// await waits for done, at most d, and reports whether it came.
func await(d time.Duration, done <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// start runs f on a goroutine and returns a channel that closes at its end.
func start(f func()) <-chan struct{} {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	return done
}
