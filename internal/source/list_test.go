package source

import (
	"context"
	"encoding/base64"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/internal/param"
)

// shown compares what callers see of objects.
var shown = cmpopts.IgnoreUnexported(Object{})

func TestListHTTP(t *testing.T) {
	modified := "Tue, 03 Mar 2026 10:00:00 GMT"
	for name, c := range map[string]struct {
		fault fault
		want  Object
	}{
		"ranges":        {fine, Object{Size: 1000, Tag: `"one"`}},
		"no ranges":     {ignoreRange, Object{Size: 1000, Tag: `"one"`, Sequential: true}},
		"weak tag":      {retag(`W/"two"`), Object{Size: 1000, Tag: `W/"two"`}},
		"date":          {send(206, "a", "Content-Range", "bytes 0-0/7", "Last-Modified", modified), Object{Size: 7, Tag: modified}},
		"nothing known": {send(206, "a", "Content-Range", "bytes 0-0/7"), Object{Size: 7}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, noise(1000), status(503), c.fault)
			url := strings.Replace(s.URL, "//", "//user:secret@", 1)
			got, err := quick(t, patient).List(context.Background(), url+"/a%2Fb/data.csv.gz?X-Amz-Signature=secret&id=7#frag")
			if err != nil {
				t.Fatal(err)
			}
			c.want.Name = s.URL + "/a%2Fb/data.csv.gz"
			if diff := cmp.Diff([]Object{c.want}, got, shown); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestVersionsWithoutStrongTagArePinnedToo(t *testing.T) {
	for _, tag := range []string{`W/"one"`, ""} {
		s := newServer(t, noise(100))
		s.replace(noise(100), tag)
		f := open(t, quick(t, patient), s.URL)
		s.play()
		readAll(t, f)
		if s.seen()[0].Get("If-Match") != "" {
			t.Error("a tag that cannot match is demanded")
		}
		s.replace(noise(101), `W/"two"`)
		if _, err := f.ReadAt(make([]byte, 1), 0); param.KindOf(err) != param.Corrupt {
			t.Error(err)
		}
	}
}

func TestListErrors(t *testing.T) {
	s := newServer(t, noise(10))
	for name, c := range map[string]struct {
		fault fault
		kind  param.Kind
		says  string
	}{
		"missing":         {status(404), param.Invalid, "the server has no such file (404): correct the URL"},
		"denied":          {status(401), param.Invalid, "denies access (401): give user and password"},
		"no length":       {send(200, "abc"), param.Invalid, "does not say how long it is"},
		"no total":        {send(206, "a", "Content-Range", "bytes 0-0/*"), param.Invalid, "does not say how long it is"},
		"other range":     {send(206, "a", "Content-Range", "bytes 1-1/3"), param.Corrupt, "sends the bytes 1 to 1 when it is asked for the first"},
		"too long header": {status(200, "X", strings.Repeat("a", 100<<10)), param.Retryable, "gave up after 5 tries"},
	} {
		t.Run(name, func(t *testing.T) {
			s.play(times(5, c.fault)...)
			_, err := quick(t, patient).List(context.Background(), s.URL+"/x?token=secret")
			if param.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%v error %v", param.KindOf(err), err)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	s := httptest.NewServer(nil)
	s.Close()
	_, err := quick(t, patient).List(context.Background(), strings.Replace(s.URL, "//", "//user:secret@", 1)+"/x?token=secret")
	if param.KindOf(err) != param.Retryable || !strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}

func TestCertificates(t *testing.T) {
	s := httptest.NewUnstartedServer(nil)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	_, err := quick(t, patient).List(context.Background(), s.URL)
	if param.KindOf(err) != param.Invalid || !strings.Contains(err.Error(), "the server cannot be trusted") {
		t.Error(err)
	}
	_, err = quick(t, patient).List(context.Background(), strings.Replace(newServer(t, nil).URL, "http", "https", 1))
	if param.KindOf(err) != param.Invalid {
		t.Error(err)
	}
}

// TestRedirects follows within a host and to another one, which is not told the
// password.
func TestRedirects(t *testing.T) {
	data := noise(100)
	there := newServer(t, data)
	here := newServer(t, data)
	elsewhere := strings.Replace(there.URL, "127.0.0.1", "localhost", 1)
	r := quick(t, patient)
	here.play(status(307, "Location", "/b"), status(301, "Location", elsewhere+"/c"))
	there.play()
	objects, err := r.List(context.Background(), strings.Replace(here.URL, "//", "//user:secret@", 1)+"/a")
	if err != nil || len(objects) != 1 || objects[0].Name != here.URL+"/a" || objects[0].Size != 100 {
		t.Fatal(objects, err)
	}
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("user:secret"))
	for i, h := range here.seen() {
		if h.Get("Authorization") != basic {
			t.Errorf("request %d goes without the password", i)
		}
	}
	if h := there.seen()[0]; h.Get("Authorization") != "" || strings.Contains(h.Get("Referer"), "secret") {
		t.Errorf("another host is told: %v", h)
	}
}

func TestRedirectsToPlainHTTPAreRefused(t *testing.T) {
	get := func(url string) *http.Request { req, _ := http.NewRequest("GET", url, nil); return req }
	if err := redirect(get("http://b/"), []*http.Request{get("https://a/")}); err == nil {
		t.Error("from https to http")
	}
	if err := redirect(get("https://b/"), []*http.Request{get("http://a/")}); err != nil {
		t.Error(err)
	}
}

func TestExists(t *testing.T) {
	s := newServer(t, noise(10), fine, status(404), status(403))
	r := quick(t, patient)
	for i, want := range []bool{true, false} {
		if got, err := r.Exists(context.Background(), s.URL); got != want || err != nil {
			t.Errorf("request %d: %v, %v", i, got, err)
		}
	}
	if _, err := r.Exists(context.Background(), s.URL); param.KindOf(err) != param.Invalid {
		t.Error(err)
	}
}

func TestHTTPIsReadOnly(t *testing.T) {
	err := quick(t, patient).Put(context.Background(), "https://user:secret@host/x", strings.NewReader("abc"), 3)
	if param.KindOf(err) != param.Invalid || !strings.Contains(err.Error(), "https://host/x: cannot write to http") {
		t.Error(err)
	}
}
