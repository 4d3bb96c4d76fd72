package source

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/internal/param"
)

// fakeS3 is a bucket named "bucket" that pages its listings by two keys. How a
// real server behaves is tested in s3test.
type fakeS3 struct {
	*httptest.Server
	mu struct {
		sync.Mutex
		keys     []string
		refuse   func(r *http.Request) (status int, code string) // 0: do not
		requests []string
	}
}

func newFakeS3(t *testing.T, keys ...string) (*fakeS3, *Remote) {
	s := &fakeS3{}
	slices.Sort(keys)
	s.mu.keys = keys
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	r := New(Options{Timeout: patient, Backoff: time.Millisecond, Getenv: env(t, nil,
		"AWS_ENDPOINT_URL", s.URL, "AWS_REGION", "us-east-1", "AWS_ACCESS_KEY_ID", "me", "AWS_SECRET_ACCESS_KEY", "secret")})
	t.Cleanup(r.Close)
	return s, r
}

func (s *fakeS3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.requests = append(s.mu.requests, r.Method+" "+r.URL.String())
	io.Copy(io.Discard, r.Body)
	if s.mu.refuse != nil {
		if status, code := s.mu.refuse(r); status != 0 {
			fail(w, status, code)
			return
		}
	}
	key, isKey := strings.CutPrefix(r.URL.Path, "/bucket/")
	switch {
	case !isKey:
		fail(w, 404, "NoSuchBucket")
	case key == "":
		s.list(w, r)
	case slices.Contains(s.mu.keys, key):
		w.Header().Set("ETag", quoted(key))
		http.ServeContent(w, r, "x", time.Unix(1, 0), strings.NewReader("data of "+key))
	default:
		fail(w, 404, "NoSuchKey")
	}
}

func fail(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>go away</Message><Region>mars-1</Region></Error>", code)
}

// list writes a page of two keys or prefixes.
func (s *fakeS3) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	var page struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		IsTruncated           bool
		NextContinuationToken string
		Contents              []struct{ Key, ETag string }
		CommonPrefixes        []struct{ Prefix string }
	}
	start := max(q.Get("start-after"), q.Get("continuation-token"))
	n, last := 0, ""
	for _, key := range s.mu.keys {
		rest, ok := strings.CutPrefix(key, q.Get("prefix"))
		dir, _, inDir := strings.Cut(rest, "/")
		if name := q.Get("prefix") + dir + "/"; inDir && q.Get("delimiter") != "" {
			if !ok || name <= start || name == last {
				continue
			}
			key = name
		}
		if !ok || key <= start {
			continue
		}
		if n++; n > 2 {
			page.IsTruncated, page.NextContinuationToken = true, last
			break
		}
		if last = key; strings.HasSuffix(key, "/") && q.Get("delimiter") != "" {
			page.CommonPrefixes = append(page.CommonPrefixes, struct{ Prefix string }{key})
		} else {
			page.Contents = append(page.Contents, struct{ Key, ETag string }{key, quoted(key)})
		}
	}
	xml.NewEncoder(w).Encode(page)
}

var tree = []string{
	"a.csv", "b.csv", "c.txt", "[x].csv", ".hidden.csv", "_success.csv",
	"d/", "d/1.csv", "d/2.csv", "d/.crc", "d/_SUCCESS", "d/_temporary/0.csv", "d/e/3.csv", "d/e/4.txt", "d2/5.csv",
}

