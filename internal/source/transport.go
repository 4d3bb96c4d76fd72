package source

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"parley/internal/param"
)

// maxAnswer bounds answers of S3 that are not data. A page of a listing has 1000
// keys of up to 1 KiB, which escaping makes three times as long.
const maxAnswer = 16 << 20

// newTransport returns a transport for HTTP/1.1: its parallel connections read
// ranges faster than the streams of one HTTP/2 connection do.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    30 * time.Second,
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    32, // as many readers as a node may have
		IdleConnTimeout:        time.Minute,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true, // ranges are of the bytes that are stored
	}
}

var (
	errStalled = errors.New("no progress")
	errTooLong = param.Errorf(param.Corrupt, "the server's answer is longer than any should be")
)

// watch ends requests that make no progress for a while. A response that nobody
// reads from is not without progress: its reader has other things to do.
type watch struct {
	next     http.RoundTripper
	patience time.Duration
	limit    int64 // of bodies that are no range of an object; 0 for none
}

// RoundTrip implements [http.RoundTripper].
func (w *watch) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	timer := time.AfterFunc(w.patience, func() { cancel(errStalled) })
	out := req.Clone(ctx)
	out.Header.Set("Accept-Encoding", "identity")
	if req.Body != nil && req.Body != http.NoBody {
		out.Body = &sending{ReadCloser: req.Body, progress: func() { timer.Reset(w.patience) }}
	}
	resp, err := w.next.RoundTrip(out)
	timer.Stop()
	if err != nil {
		err = stalled(ctx, err)
		cancel(nil)
		return nil, err
	}
	body := &receiving{body: resp.Body, ctx: ctx, cancel: cancel, timer: timer, patience: w.patience, left: -1}
	if w.limit > 0 && req.Header.Get("Range") == "" {
		body.left = w.limit
	}
	resp.Body = body
	return resp, nil
}

// stalled returns err, or why the context ended it.
func stalled(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errStalled) {
		return errStalled
	}
	return err
}

// sending is the body of a request.
type sending struct {
	io.ReadCloser
	progress func()
}

func (s *sending) Read(p []byte) (int, error) {
	s.progress()
	return s.ReadCloser.Read(p)
}

// receiving is the body of a response.
type receiving struct {
	body     io.ReadCloser
	ctx      context.Context
	cancel   context.CancelCauseFunc
	timer    *time.Timer
	patience time.Duration
	left     int64 // to be read, or negative for no bound
}

func (r *receiving) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, errTooLong
	}
	if r.left > 0 {
		p = p[:min(int64(len(p)), r.left)]
	}
	r.timer.Reset(r.patience)
	n, err := r.body.Read(p)
	r.timer.Stop()
	if r.left > 0 {
		r.left -= int64(n)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = stalled(r.ctx, err)
	}
	return n, err
}

func (r *receiving) Close() error {
	r.timer.Stop()
	err := r.body.Close()
	r.cancel(nil)
	return err
}
