package httpapi

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// Limits of a connection: requests are small and answers come at once.
const (
	headerWithin = 5 * time.Second
	idleFor      = time.Minute
	stopWithin   = time.Second
	headerBytes  = 16 << 10
)

// Serve serves on a listener until ctx ends, and all requests with it.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	s := &http.Server{Handler: h, ReadHeaderTimeout: headerWithin, ReadTimeout: headerWithin, WriteTimeout: 2 * askWithin, IdleTimeout: idleFor, MaxHeaderBytes: headerBytes,
		BaseContext: func(net.Listener) context.Context { return ctx }}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	if err := s.Shutdown(stop); err != nil {
		s.Close()
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