func TestListBucket(t *testing.T) {
	_, r := newFakeS3(t, tree...)
	for url, want := range map[string][]string{
		"s3://bucket":              {"[x].csv", "a.csv", "b.csv", "c.txt", "d/1.csv", "d/2.csv", "d/e/3.csv", "d/e/4.txt", "d2/5.csv"},
		"s3://bucket/":             {"[x].csv", "a.csv", "b.csv", "c.txt", "d/1.csv", "d/2.csv", "d/e/3.csv", "d/e/4.txt", "d2/5.csv"},
		"s3://bucket/d/":           {"d/1.csv", "d/2.csv", "d/e/3.csv", "d/e/4.txt"},
		"s3://bucket/d/e/":         {"d/e/3.csv", "d/e/4.txt"},
		"s3://bucket/a.csv":        {"a.csv"},
		"s3://bucket/d/_SUCCESS":   {"d/_SUCCESS"},
		"s3://bucket/[x].csv":      {"[x].csv"},
		"s3://bucket/*.csv":        {"[x].csv", "a.csv", "b.csv"},
		"s3://bucket/[ab].csv":     {"a.csv", "b.csv"},
		"s3://bucket/_*":           {"_success.csv"},
		"s3://bucket/.*.csv":       {".hidden.csv"},
		"s3://bucket/?.*":          {"a.csv", "b.csv", "c.txt"},
		"s3://bucket/d*/*.csv":     {"d/1.csv", "d/2.csv", "d2/5.csv"},
		"s3://bucket/d/*/*":        {"d/_temporary/0.csv", "d/e/3.csv", "d/e/4.txt"},
		"s3://bucket/*/[^a-d]/*.c": nil,
	} {
		objects, err := r.List(context.Background(), url)
		var got []string
		for _, o := range objects {
			key := strings.TrimPrefix(o.Name, "s3://bucket/")
			got = append(got, key)
			if o.Tag != quoted(key) {
				t.Errorf("%s: tag %s of %s", url, o.Tag, key)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || (err != nil) != (want == nil) {
			t.Errorf("%s: %v\n%s", url, err, diff)
		}
	}
}

// TestListGoesOn loses every other answer: pages that came are not asked for again.
func TestListGoesOn(t *testing.T) {
	s, r := newFakeS3(t, tree...)
	n := 0
	s.mu.refuse = func(req *http.Request) (int, string) {
		if n++; n%2 == 1 && req.URL.Path == "/bucket/" {
			return 503, "SlowDown"
		}
		return 0, ""
	}
	objects, err := r.List(context.Background(), "s3://bucket/")
	if err != nil || len(objects) != 9 {
		t.Error(objects, err)
	}
}

func TestS3Errors(t *testing.T) {
	s, r := newFakeS3(t, tree...)
	for _, c := range []struct {
		url    string
		status int
		code   string
		kind   param.Kind
		says   string
	}{
		{"s3://other/a.csv", 0, "", param.Invalid, `s3://other/a.csv: there is no bucket "other"`},
		{"s3://other/", 0, "", param.Invalid, `s3://other/: there is no bucket "other"`},
		{"s3://other/*", 0, "", param.Invalid, `s3://other/*: there is no bucket "other"`},
		{"s3://bucket/d", 0, "", param.Invalid, "s3://bucket/d: there is no such key: correct the URL; to read all that is below a prefix, end it with /"},
		{"s3://bucket/x/", 0, "", param.Invalid, "there are no objects below it"},
		{"s3://bucket/d/_temporary/.", 0, "", param.Invalid, "there is no such key"},
		{"s3://bucket/x*", 0, "", param.Invalid, "no object matches"},
		{"s3://bucket/x[", 0, "", param.Invalid, "malformed glob"},
		{"s3://b/x", 0, "", param.Invalid, "not a name that S3 allows"},
		{"s3://bucket/a.csv", 403, "AccessDenied", param.Invalid, "denies access (403 AccessDenied) to the credentials in AWS_ACCESS_KEY_ID"},
		{"s3://bucket/*.csv", 403, "SignatureDoesNotMatch", param.Invalid, "denies access (403 SignatureDoesNotMatch)"},
		{"s3://bucket/a.csv", 403, "InvalidObjectState", param.Invalid, "in an archive"},
		{"s3://bucket/a.csv", 301, "PermanentRedirect", param.Invalid, "the bucket is in the region mars-1: set AWS_REGION"},
		{"s3://bucket/a.csv", 404, "NoSuchThing", param.Invalid, "refuses the request (404 NoSuchThing)"},
		{"s3://bucket/a.csv", 418, "Teapot", param.Invalid, `refuses the request (418 Teapot): "go away"`},
		{"s3://bucket/a.csv", 400, "RequestTimeout", param.Retryable, "gave up after 5 tries: the server answers RequestTimeout"},
		{"s3://bucket/", 503, "SlowDown", param.Retryable, "gave up after 5 tries: the server answers SlowDown"},
		{"s3://bucket/", 500, "Oops", param.Retryable, "gave up after 5 tries: the server answers 500"},
	} {
		s.mu.Lock()
		s.mu.refuse = func(*http.Request) (int, string) { return c.status, c.code }
		s.mu.Unlock()
		_, err := r.List(context.Background(), c.url)
		if param.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s, %s: %v error %v", c.url, c.code, param.KindOf(err), err)
		}
	}
}

func TestS3ReadsArePinned(t *testing.T) {
	_, r := newFakeS3(t, "key")
	f := open(t, r, "s3://bucket/key")
	if got := readAll(t, f); string(got) != "data of key" {
		t.Errorf("%q", got)
	}
	f.object.Tag = `"another"`
	if _, err := f.ReadAt(make([]byte, 1), 0); param.KindOf(err) != param.Corrupt || !strings.Contains(err.Error(), "changed since it was listed") {
		t.Error(err)
	}
}

// TestLostAnswerToComplete makes the first request to complete an upload succeed
// without the client being told.
func TestLostAnswerToComplete(t *testing.T) {
	var mu sync.Mutex
	completed, there := 0, true
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		mu.Lock()
		defer mu.Unlock()
		switch q := r.URL.Query(); {
		case q.Has("uploads"):
			fmt.Fprint(w, "<InitiateMultipartUploadResult><UploadId>id</UploadId></InitiateMultipartUploadResult>")
		case r.Method == "PUT":
			w.Header().Set("ETag", `"part"`)
		case r.Method == "POST":
			if completed++; completed == 1 {
				fail(w, 503, "SlowDown")
				return
			}
			fail(w, 404, "NoSuchUpload")
		case r.Method == "HEAD" && there:
			w.Header().Set("ETag", `"abc-2"`)
			w.Header().Set("Last-Modified", "Tue, 03 Mar 2026 10:00:00 GMT")
			w.Header().Set("Content-Length", fmt.Sprint(partSize+1))
		case r.Method == "DELETE":
			w.WriteHeader(204)
		default:
			w.WriteHeader(404)
		}
	}))
	defer s.Close()
	r := New(Options{Backoff: time.Millisecond, Getenv: env(t, nil, "AWS_ENDPOINT_URL", s.URL, "AWS_REGION", "r")})
	defer r.Close()
	body := make([]byte, partSize+1)
	if err := r.Put(context.Background(), "s3://bucket/key", bytes.NewReader(body), int64(len(body))); err != nil {
		t.Error(err)
	}
	mu.Lock()
	completed, there = 0, false
	mu.Unlock()
	if err := r.Put(context.Background(), "s3://bucket/key", bytes.NewReader(body), int64(len(body))); err == nil {
		t.Error("an object that is not there was written")
	}
}

