package main

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/datashard/blockcache"
)

// layoutData is a dataset whose rows are laid out in many ways.
type layoutData struct {
	suffix, format, header string
	rows                   []string
	job                    string
}

// sparseData has rows of libsvm.
func sparseData() *layoutData {
	d := &layoutData{suffix: "svm", format: "libsvm", job: "model: {kind: logistic}\nrun: {epochs: 2, batch: 100}\noutput: out\n"}
	for i := range 3001 {
		d.rows = append(d.rows, fmt.Sprintf("%d %d:1 %d:%d.%d\n", (i+i/3)%2, 1+i%17, 20+i%301, i%7, i%10))
	}
	return d
}

// tableData has cells with quotes and line ends, holes, and features that depend on
// all rows.
func tableData() *layoutData {
	d := &layoutData{suffix: "csv", format: "csv", header: "date,delay,town,distance\n", job: `  label: {column: delay, above: 15}
  features:
    - {time: date, parts: [hour, weekday]}
    - {category: town, min_count: 40}
    - {cross: [town, date.hour]}
    - {numeric: distance, transform: [log1p, standardize]}
model: {kind: logistic}
run: {epochs: 2, batch: 100}
output: out
`}
	for i := range 3001 {
		distance := ""
		if i%11 > 0 {
			distance = fmt.Sprintf("%d.%d", i%1000, i%10)
		}
		d.rows = append(d.rows, fmt.Sprintf("2001-01-%02d %02d:10,%d,\"town\n%d, \"\"x\"\"\",%s\n", 1+i%28, i%24, i*i%41, i*i%97, distance))
	}
	return d
}

func (d *layoutData) text() string { return d.header + strings.Join(d.rows, "") }

// place makes a folder with the data in a file and a job over it.
func (d *layoutData) place(t *testing.T) *place {
	t.Helper()
	p := newPlace(t)
	p.write("train."+d.suffix, d.text())
	p.write("job.yaml", "data:\n  train: {path: train."+d.suffix+"}\n"+d.job)
	return p
}

// cut writes the rows to several files of a folder. Rows are not dealt evenly, and
// compressed files are among many.
func (d *layoutData) cut(t *testing.T, p *place, files int) (folder string) {
	t.Helper()
	folder = fmt.Sprintf("in%d", files)
	for i := range files {
		from, to := len(d.rows)*i*i/(files*files), len(d.rows)*(i+1)*(i+1)/(files*files)
		name, text := fmt.Sprintf("%s/%02d.%s", folder, i, d.suffix), d.header+strings.Join(d.rows[from:to], "")
		switch {
		case files > 7 && i%8 == 3:
			name, text = name+".gz", gzipped(t, text)
		case files > 7 && i%8 == 5:
			name, text = name+".zst", zstdded(t, text)
		}
		p.write(name, text)
	}
	return folder
}

// trained trains and returns the model's hash.
func (p *place) trained(args ...string) string {
	p.t.Helper()
	p.ok(append([]string{"train", "job.yaml", "--force"}, args...)...)
	return p.report("out").ModelSHA256
}

// TestLayouts: data shards are ranges of rows, so the same rows give the same model
// however they lie on disk, and however many nodes read them.
func TestLayouts(t *testing.T) {
	t.Parallel()
	for _, d := range []*layoutData{sparseData(), tableData()} {
		t.Run(d.format, func(t *testing.T) {
			t.Parallel()
			p := d.place(t)
			plain := "train." + d.suffix
			p.write(plain+".gz", gzipped(t, d.text()))
			p.write(plain+".zst", zstdded(t, d.text()))
			formats := map[string]string{plain + ".gz": d.format, plain + ".zst": d.format}
			for _, files := range []int{1, 7, 64} {
				formats[d.cut(t, p, files)] = d.format
			}
			for _, format := range []string{"arrow", "parquet"} {
				p.ok("data", "convert", plain, "x."+format)
				formats["x."+format] = format
			}
			want := p.trained("data.cache=off")
			for path, format := range formats {
				if got := p.trained("data.cache=off", "data.train.path="+path, "data.train.format="+format); got != want {
					t.Errorf("%s: hash %s, want %s", path, got, want)
				}
			}
			for _, nodes := range [][]string{{"--servers", "1", "--trainers", "1"}, {"--servers", "2", "--trainers", "3"}} {
				if got := p.trained(append(nodes, "data.cache=off")...); got != want {
					t.Errorf("%v: hash %s, want %s", nodes, got, want)
				}
			}
			slices.Reverse(d.rows)
			p.write(plain, d.text())
			if p.trained("data.cache=off") == want {
				t.Error("rows in another order give the same model")
			}
		})
	}
}

