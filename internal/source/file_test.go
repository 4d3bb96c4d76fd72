package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/param"
)

// recoverable are what servers do that readers do not notice.
var recoverable = map[string][]fault{
	"all is well":        nil,
	"busy":               {status(503)},
	"too many":           {status(429, "Retry-After", "0")},
	"several":            {status(500), status(502), drop, status(504)},
	"dropped":            {drop},
	"cut at once":        {cut(0)},
	"cut":                {cut(1000)},
	"cut again":          {cut(1000), cut(1), cut(20)},
	"cut, then busy":     {cut(1000), status(503), cut(500)},
	"progress resets":    slices.Concat(times(4, drop), []fault{cut(10)}, times(4, drop), []fault{cut(10)}, times(4, drop)),
	"failed after bytes": slices.Concat([]fault{cut(10)}, times(4, drop), []fault{cut(10)}, times(4, drop)),
}

func TestReadsRightBytesFromFaultyServers(t *testing.T) {
	data := noise(100_000)
	for name, script := range recoverable {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, data)
			f := open(t, quick(t, patient), s.URL)
			s.play(script...)
			p := make([]byte, 50_000)
			if n, err := f.ReadAt(p, 20_000); n != len(p) || err != nil {
				t.Fatal(n, err)
			}
			if !bytes.Equal(p, data[20_000:70_000]) {
				t.Error("other bytes")
			}
			s.play(script...)
			if got := readAll(t, f); !bytes.Equal(got, data) {
				t.Error("other bytes of the stream")
			}
		})
	}
}

func readAll(t *testing.T, f *File) []byte {
	t.Helper()
	stream := f.Stream(context.Background())
	defer stream.Close()
	data, err := io.ReadAll(stream)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestStalls uses a short timeout, so nothing else is measured under it.
func TestStalls(t *testing.T) {
	data := noise(10_000)
	for name, fault := range map[string]fault{"before the header": hang, "at once": stall(0), "in the middle": stall(5000)} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, data)
			f := open(t, quick(t, 200*time.Millisecond), s.URL)
			s.play(fault)
			if got := readAll(t, f); !bytes.Equal(got, data) {
				t.Error("other bytes")
			}
		})
	}
}

func TestResumesWhereItStopped(t *testing.T) {
	data := noise(100_000)
	s := newServer(t, data)
	f := open(t, quick(t, patient), s.URL)
	s.play(cut(1000))
	if got := readAll(t, f); !bytes.Equal(got, data) {
		t.Fatal("other bytes")
	}
	requests := s.seen()
	if len(requests) != 2 {
		t.Fatalf("%d requests", len(requests))
	}
	if from, to := rangeOf(requests[1]); from != 1000 || to != len(data) {
		t.Errorf("the second request is for [%d, %d)", from, to)
	}
	for _, h := range requests {
		if h.Get("If-Match") != `"one"` || h.Get("Accept-Encoding") != "identity" {
			t.Errorf("header %v", h)
		}
	}
}

func TestReadAtKeepsToItsContract(t *testing.T) {
	data := noise(1000)
	f := open(t, quick(t, patient), newServer(t, data).URL)
	for _, c := range []struct {
		off      int64
		len, n   int
		wantsEOF bool
	}{
		{0, 0, 0, false}, {0, 1, 1, false}, {0, 1000, 1000, false}, {0, 1001, 1000, true}, {999, 1, 1, false},
		{999, 2, 1, true}, {1000, 0, 0, false}, {1000, 1, 0, true}, {5000, 1, 0, true},
	} {
		p := make([]byte, c.len)
		n, err := f.ReadAt(p, c.off)
		if n != c.n || (err == io.EOF) != c.wantsEOF || err != nil && err != io.EOF {
			t.Errorf("read %d at %d: %d, %v", c.len, c.off, n, err)
		}
		if !bytes.Equal(p[:n], data[min(c.off, 1000):][:n]) {
			t.Errorf("read %d at %d: other bytes", c.len, c.off)
		}
	}
	if _, err := f.ReadAt(nil, -1); param.KindOf(err) != param.Invalid {
		t.Error(err)
	}
}