func TestSizesOfPartsReachTerabytes(t *testing.T) {
	total := 0
	for i := range maxParts {
		if i > 0 && sizeOfPart(i) < sizeOfPart(i-1) || i < 4000 && sizeOfPart(i) != partSize {
			t.Fatalf("part %d has %d bytes", i, sizeOfPart(i))
		}
		total += sizeOfPart(i)
	}
	if total < 2e12 || sizeOfPart(maxParts-1) > 5<<30 {
		t.Errorf("%d bytes at most, the last of %d", total, sizeOfPart(maxParts-1))
	}
}

func TestPutErrors(t *testing.T) {
	s, r := newFakeS3(t)
	for url, says := range map[string]string{"s3://bucket/": "names no object to write", "s3://bucket/a/": "names no object to write"} {
		if err := r.Put(context.Background(), url, strings.NewReader("x"), 1); param.KindOf(err) != param.Invalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", url, err)
		}
	}
	for size, body := range map[int64]string{4: "abc", 2: "abc"} {
		err := r.Put(context.Background(), "s3://bucket/a", strings.NewReader(body), size)
		if param.KindOf(err) != param.Invalid || !strings.Contains(err.Error(), "bytes were to be written, but there are 3") {
			t.Error(err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.mu.requests) > 0 {
		t.Errorf("requests %v", s.mu.requests)
	}
}
