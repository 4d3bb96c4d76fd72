package s3test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// build makes the command, which is of the other module.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "parley")
	if out, err := exec.Command("go", "build", "-C", "../../..", "-o", path, "./cmd/parley").CombinedOutput(); err != nil {
		t.Fatalf("build parley: %v\n%s", err, out)
	}
	return path
}

// dataset is one that is trained on, in a file and in seven that hold the same
// rows.
type dataset struct {
	suffix string
	job    string
	whole  string
	parts  []string
}

// newDataset cuts rows into seven files, each of which begins with the header.
func newDataset(suffix, job, header string, rows []string) *dataset {
	d := &dataset{suffix: suffix, job: job, whole: header + strings.Join(rows, "")}
	for i := range 7 {
		d.parts = append(d.parts, header+strings.Join(rows[i*len(rows)/7:(i+1)*len(rows)/7], ""))
	}
	return d
}

// sparse is a dataset of libsvm rows.
func sparse() *dataset {
	var rows []string
	for i := range 3001 {
		rows = append(rows, fmt.Sprintf("%d %d:1 %d:%d.%d\n", (i+i/3)%2, 1+i%17, 20+i%301, i%7, i%10))
	}
	return newDataset("svm", "model: {kind: logistic}\n", "", rows)
}

// table is a dataset of columns, the features of which depend on all its rows.
func table() *dataset {
	var rows []string
	for i := range 3001 {
		rows = append(rows, fmt.Sprintf("2001-01-%02d %02d:10,%d,\"town %d,\",%d.%d\n", 1+i%28, i%24, i*i%41, i*i%97, i%1000, i%10))
	}
	return newDataset("csv", `  label: {column: delay, above: 15}
  features: [{time: date, parts: [hour, weekday]}, {category: town, min_count: 40}, {numeric: distance, transform: [log1p, standardize]}]
model: {kind: logistic}
`, "date,delay,town,distance\n", rows)
}

// work is a folder to run a command in, and its environment.
type work struct {
	parley, dir string
	environment []string
}

// newWork makes one for a client of the endpoint, with the data in files and a job
// file. Nothing of the user's is read, and no rows are kept from another test.
func newWork(t *testing.T, parley, endpoint string, d *dataset) *work {
	t.Helper()
	w := &work{parley: parley, dir: t.TempDir(), environment: append(os.Environ(), "AWS_ENDPOINT_URL="+endpoint, "AWS_ACCESS_KEY_ID="+key, "AWS_SECRET_ACCESS_KEY="+secret,
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "XDG_CACHE_HOME="+t.TempDir())}
	w.write(t, "train."+d.suffix, d.whole)
	w.write(t, "job.yaml", "data:\n  train: {path: train."+d.suffix+", format: "+formats[d.suffix]+"}\n"+d.job+"run: {epochs: 2, batch: 100}\noutput: out\n")
	return w
}

// formats are those of the suffixes: that of a folder cannot be told.
var formats = map[string]string{"svm": "libsvm", "csv": "csv"}

func (w *work) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// command runs parley in the folder. It must end within two minutes.
func (w *work) command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errOut bytes.Buffer
	c := exec.Command(w.parley, args...)
	c.Dir, c.Env, c.Stdout, c.Stderr = w.dir, w.environment, &out, &errOut
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(2*time.Minute, func() { c.Process.Kill() })
	err := c.Wait()
	if !late.Stop() {
		t.Fatalf("%v takes too long; it said:\n%s", args, &errOut)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), out.String(), errOut.String()
}

func (w *work) ok(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := w.command(t, args...)
	if code != 0 {
		t.Fatalf("%v: exit code %d\n%s", args, code, stderr)
	}
	return stdout
}

// hashes are what a report says of data and model.
type hashes struct {
	Data  string `json:"data_sha256"`
	Model string `json:"model_sha256"`
}

// train trains on the data at a path or URL.
func (w *work) train(t *testing.T, path string) (h hashes) {
	t.Helper()
	report := w.ok(t, "train", "job.yaml", "--json", "--force", "data.train.path="+path)
	if err := json.Unmarshal([]byte(report), &h); err != nil || len(h.Model) != 64 || len(h.Data) != 64 {
		t.Fatalf("%+v, %v: %s", h, err, report)
	}
	return h
}

// upload puts the data into the bucket in three layouts and returns their URLs.
func (d *dataset) upload(t *testing.T, b string) []string {
	t.Helper()
	r := remote(t, gateway)
	plain := b + "/plain." + d.suffix
	put(t, r, plain, []byte(d.whole))
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	w.Write([]byte(d.whole))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	put(t, r, plain+".gz", packed.Bytes())
	for i, part := range d.parts {
		put(t, r, fmt.Sprintf("%s/parts/%d.%s", b, i, d.suffix), []byte(part))
	}
	return []string{plain, plain + ".gz", b + "/parts/", b + "/parts/*." + d.suffix}
}

// TestTrain runs the command with data in S3.
func TestTrain(t *testing.T) {
	parley := build(t)
	t.Run("libsvm", func(t *testing.T) { testLayouts(t, parley, sparse()) })
	t.Run("csv", func(t *testing.T) { testLayouts(t, parley, table()) })
	t.Run("errors", func(t *testing.T) { testErrors(t, parley) })
}