func TestReadsAtOnce(t *testing.T) {
	data := noise(100_000)
	s := newServer(t, data)
	f := open(t, quick(t, patient), s.URL)
	s.play(cut(10), status(503), cut(99), drop)
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			p := make([]byte, 10_000)
			if _, err := f.ReadAt(p, int64(i*len(p))); err != nil || !bytes.Equal(p, data[i*len(p):][:len(p)]) {
				t.Errorf("part %d: %v", i, err)
			}
		})
	}
	all.Wait()
}

func TestEmptyFile(t *testing.T) {
	for name, f := range map[string]fault{"416": status(416, "Content-Range", "bytes */0"), "200": status(200, "Content-Length", "0")} {
		t.Run(name, func(t *testing.T) {
			f := open(t, quick(t, patient), newServer(t, nil, f).URL)
			if f.Object().Size != 0 || len(readAll(t, f)) != 0 {
				t.Error("not empty")
			}
			if _, err := f.ReadAt(make([]byte, 1), 0); err != io.EOF {
				t.Error(err)
			}
		})
	}
}

func TestServerWithoutRanges(t *testing.T) {
	data := noise(10_000)
	none := []fault{ignoreRange}
	s := newServer(t, data, none...)
	f := open(t, quick(t, patient), s.URL)
	if o := f.Object(); !o.Sequential || o.Size != 10_000 {
		t.Fatalf("%#v", o)
	}
	cutWhole := func(n int) fault {
		return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
			r.Header.Del("Range")
			cut(n)(w, r, serve)
		}
	}
	s.play(cutWhole(5000), status(503), cutWhole(6000), cutWhole(3000), ignoreRange)
	if got := readAll(t, f); !bytes.Equal(got, data) {
		t.Error("other bytes")
	}
	_, err := f.ReadAt(make([]byte, 10), 0)
	if param.KindOf(err) != param.Invalid || !strings.Contains(err.Error(), "cannot send parts of a file") {
		t.Error(err)
	}
}

// TestFinalErrors are those of reads of the last 500 of 1000 bytes.
func TestFinalErrors(t *testing.T) {
	data := noise(1000)
	half := func(contentRange string) []string { return []string{"ETag", `"one"`, "Content-Range", contentRange} }
	body := string(data[500:])
	for name, c := range map[string]struct {
		script []fault
		kind   param.Kind
		says   string
		tries  int
	}{
		"gave up":            {times(5, status(503)), param.Retryable, "gave up after 5 tries: the server answers 503 (Service Unavailable)", 5},
		"gave up, dropped":   {times(5, drop), param.Retryable, "gave up after 5 tries: EOF", 5},
		"gave up, cut":       {times(5, cut(0)), param.Retryable, "gave up after 5 tries: unexpected EOF", 5},
		"gave up in middle":  {slices.Concat([]fault{cut(10)}, times(5, drop)), param.Retryable, "gave up after 5 tries", 6},
		"missing":            {[]fault{status(404)}, param.Invalid, "no such file (404)", 1},
		"denied":             {[]fault{status(403)}, param.Invalid, "denies access (403)", 1},
		"other":              {[]fault{status(418)}, param.Invalid, "answers 418 (I'm a teapot)", 1},
		"nothing":            {[]fault{status(204)}, param.Invalid, "answers 204", 1},
		"changed, refused":   {[]fault{status(412)}, param.Corrupt, `changed since it was listed (it was version "one", now it is another)`, 1},
		"changed":            {[]fault{retag(`"two"`)}, param.Corrupt, `(it was version "one", now it is version "two")`, 1},
		"changed in between": {[]fault{cut(10), retag(`"two"`)}, param.Corrupt, `now it is version "two"`, 2},
		"no tag any more":    {[]fault{send(206, body, "Content-Range", "bytes 500-999/1000")}, param.Corrupt, "now it is version none", 1},
		"other length":       {[]fault{send(206, body, half("bytes 500-999/1001")...)}, param.Corrupt, "it was 1000 bytes, now it is 1001 bytes", 1},
		"became shorter":     {[]fault{status(416, half("bytes */400")...)}, param.Corrupt, "now it is 400 bytes", 1},
		"ignores range":      {[]fault{ignoreRange}, param.Invalid, "cannot send parts of a file", 1},
		"another range":      {[]fault{send(206, body, half("bytes 400-899/1000")...)}, param.Corrupt, "sends the bytes 400 to 899 when it is asked for 500 to 999", 1},
		"no range":           {[]fault{send(206, body, "ETag", `"one"`)}, param.Corrupt, "without a Content-Range", 1},
		"malformed range":    {[]fault{send(206, body, half("bytes 500-/1000")...)}, param.Corrupt, "malformed Content-Range", 1},
		"range of 416":       {[]fault{send(416, body, half("bytes 500-999/1000")...)}, param.Corrupt, "answers 416 with the Content-Range", 1},
		"more than asked":    {[]fault{send(206, body+"x", half("bytes 500-999/1000")...)}, param.Corrupt, "more bytes than it is asked for", 1},
		"redirects":          {times(7, status(302, "Location", "/again?token=secret")), param.Invalid, "redirects more than 5 times", 6},
		"bad redirect":       {times(5, status(302, "Location", "http://user:secret@[::1?token=secret")), param.Retryable, "gave up", 5},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, data)
			f := open(t, quick(t, patient), strings.Replace(s.URL, "//", "//user:secret@", 1)+"/data.bin?token=secret#secret")
			s.play(c.script...)
			_, err := f.ReadAt(make([]byte, 500), 500)
			if param.KindOf(err) != c.kind || err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v error %v", param.KindOf(err), err)
			}
			if err != nil && (strings.Contains(err.Error(), "secret") || !strings.HasPrefix(err.Error(), s.URL+"/data.bin: ")) {
				t.Errorf("error %v", err)
			}
			if n := len(s.seen()); n != c.tries {
				t.Errorf("%d requests instead of %d", n, c.tries)
			}
		})
	}
}

