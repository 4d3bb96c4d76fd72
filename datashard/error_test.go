package datashard

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/internal/param"
	"parley/internal/plan"
)

// problem opens and profiles a path and returns the error, with the directory
// taken out.
func problem(t *testing.T, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	d, err := Open(context.Background(), Source{Path: path}, Options{})
	if err == nil {
		defer d.Close()
		_, err = d.Profile(context.Background())
	}
	if err == nil {
		t.Fatalf("%s: no error", name)
	}
	if kind := param.KindOf(err); kind != param.Invalid {
		t.Errorf("%s: kind %v, want invalid", name, kind)
	}
	return strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), "")
}

func TestRowErrors(t *testing.T) {
	const good = "1 1:1\n\n"
	for _, c := range []struct{ row, want string }{
		{"abc 1:1", `x:3: label "abc" is not a number: write it in plain decimal digits`},
		{"1:1 2:1", `x:3: missing label: the row begins with the feature "1:1"`},
		{"nan 1:1", `x:3: label "nan" is not finite: leave the row or the feature out`},
		{"1 3:1 2:1", `x:3: feature id "2" comes after 3: sort the features of a row by id`},
		{"1 3:1 3:2", `x:3: feature id "3" is repeated: a row may have an id once, so merge the two`},
		{"1 9223372036854775808:1", `x:3: feature id "9223372036854775808" is too large: ids must be below 2^63, so renumber the features`},
		{"1 9223372036854775807:1", `x:3: feature id "9223372036854775807" is beyond the limit of 268435455: hash the features (data.hash.bits) or renumber them`},
		{"1 268435456:1", `x:3: feature id "268435456" is beyond the limit of 268435455: hash the features (data.hash.bits) or renumber them`},
		{"1 1:nan", `x:3: value "nan" is not finite: leave the row or the feature out`},
		{"1 1:-Inf", `x:3: value "-Inf" is not finite: leave the row or the feature out`},
		{"1 1:1e39", `x:3: value "1e39" is beyond the range of 32-bit floats`},
		{"1 1:0x10", `x:3: value "0x10" is not a number: write it in plain decimal digits`},
		{"1 1:", `x:3: feature "1:" has no value`},
		{"1 17", `x:3: feature "17" has no colon: write id:value`},
		{"1 :5", `x:3: feature ":5" has no id: write id:value, the id a whole number`},
		{"1 age:5", `x:3: feature "age:5" has no id: write id:value, the id a whole number`},
		{"1 -1:5", `x:3: feature "-1:5" has no id: write id:value, the id a whole number`},
		{"1 qid:4 1:5", `x:3: "qid:4": ranking by query is not supported: remove the qid tokens`},
		{"1 1:5\r2:6", `x:3: value "5\r2:6" is not a number: write it in plain decimal digits`},
		{"1 1:x" + strings.Repeat("ä", 30), `x:3: value "x` + strings.Repeat("ä", 19) + `"... is not a number: write it in plain decimal digits`},
		{"1 1:1 \x00\x01", `x:3: is not libsvm text but binary data: give rows such as 1 3:0.5 7:1`},
		{"1 1:\xff", `x:3: is not libsvm text but binary data: give rows such as 1 3:0.5 7:1`},
	} {
		if got := problem(t, write(t, "x", good+c.row+"\n2 2:2"), "x"); got != c.want {
			t.Errorf("%q:\n got %s\nwant %s", c.row, got, c.want)
		}
	}
}

