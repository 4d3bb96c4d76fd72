package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"parley/internal/artifact"
)

// place is a folder in which commands run, with some data and a job file
// job.yaml, and an empty folder for temporary files.
type place struct {
	t        testing.TB
	dir, tmp string
}

// smallJob is over data that a model learns in a moment.
const smallJob = `data:
  train: {path: train.svm}
model: {kind: logistic}
run: {epochs: 2, batch: 8}
output: out
`

func newPlace(t testing.TB) *place {
	t.Helper()
	p := &place{t: t, dir: t.TempDir(), tmp: t.TempDir()}
	p.write("job.yaml", smallJob)
	p.write("train.svm", smallData())
	return p
}

// smallData has 60 rows of 6 columns; the first column tells the label.
func smallData() string {
	var s strings.Builder
	for i := range 60 {
		fmt.Fprintf(&s, "%d 1:%d 2:%d %d:1\n", i%2, i%2, i%5, 3+i%4)
	}
	return s.String()
}

func (p *place) path(name string) string { return filepath.Join(p.dir, name) }

func (p *place) write(name, text string) {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(p.path(name)), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(p.path(name), []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) read(name string) string {
	p.t.Helper()
	text, err := os.ReadFile(p.path(name))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

func (p *place) exists(name string) bool {
	_, err := os.Lstat(p.path(name))
	return err == nil
}

// start starts a command in the folder.
func (p *place) start(args ...string) *background {
	p.t.Helper()
	c := parley(p.t, args...)
	c.Dir, c.Env = p.dir, append(c.Env, "TMPDIR="+p.tmp)
	return startCommand(p.t, c)
}

// run runs a command to its end; what it says is as seen from the folder.
func (p *place) run(args ...string) outcome {
	p.t.Helper()
	return p.end(p.start(args...))
}

// end waits for a command. Whatever happens, nobody sees a stack and no temporary
// file stays.
func (p *place) end(b *background) outcome {
	p.t.Helper()
	o := waitFor(p.t, b, time.Minute)
	o.stdout, o.stderr = strings.ReplaceAll(o.stdout, p.dir+"/", ""), strings.ReplaceAll(o.stderr, p.dir+"/", "")
	for _, word := range []string{"goroutine", "panic"} {
		if strings.Contains(o.stdout+o.stderr, word) {
			p.t.Errorf("%v said %q:\n%s", b.cmd.Args[1:], word, o.stderr)
		}
	}
	if left := p.list(p.tmp); left != "" {
		p.t.Errorf("%v left temporary files:\n%s", b.cmd.Args[1:], left)
	}
	return o
}

// ok runs a command that must succeed and returns its standard output.
func (p *place) ok(args ...string) string {
	p.t.Helper()
	o := p.run(args...)
	if o.code != exitDone {
		p.t.Fatalf("%v: exit code %d\n%s", args, o.code, o.stderr)
	}
	return o.stdout
}

// refused runs a command that must fail with one message and leave everything as
// it was.
func (p *place) refused(code int, message string, args ...string) {
	p.t.Helper()
	before := p.list(p.dir)
	o := p.run(args...)
	if o.code != code {
		p.t.Errorf("%v: exit code %d, want %d", args, o.code, code)
	}
	if want := "parley: " + message + "\n"; o.stderr != want {
		p.t.Errorf("%v:\n got %swant %s", args, o.stderr, want)
	}
	if o.stdout != "" {
		p.t.Errorf("%v: standard output: %s", args, o.stdout)
	}
	if after := p.list(p.dir); after != before {
		p.t.Errorf("%v: there were the files\n%sand are\n%s", args, before, after)
	}
}

// list names everything in a folder.
func (p *place) list(dir string) string {
	var names strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && path != dir {
			fmt.Fprintf(&names, "  %s\n", path)
		}
		return err
	})
	if err != nil {
		p.t.Error(err)
	}
	return names.String()
}

func gzipped(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func zstdded(t testing.TB, text string) string {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return string(w.EncodeAll([]byte(text), nil))
}

// report reads the report in an output folder.
func (p *place) report(output string) *artifact.Report {
	p.t.Helper()
	r, err := artifact.ReadReport(p.path(output))
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

// smallBzip2 is smallData, compressed by bzip2: Go has no compressor for it.
const smallBzip2 = "\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\x5c\x53\xeb\xf0\x00\x00\x78\x58\x00\x00\x10\x40\x00\x7f\x10\x30\x00\xb8\x08\x01\x81\x00\x30\x1b\xd2\xaa\x3f\x52\x26\x9e" +
	"\xf6\x1e\xf0\xb0\x92\x49\x24\x92\x49\x24\x92\x4f\x8f\x4f\x4f\x1f\x1c\xe7\x39\xce\x73\x9c\xe7\x39\xce\x73\xcc\x3f\x63\x65\x85\x99\xbe\xec\x2d\x96\xc2\xd9\x0b\x64" +
	"\xc6\xf3\x0f\x36\x7e\x7f\x24\x92\x49\x3e\xbf\x24\x92\x49\x3c\xc3\xcd\xb6\x7f\x8b\xb9\x22\x9c\x28\x48\x2e\x29\xf5\xf8\x00"