// TestShorterAnswers are within the rules: the rest is asked for.
func TestShorterAnswers(t *testing.T) {
	data := noise(1000)
	s := newServer(t, data)
	f := open(t, quick(t, patient), s.URL)
	s.play(send(206, string(data[500:600]), "ETag", `"one"`, "Content-Range", "bytes 500-599/1000"))
	p := make([]byte, 500)
	if _, err := f.ReadAt(p, 500); err != nil || !bytes.Equal(p, data[500:]) {
		t.Error(err)
	}
}

func TestContextsEndReads(t *testing.T) {
	why := errors.New("the job was cancelled")
	for name, read := range map[string]func(ctx context.Context, f *File) error{
		"read at": func(_ context.Context, f *File) error { _, err := f.ReadAt(make([]byte, 10), 0); return err },
		"stream":  func(ctx context.Context, f *File) error { _, err := f.Stream(ctx).Read(make([]byte, 10)); return err },
		"stream of an own context": func(_ context.Context, f *File) error {
			_, err := f.Stream(context.Background()).Read(make([]byte, 10))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, noise(100))
			r := quick(t, patient)
			objects, err := r.List(context.Background(), s.URL)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancelCause(context.Background())
			f, err := r.Open(ctx, objects[0])
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			s.play(func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
				cancel(why)
				hang(w, r, serve)
			})
			if err := read(ctx, f); !errors.Is(err, why) {
				t.Error(err)
			}
		})
	}
}

func TestCloseEndsReads(t *testing.T) {
	s := newServer(t, noise(100))
	f := open(t, quick(t, patient), s.URL)
	f.Close()
	if _, err := f.ReadAt(make([]byte, 1), 0); !errors.Is(err, errClosed) {
		t.Error(err)
	}
	stream := open(t, quick(t, patient), s.URL).Stream(context.Background())
	stream.Close()
	if _, err := stream.Read(make([]byte, 1)); !errors.Is(err, errClosed) {
		t.Error(err)
	}
}

func BenchmarkReadAt(b *testing.B) {
	for _, size := range []int{4 << 10, 1 << 20, 16 << 20} {
		b.Run(fmt.Sprintf("bytes=%d", size), func(b *testing.B) {
			t := &testing.T{}
			s := newServer(t, noise(16<<20))
			defer s.Close()
			f := open(t, New(Options{}), s.URL)
			defer f.Close()
			p := make([]byte, size)
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, err := f.ReadAt(p, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