// testLayouts trains from S3 and gets the model that the same rows give from a
// file, however they are cut and however the answers break off.
func testLayouts(t *testing.T, parley string, d *dataset) {
	urls := d.upload(t, bucket(t))
	local := newWork(t, parley, gateway, d)
	want := local.train(t, "train."+d.suffix)
	predictions := local.ok(t, "predict", "out", "train."+d.suffix)
	faulty := newFickle(t)
	for endpoint, urls := range map[string][]string{gateway: urls, faulty.URL: urls[:3]} {
		w := newWork(t, parley, endpoint, d)
		for _, url := range urls {
			faulty.forget()
			if got := w.train(t, url); got != want {
				t.Errorf("%s at %s: %+v, want %+v", url, endpoint, got, want)
			}
			if !strings.HasSuffix(url, "/") {
				continue
			}
			faulty.forget()
			if got := w.ok(t, "predict", "out", url, "--format", formats[d.suffix]); got != predictions {
				t.Errorf("%s at %s: other predictions", url, endpoint)
			}
		}
	}
	faulty.check(t)
}

// testErrors expects to be told before training what is wrong with a URL, without
// the secret.
func testErrors(t *testing.T, parley string) {
	b := bucket(t)
	w := newWork(t, parley, gateway, sparse())
	put(t, remote(t, gateway), b+"/bad.svm", []byte("1 1:1\nx 1:1\n"))
	for url, want := range map[string]string{
		b + "/none.svm":          "parley: data.train: " + b + "/none.svm: there is no such key",
		b + "/bad.svm":           "parley: data.train: " + b + `/bad.svm:2: label "x" is not a number`,
		"s3://not-there/x.svm":   `there is no bucket "not-there"`,
		"s3://not-there/x/*.svm": `there is no bucket "not-there"`,
	} {
		code, stdout, stderr := w.command(t, "train", "job.yaml", "data.train.path="+url)
		if code != 2 || stdout != "" || !strings.Contains(stderr, want) || strings.Contains(stderr, secret) {
			t.Errorf("%s: exit code %d\n got %swant %s", url, code, stderr, want)
		}
	}
}

// fickle stands before the gateway and spoils every request that it has not seen:
// the same one passes the second time. So no client gives up, as one of several
// might where requests are counted.
type fickle struct {
	*httptest.Server
	faults *proxy

	mu   sync.Mutex
	seen map[string]bool
}

func newFickle(t *testing.T) *fickle {
	f := &fickle{faults: newProxy(t, 1<<30), seen: map[string]bool{}}
	transport := &http.Transport{DisableCompression: true}
	f.Server = httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(f.target(r.In))
			r.Out.Host = r.In.Host
		},
		Transport:    transport,
		ErrorLog:     log.New(io.Discard, "", 0), // of the answers that break off
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	})
	t.Cleanup(func() {
		f.Close()
		transport.CloseIdleConnections()
	})
	return f
}

// forget makes it spoil everything once more.
func (f *fickle) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.seen)
}

func (f *fickle) target(r *http.Request) *url.URL {
	f.mu.Lock()
	defer f.mu.Unlock()
	request := r.Method + r.URL.String() + r.Header.Get("Range")
	address := f.faults.URL
	if f.seen[request] {
		address = gateway
	}
	f.seen[request] = true
	target, err := url.Parse(address)
	if err != nil {
		panic(err) // a server's own URL
	}
	return target
}

// check tells whether there were faults of every kind.
func (f *fickle) check(t *testing.T) {
	t.Helper()
	f.faults.mu.Lock()
	defer f.faults.mu.Unlock()
	for _, fault := range []string{"503", "cut", "drop", "delay", "lost"} {
		if f.faults.faults[fault] == 0 {
			t.Errorf("the proxy made %v", f.faults.faults)
			break
		}
	}
}

// TestOutput writes the results to S3, and predicts with the model from there.
func TestOutput(t *testing.T) {
	b := bucket(t)
	w := newWork(t, build(t), gateway, table())
	want := w.train(t, "train.csv")
	predictions := w.ok(t, "predict", "out", "train.csv")
	out := b + "/runs/a"
	if text := w.ok(t, "train", "job.yaml", "output="+out); !strings.Contains(text, want.Model) || !strings.Contains(text, out+"/model") {
		t.Errorf("the command said %s", text)
	}
	for _, model := range []string{out, out + "/model/"} {
		if got := w.ok(t, "predict", model, "train.csv"); got != predictions {
			t.Errorf("%s: other predictions", model)
		}
		w.ok(t, "model", "verify", model)
	}
	for _, name := range []string{"report.json", "events.jsonl", "model/model.json", "model/params.safetensors", "model/transform.json", "model/vocabulary.txt"} {
		if there, err := remote(t, gateway).Exists(t.Context(), out+"/"+name); err != nil || !there {
			t.Errorf("%s: %v, %v", name, there, err)
		}
	}
	if code, _, stderr := w.command(t, "train", "job.yaml", "output="+out); code != 2 || !strings.Contains(stderr, "already holds a finished model") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	w.ok(t, "train", "job.yaml", "output="+out, "--force")
	if code, _, stderr := w.command(t, "train", "job.yaml", "output=s3://not-there/x"); code != 2 || !strings.Contains(stderr, "not-there") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
