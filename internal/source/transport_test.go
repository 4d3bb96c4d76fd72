package source

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/internal/param"
)

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// slow is a body whose reads take a while, or forever if that is negative.
type slow struct {
	ctx   context.Context
	takes time.Duration
}

func (s slow) Read(p []byte) (int, error) {
	if s.takes < 0 {
		<-s.ctx.Done()
		return 0, s.ctx.Err()
	}
	time.Sleep(s.takes)
	return 1, s.ctx.Err()
}

func (slow) Close() error { return nil }

// trip makes a request through a watch of 30 seconds.
func trip(next tripper, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequest("PUT", "http://host/", body)
	if err != nil {
		return nil, err
	}
	return (&watch{next: next, patience: 30 * time.Second, limit: 10}).RoundTrip(req)
}

func TestWatchEndsWhatStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := trip(func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		}, nil)
		if !errors.Is(err, errStalled) || time.Since(start) != 30*time.Second {
			t.Errorf("no header: %v after %v", err, time.Since(start))
		}
		resp, err := trip(func(req *http.Request) (*http.Response, error) {
			return &http.Response{Body: slow{req.Context(), -1}}, nil
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		start = time.Now()
		_, err = resp.Body.Read(make([]byte, 1))
		if !errors.Is(err, errStalled) || time.Since(start) != 30*time.Second {
			t.Errorf("no body: %v after %v", err, time.Since(start))
		}
		resp.Body.Close()
	})
}

func TestWatchLetsGoOnWhatDoesNotStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resp, err := trip(func(req *http.Request) (*http.Response, error) {
			for { // sends for long
				time.Sleep(29 * time.Second)
				if _, err := req.Body.Read(make([]byte, 1)); err == io.EOF {
					break
				}
			}
			time.Sleep(29 * time.Second)
			return &http.Response{Body: slow{req.Context(), 29 * time.Second}}, req.Context().Err()
		}, strings.NewReader("abc"))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		for range 3 { // receives for long, and the reader has other things to do
			if _, err := resp.Body.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
		}
	})
}

func TestWatchBoundsAnswers(t *testing.T) {
	next := func(*http.Request) (*http.Response, error) {
		return &http.Response{Body: io.NopCloser(strings.NewReader(strings.Repeat("a", 100)))}, nil
	}
	resp, err := trip(next, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(resp.Body)
	if len(got) != 10 || param.KindOf(err) != param.Corrupt {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	resp.Body.Close()
}

func TestPauses(t *testing.T) {
	r := New(Options{Tries: 9, Backoff: time.Second, Timeout: 20 * time.Second})
	synctest.Test(t, func(t *testing.T) {
		a := r.attempts("name")
		for i, want := range []time.Duration{1, 2, 4, 8, 16, 20, 20, 20} {
			start := time.Now()
			if err := a.again(t.Context(), &passing{err: errStalled}); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took < want*time.Second/2 || took > want*time.Second {
				t.Errorf("pause %d takes %v", i, took)
			}
		}
		if err := a.again(t.Context(), &passing{err: errStalled}); param.KindOf(err) != param.Retryable {
			t.Error(err)
		}
		a.progress()
		start := time.Now()
		if err := a.again(t.Context(), &passing{err: errStalled, after: 7 * time.Second}); err != nil || time.Since(start) != 7*time.Second {
			t.Error(err, time.Since(start))
		}
		if err := a.again(t.Context(), &passing{err: errStalled, after: time.Hour}); err != nil || time.Since(start) != 27*time.Second {
			t.Error(err, time.Since(start))
		}
	})
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for value, want := range map[string]time.Duration{
			"": 0, "3": 3 * time.Second, "-3": 0, "soon": 0, "99999999999999999999": 0,
			time.Now().Add(5 * time.Second).UTC().Format(http.TimeFormat): 5 * time.Second,
			time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat):      0,
		} {
			if got := retryAfter(value); got != want {
				t.Errorf("%q: %v", value, got)
			}
		}
	})
}
