package source

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"parley/internal/param"
)

// passing is an error that may go away by itself.
type passing struct {
	err   error
	after time.Duration // how long the server wants to be left alone, or 0
}

func (p *passing) Error() string { return p.err.Error() }
func (p *passing) Unwrap() error { return p.err }

// broken tells errors of connections that may pass from those that stay: bad
// certificates, redirects that are not followed.
func broken(name string, err error) error {
	err = scrubbed(err)
	var certificate *tls.CertificateVerificationError
	switch {
	case param.KindOf(err) != param.Unknown:
		return param.Errorf(param.KindOf(err), "%s: %w", name, err)
	case errors.As(err, &certificate), errors.Is(err, http.ErrSchemeMismatch):
		return param.Errorf(param.Invalid, "%s: the server cannot be trusted: %w", name, err)
	}
	return &passing{err: err}
}

// refused is a status that may pass, or nil.
func refused(status int, header http.Header) error {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
	default:
		if status < 500 || status == http.StatusNotImplemented {
			return nil
		}
	}
	text := http.StatusText(status)
	if text == "" {
		text = "no known status"
	}
	return &passing{
		err:   param.Errorf(param.Retryable, "the server answers %d (%s)", status, text),
		after: retryAfter(header.Get("Retry-After")),
	}
}

// retryAfter reads a header of that name: seconds or a date.
func retryAfter(value string) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// attempts counts those of one operation.
type attempts struct {
	*Remote
	name   string
	failed int // in a row, without progress
}

func (r *Remote) attempts(name string) attempts { return attempts{Remote: r, name: name} }

// progress is called when an attempt brought something, even if it fails later.
// That failure is not counted.
func (a *attempts) progress() { a.failed = -1 }

// again waits before the next attempt, or returns the error with which the
// operation fails.
func (a *attempts) again(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var p *passing
	if !errors.As(err, &p) {
		return err
	}
	if a.failed++; a.failed >= a.options.Tries {
		return param.Errorf(param.Retryable, "%s: gave up after %d tries: %w: check that the server is up and can be reached, then try again", a.name, a.failed, p.err)
	}
	pause := a.pause(p.after)
	a.options.Logger.Info("remote read or write failed, trying again", "object", a.name, "cause", p.err.Error(), "failed", a.failed, "pause", pause)
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// pause returns how long to wait, at least as long as the server asks for but never
// longer than the timeout.
func (a *attempts) pause(asked time.Duration) time.Duration {
	d := a.options.Backoff
	for range a.failed - 1 {
		d = min(2*d, a.options.Timeout)
	}
	d -= rand.N(d/2 + 1)
	return min(max(d, asked), a.options.Timeout)
}

// persist does something that can be done more than once until it succeeds.
func (r *Remote) persist(ctx context.Context, name string, do func() error) error {
	a := r.attempts(name)
	for {
		err := do()
		if err == nil {
			return nil
		}
		if err := a.again(ctx, err); err != nil {
			return err
		}
	}
}
