package datashard

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/internal/job"
	"parley/internal/param"
	"parley/internal/plan"
	"parley/internal/profile"
)

// changes are what may happen to a file while a job reads it. Its 200 rows are of
// the same length, in a file of a line each from line 2 on.
var changes = []struct {
	name string
	do   func(path, text string) error
	want string // of reading the rows behind the change; empty is none
}{
	{"overwritten", func(path, text string) error {
		return os.WriteFile(path, []byte(text[:len(text)/2]+strings.Repeat("7", len(text)-len(text)/2)), 0o644)
	},
		":98: the file has changed since it was scanned, at the 16 rows from here on: let it be while a job reads it, and start the job again"},
	{"other row", func(path, text string) error {
		return os.WriteFile(path, []byte(strings.Replace(text, "0,150\n", "1,150\n", 1)), 0o644)
	}, ":50: the file has changed since it was scanned, at the 16 rows from here on: let it be while a job reads it, and start the job again"},
	{"row gone", func(path, text string) error {
		return os.WriteFile(path, []byte(strings.Replace(text, "0,150\n", "", 1)), 0o644)
	},
		":50: the file has changed since it was scanned, at the 16 rows from here on: let it be while a job reads it, and start the job again"},
	{"truncated", func(path, text string) error { return os.Truncate(path, int64(len(text)-1)) },
		": became shorter since it was opened: let it be while a job reads it, and start the job again"},
	{"emptied", func(path, _ string) error { return os.Truncate(path, 0) },
		": became shorter since it was opened: let it be while a job reads it, and start the job again"},
	{"appended", func(path, text string) error { return os.WriteFile(path, []byte(text+"1,1\n"), 0o644) }, ""},
	{"touched", func(path, text string) error { return os.WriteFile(path, []byte(text), 0o644) }, ""},
	{"removed", func(path, _ string) error { return os.Remove(path) }, ""},
	{"replaced", func(path, text string) error {
		if err := os.WriteFile(path+".new", []byte(strings.ReplaceAll(text, "0,", "1,")), 0o644); err != nil {
			return err
		}
		return os.Rename(path+".new", path)
	}, ""}, // an open file keeps its content
}

// changing is a csv of 200 rows.
func changing() string {
	var b strings.Builder
	b.WriteString("y,x\n")
	for i := range 200 {
		b.WriteString("0," + string(rune('1'+i/100)) + string(rune('0'+i/10%10)) + string(rune('0'+i%10)) + "\n")
	}
	return b.String()
}

// TestChanged changes a file between the steps of a job. The step that reads its
// rows tells: nothing is trained on half.
func TestChanged(t *testing.T) {
	for _, c := range changes {
		for _, after := range []string{"scan", "fit"} {
			t.Run(c.name+" after "+after, func(t *testing.T) {
				checkChange(t, "x.csv", changing(), after, c.do, c.want)
			})
			t.Run(c.name+" compressed after "+after, func(t *testing.T) {
				checkChange(t, "x.csv.gz", gzipped(changing()), after, c.do, "") // it was unpacked when it was opened
			})
		}
	}
	t.Run("truncated after open", func(t *testing.T) { // what else happens then is scanned as it is
		checkChange(t, "x.csv", changing(), "open", changes[3].do, changes[3].want)
	})
}

func checkChange(t *testing.T, name, content, after string, change func(path, text string) error, want string) {
	path := filepath.Join(write(t, name, content), name)
	d := openAs(t, Source{Path: path, Format: "csv", Spec: label(numberX)}, Options{CacheBytes: -1})
	d.sizes.block = 1
	err := steps(t, d, func(step string) {
		if step != after {
			return
		}
		if err := change(path, content); err != nil {
			t.Fatal(err)
		}
	})
	switch {
	case want == "" && err != nil:
		t.Error(err)
	case want != "" && (err == nil || err.Error() != path+want || param.KindOf(err) != param.Corrupt):
		t.Errorf("\n got %v\nwant %s", err, path+want)
	}
}

// steps does what a job does with its data, and calls done after each step.
func steps(t *testing.T, d *Dataset, done func(step string)) error {
	done("open")
	m, err := d.Scan(t.Context())
	if err != nil {
		return err
	}
	if err := d.Use(m); err != nil {
		return err
	}
	done("scan")
	findings, err := profile.NewFindings(plan.SetTrain, d.source.Spec, m)
	if err != nil {
		return err
	}
	for n := range plan.Units(len(m.Shards)) {
		part, err := d.Fit(t.Context(), plan.Unit{Number: n}, 5)
		if err != nil {
			return err
		}
		if err := findings.Add(part); err != nil {
			return err
		}
	}
	done("fit")
	if m, err = findings.Train(m); err != nil {
		return err
	}
	if err := d.Use(m); err != nil {
		return err
	}
	for _, s := range m.Shards {
		if _, err := d.Load(t.Context(), s.ID); err != nil {
			return err
		}
	}
	return nil
}

// TestOtherColumns: the names of columns are in no piece, but a node whose files
// have them in another order must not train on the wrong ones.
func TestOtherColumns(t *testing.T) {
	spec := label(numberX, job.Feature{Numeric: "z", Scale: 1, Missing: "mean"})
	source := func(files ...string) Source { return Source{Path: write(t, files...), Format: "csv", Spec: spec} }
	a, b := "y,x,z\n1,2,3\n", "y,x,z\n0,4,6\n"
	m := profileOf(t, openAs(t, source("a", a, "b", b), Options{}))
	for _, c := range []struct{ a, b, want string }{
		{a, b, ""},
		{"y,z,x\n1,2,3\n", b, "DIR/a: the header is another one than where it was scanned: give all nodes the same files"},
		{a, "y,z,x\n0,4,6\n", "DIR/b: the header is another one than where it was scanned: give all nodes the same files"},
	} {
		d := openAs(t, source("a", c.a, "b", c.b), Options{})
		err := d.Use(m)
		if got := strings.ReplaceAll(fmt.Sprint(err), d.source.Path, "DIR"); got != cmp.Or(c.want, "<nil>") || err != nil && param.KindOf(err) != param.Corrupt {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
	words := func(vocab string) *Dataset {
		dir := write(t, "x", docword, "vocab", vocab)
		return openAs(t, Source{Path: filepath.Join(dir, "x"), Format: "uci-bow", Vocab: filepath.Join(dir, "vocab")}, Options{})
	}
	m, d := profileOf(t, words("a\nb\nc\n")), words("a\nc\nb\n")
	want := d.source.Path + ": the columns are a, c, b, but a, b, c where it was scanned: give all nodes the same files"
	if err := d.Use(m); err == nil || err.Error() != want || param.KindOf(err) != param.Corrupt {
		t.Errorf("got %v, want %s", err, want)
	}
}
