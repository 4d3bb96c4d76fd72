// Package s3test holds internal/source to a real server of S3: versitygw, which
// keeps objects as files. It is a module of its own, so that what the gateway is
// made of does not become a dependency of Parley. Its tests start the gateway as
// a child process; between it and the client stands a proxy that misbehaves.
package s3test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"go.uber.org/goleak"

	"parley/internal/source"
)

const (
	key    = "test-key"
	secret = "test-secret"
	region = "eu-test-1"
)

// gateway is the URL of the one that all tests share.
var gateway string

func TestMain(m *testing.M) {
	end, err := start()
	if err != nil {
		fmt.Fprintln(os.Stderr, "start the gateway:", err)
		os.Exit(1)
	}
	code := m.Run()
	end()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// start starts the gateway on a free port over an empty directory and waits until
// it answers. What its files cannot hold lies in a directory beside them, so that
// any file system will do.
func start() (end func(), err error) {
	path, err := exec.Command("go", "tool", "-n", "versitygw").Output() // builds it
	if err != nil {
		return nil, fmt.Errorf("build it: %w", err)
	}
	dir, err := os.MkdirTemp("", "s3test")
	if err != nil {
		return nil, err
	}
	for _, sub := range []string{"/data", "/meta"} {
		if err := os.Mkdir(dir+sub, 0o700); err != nil {
			return nil, err
		}
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	var output bytes.Buffer
	child := exec.Command(strings.TrimSpace(string(path)), "--port", address, "--region", region, "posix", "--sidecar", dir+"/meta", dir+"/data")
	child.Env = append(os.Environ(), "ROOT_ACCESS_KEY_ID="+key, "ROOT_SECRET_ACCESS_KEY="+secret)
	child.Stdout, child.Stderr = &output, &output
	if err := child.Start(); err != nil {
		return nil, err
	}
	exited := make(chan error, 1)
	go func() { exited <- child.Wait() }()
	end = func() {
		child.Process.Kill()
		<-exited
		os.RemoveAll(dir)
	}
	gateway = "http://" + address
	for range 1000 {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return end, nil
		}
		select {
		case err := <-exited:
			return nil, fmt.Errorf("it ended: %w\n%s", err, &output)
		case <-time.After(20 * time.Millisecond):
		}
	}
	end()
	return nil, fmt.Errorf("it does not answer\n%s", &output)
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// environment is that of a client of the endpoint.
func environment(endpoint, key, secret string) func(string) string {
	values := map[string]string{
		"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret,
	}
	return func(name string) string { return values[name] }
}

// remote returns a client of the endpoint that does not wait long between tries.
func remote(t *testing.T, endpoint string) *source.Remote {
	r := source.New(source.Options{Backoff: time.Millisecond, Timeout: 20 * time.Second, Getenv: environment(endpoint, key, secret)})
	t.Cleanup(r.Close)
	return r
}

// admin is a client for what Remote does not do.
func admin(t *testing.T) *minio.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := minio.New(strings.TrimPrefix(gateway, "http://"), &minio.Options{Creds: credentials.NewStaticV4(key, secret, ""), Region: region, Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// bucket makes one for the test, with a name of its own, and returns its URL.
func bucket(t *testing.T) string {
	name := strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()))
	if err := admin(t).MakeBucket(context.Background(), name, minio.MakeBucketOptions{Region: region}); err != nil {
		t.Fatal(err)
	}
	return "s3://" + name
}

// proxy stands between a client and the gateway. Of every requests, all but the
// last fail, each in another way.
type proxy struct {
	*httptest.Server
	every int

	mu     sync.Mutex
	served int
	faults map[string]int // how often each was made
}

func newProxy(t *testing.T, every int) *proxy {
	target, err := url.Parse(gateway)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableCompression: true}
	p := &proxy{every: every, faults: map[string]int{}}
	forward := &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host },
		Transport:    transport,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, forward) }))
	t.Cleanup(func() {
		p.Close()
		transport.CloseIdleConnections()
	})
	return p
}

// fault returns what is to be done to the next request.
func (p *proxy) fault() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	faults := []string{"503", "cut", "drop", "delay", "lost"}
	p.served++
	fault := "none"
	if p.served%p.every != 0 {
		fault = faults[(p.served-p.served/p.every)%len(faults)]
	}
	p.faults[fault]++
	return fault
}

func (p *proxy) serve(w http.ResponseWriter, r *http.Request, forward http.Handler) {
	switch p.fault() {
	case "503":
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case "drop":
		panic(http.ErrAbortHandler)
	case "delay":
		time.Sleep(5 * time.Millisecond)
	case "lost": // the request works, but its answer does not come
		forward.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case "cut":
		w = &short{w, 5000}
	}
	forward.ServeHTTP(w, r)
}

// short cuts the connection after some bytes of a body.
type short struct {
	http.ResponseWriter
	left int
}

func (s *short) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (s *short) Write(p []byte) (int, error) {
	if len(p) > s.left {
		s.ResponseWriter.Write(p[:s.left])
		http.NewResponseController(s.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	s.left -= len(p)
	return s.ResponseWriter.Write(p)
}