// files returns what is in all files of a folder, by their names.
func (p *place) files(folder string) map[string]string {
	p.t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(p.path(folder), func(path string, f fs.DirEntry, err error) error {
		if err != nil || f.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		found[strings.TrimPrefix(path, p.dir+"/")] = string(text)
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return found
}

// TestCache looks at the folder with parsed rows, and changes it.
func TestCache(t *testing.T) {
	t.Parallel()
	d := tableData()
	p := d.place(t)
	p.write("x.csv.gz", gzipped(t, d.text()))
	want := p.trained("data.cache=off", "--data-dir", "none")
	if p.trained("--data-dir", "none", "--cache-limit", "0") != want || p.exists("none") {
		t.Error("a job without the cache has made its folder, or another model")
	}
	hash := func(what string, args ...string) {
		t.Helper()
		if got := p.trained(append(args, "--data-dir", "data")...); got != want {
			t.Errorf("%s: hash %s, want %s", what, got, want)
		}
	}
	hash("first job")
	kept := p.files("data/cache")
	if len(kept) != 3 {
		t.Fatalf("the cache has the files %v", slices.Sorted(maps.Keys(kept)))
	}
	hash("second job")
	hash("another layout", "data.train.path=x.csv.gz")
	same := func(when string) {
		t.Helper()
		if now := p.files("data/cache"); !maps.Equal(now, kept) {
			t.Errorf("%s the cache has other files or bytes: %v", when, slices.Sorted(maps.Keys(now)))
		}
	}
	same("after a second job over the same rows,")
	for name, text := range kept {
		p.write(name, text[:len(text)/2]+string(text[len(text)/2]^1)+text[len(text)/2+1:])
	}
	hash("a bit flipped")
	same("after it was damaged,")
	for name, text := range kept {
		p.write(name, text[:len(text)-9])
	}
	hash("files cut short")
	same("after its files were cut short,")

	plant(t, p, kept)
	if p.trained("--data-dir", "data") == want {
		t.Error("the second job does not read the cache")
	}
	hash("cache: off", "data.cache=off")
	if got := p.trained("--data-dir", "data", "data.label.above=20"); got == want || got != p.trained("data.cache=off", "data.label.above=20") {
		t.Error("rows that were kept for one label are taken for another")
	}
	p.write("train.csv", strings.Replace(d.text(), ",1,", ",40,", 1)) // another label, else all the same
	if got := p.trained("--data-dir", "data"); got == want || got != p.trained("data.cache=off") {
		t.Error("rows that were kept of other data are taken")
	}
}

// plant puts other rows into the cache in place of the first ones, in a file that
// is whole. A job that reads them makes another model.
func plant(t *testing.T, p *place, kept map[string]string) {
	t.Helper()
	const rows = 1024
	key := strings.Split(slices.Sorted(maps.Keys(kept))[0], "/")[2]
	cache, err := blockcache.Open(p.path("data/cache"), 1<<30, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	block, err := cache.Get(key, 0, 0, rows)
	if err != nil || block == nil {
		t.Fatalf("block 0 of %s: %v, %v", key, block, err)
	}
	for i := range block.Labels {
		block.Labels[i] = 1 - block.Labels[i]
	}
	if err := os.RemoveAll(p.path("data/cache/" + key)); err != nil {
		t.Fatal(err)
	}
	if err := cache.Put(key, 0, block); err != nil {
		t.Fatal(err)
	}
}

// TestCacheErrors: a job runs without a cache too.
func TestCacheErrors(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	want := p.trained("data.cache=off")
	o := p.run("train", "job.yaml", "--force", "--data-dir", "train.svm")
	if o.code != exitDone || p.report("out").ModelSHA256 != want ||
		!strings.Contains(o.stderr, "parley: parsed rows are not kept: cache folder train.svm/cache: cannot be written (not a directory): name one that can, or turn the cache off\n") {
		t.Errorf("exit code %d: %s", o.code, o.stderr)
	}
	for _, limit := range []string{"-1", "NaN", "1e300"} {
		p.refused(exitUsage, "--cache-limit must be between 0 and 1000000 GiB", "train", "job.yaml", "--force", "--cache-limit", limit)
		p.refused(exitUsage, "--cache-limit must be between 0 and 1000000 GiB", "agent", "--bind", "127.0.0.1:0", "--cache-limit", limit)
	}
}

// TestClusterCache trains on agents, each of which keeps the rows that it parsed.
func TestClusterCache(t *testing.T) {
	t.Parallel()
	p := tableData().place(t)
	want := p.trained("data.cache=off")
	c := &testCluster{}
	for _, name := range []string{"a", "b"} {
		args := []string{"agent", "--bind", "127.0.0.1:0", "--data-dir", p.path(name)}
		if len(c.nodes) > 0 {
			args = append(args, "--join", c.address())
		}
		c.nodes = append(c.nodes, startAgentCommand(t, parley(t, args...)))
	}
	for i, cache := range []string{"off", "on", "on"} {
		if got := p.trained("--cluster", c.address(), "data.cache="+cache); got != want {
			t.Errorf("cache: %s: hash %s, want %s", cache, got, want)
		}
		if kept := len(p.files("a/cache")) + len(p.files("b/cache")); i == 0 && kept > 0 || i > 0 && kept < 3 {
			t.Errorf("job %d with cache: %s: the nodes keep %d blocks", i+1, cache, kept)
		}
	}
}