func TestFileErrors(t *testing.T) {
	long := gzipped(generate(3000, 1))
	dir := write(t, "empty", "", "comments", "# nothing\n\n", "short.gz", long[:len(long)/2], "stub.gz", long[:5],
		"text.gz", "1 1:1\n", "text.zst", "1 1:1\n", "text.bz2", "1 1:1\n", "void.gz", "", "more.gz", gzipped("1 1:1\n")+"junk and more junk",
		"short.zst", zstdded(generate(3000, 1))[:1000], "short.bz2", twoRows[:len(twoRows)-9], "data.xz", "", "data.tar.gz", "",
		"renamed", gzipped("1 1:1\n"), "rezstd", zstdded("1 1:1\n"))
	if err := os.MkdirAll(filepath.Join(dir, "folder", "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "folder", ".hidden"), []byte("1 1:1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, want string }{
		{"missing", "missing: no such file or directory: correct the path"},
		{"missing/x", "missing/x: no such file or directory: correct the path"},
		{"nothing*.svm", "nothing*.svm: no file matches: correct the pattern"},
		{"[.svm", "[.svm: malformed glob: syntax error in pattern"},
		{"folder", "folder: the directory holds no data files (hidden files and subdirectories that are not named key=value do not count): put some into it, or give a file or a glob"},
		{"folder/*", "folder/*: no file matches: correct the pattern"},
		{"empty", "empty: no rows: give data with at least one"},
		{"comments", "comments: no rows: give data with at least one"},
		{"short.gz", "short.gz: the gzip data is truncated: copy or download it again"},
		{"stub.gz", "stub.gz: the gzip data is truncated: copy or download it again"},
		{"text.gz", "text.gz: is not gzip data: correct the file's suffix"},
		{"void.gz", "void.gz: is empty, not gzip data: copy or download it again"},
		{"more.gz", "more.gz: the gzip data is damaged: copy or download it again (gzip: invalid header)"},
		{"short.zst", "short.zst: the zstd data is truncated: copy or download it again"},
		{"text.zst", "text.zst: is not zstd data: correct the file's suffix"},
		{"short.bz2", "short.bz2: the bzip2 data is truncated: copy or download it again"},
		{"text.bz2", "text.bz2: is not bzip2 data: correct the file's suffix"},
		{"data.xz", "data.xz: cannot read .xz files: unpack it, or compress it as .gz, .zst or .bz2"},
		{"data.tar.gz", "data.tar.gz: cannot read .tar.gz files: unpack it, or compress it as .gz, .zst or .bz2"},
		{"renamed", "renamed:1: is not libsvm text but binary data: give rows such as 1 3:0.5 7:1; if it is compressed, its name must end in .gz"},
		{"rezstd", "rezstd:1: is not libsvm text but binary data: give rows such as 1 3:0.5 7:1; if it is compressed, its name must end in .zst"},
	} {
		if got := problem(t, dir, c.name); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestOtherErrors(t *testing.T) {
	denied := &fs.PathError{Op: "open", Path: "a/x", Err: fs.ErrPermission} // root is never denied
	if got := openError("a/x", denied).Error(); got != "a/x: permission denied" {
		t.Error(got)
	}
	if got := openError("a/x", &fs.PathError{Op: "read", Path: "a/x", Err: errors.New("i/o error")}).Error(); got != "a/x: i/o error" {
		t.Error(got)
	}
	for _, c := range []struct {
		source Source
		want   string
	}{
		{Source{}, "no path of data given"},
		{Source{Path: "x", Format: "cvs"}, `x: format "cvs" is not known: the formats are arrow, csv, idx, jsonl, libsvm, parquet, text, tsv, uci-bow, vw`},
		{Source{Path: os.DevNull}, os.DevNull + ": is not a regular file: data is read more than once, so copy it into a file"},
	} {
		if _, err := Open(context.Background(), c.source, Options{}); err == nil || err.Error() != c.want {
			t.Errorf("%+v: got %v, want %s", c.source, err, c.want)
		}
	}
}

func TestPermissionDenied(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything; TestOtherErrors checks the text")
	}
	dir := write(t, "x", "1 1:1\n")
	if err := os.Chmod(filepath.Join(dir, "x"), 0); err != nil {
		t.Fatal(err)
	}
	if got := problem(t, dir, "x"); got != "x: permission denied" {
		t.Error(got)
	}
}

func TestLineTooLong(t *testing.T) {
	const longest = 200_000
	for _, c := range []struct {
		comment int
		want    string
	}{
		{longest - 3, ""},
		{longest - 2, ":2: the line is longer than 200000 bytes: cut it up, or correct its line ends"},
		{9 * longest, ":2: the line is longer than 200000 bytes: cut it up, or correct its line ends"},
	} {
		for _, chunk := range []int64{5000, longest} {
			d := open(t, write(t, "x", "1 1:1\n1 #"+strings.Repeat(" ", c.comment)+"\n1 1:1\n"), Options{})
			d.sizes = sizes{chunk: chunk, line: longest}
			m, err := d.Profile(context.Background())
			if c.want == "" && (err != nil || m.Rows != 3) || c.want != "" && (err == nil || err.Error() != d.files[0].path+c.want) {
				t.Errorf("%d bytes: %v", c.comment+3, err)
			}
		}
	}
	if usual.line != 64<<20 {
		t.Errorf("lines of %d bytes are allowed, want 64 MiB", usual.line)
	}
}

// TestFirstErrors has many malformed rows: the first in logical order are
// reported, though others are found earlier.
func TestFirstErrors(t *testing.T) {
	text := generate(300, 1)
	bad := text + "first 1:1\n" + strings.Repeat("later 1:1\n", 200) + text
	dir := write(t, "a", text, "b", bad, "c", "x\n", "d.gz", gzipped("y\n"))
	for range 20 {
		d := open(t, dir, Options{})
		d.sizes.chunk = 100
		_, err := d.Profile(context.Background())
		want := `DIR/a: 203 of 1103 rows are bad (label 203), and data.quality.max_bad_rows is 0: correct them, or allow more
  DIR/b:301: label "first" is not a number: write it in plain decimal digits
  DIR/b:302: label "later" is not a number: write it in plain decimal digits
  DIR/b:303: label "later" is not a number: write it in plain decimal digits
  DIR/b:304: label "later" is not a number: write it in plain decimal digits
  DIR/b:305: label "later" is not a number: write it in plain decimal digits
  and 198 more`
		if err == nil || strings.ReplaceAll(err.Error(), dir, "DIR") != want || param.KindOf(err) != param.Invalid {
			t.Fatalf("got %v, want %s", err, want)
		}
	}
}

// TestFirstFileError has several files that cannot be opened.
func TestFirstFileError(t *testing.T) {
	whole := gzipped(generate(2000, 1))
	dir := write(t, "a.gz", whole, "b.gz", whole[:len(whole)-5], "c.gz", "no", "d.xz", "")
	for range 20 {
		if got, want := problem(t, dir, "*"), "b.gz: the gzip data is truncated: copy or download it again"; got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
}

func TestOneBasedTest(t *testing.T) {
	d := open(t, write(t, "x", "1 1:1\n1 0:1 1:1\n"), Options{})
	_, err := d.ProfileAs(context.Background(), &plan.Manifest{})
	want := d.files[0].path + `:2: feature id 0 in "0:1", but the training data counts from 1: renumber the features alike`
	if err == nil || err.Error() != want || param.KindOf(err) != param.Invalid {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	stopped := errors.New("stopped")
	d := open(t, write(t, "x", generate(5000, 1)), Options{})
	d.sizes.chunk = 64
	cancel(stopped)
	if _, err := d.Profile(ctx); !errors.Is(err, stopped) {
		t.Errorf("Profile: %v", err)
	}
	profileOf(t, d)
	d.mu.view.cache = newCache(0)
	if _, err := d.Load(ctx, 0); !errors.Is(err, stopped) {
		t.Errorf("Load: %v", err)
	}
	if _, err := Open(ctx, Source{Path: filepath.Join(write(t, "x.gz", gzipped("1 1:1\n")), "x.gz")}, Options{}); !errors.Is(err, context.Canceled) && !errors.Is(err, stopped) {
		t.Errorf("Open: %v", err)
	}
}
