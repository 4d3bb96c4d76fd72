package checkpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/param"
)

func TestFolder(t *testing.T) {
	s := Folder(filepath.Join(t.TempDir(), "new", "place"))
	text := func(text string) func(io.Writer) error { return func(w io.Writer) error { return writeAll(w, text) } }
	for name, content := range map[string]string{"b": "1", "a/c": "2", "a/b/d": "3", "ab": "4"} {
		for range 2 { // the second replaces the first
			if err := s.Write(t.Context(), name, text(content)); err != nil {
				t.Fatal(err)
			}
		}
		in, err := s.Open(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(in)
		in.Close()
		if string(got) != content || err != nil {
			t.Error(name, string(got), err)
		}
	}
	for prefix, want := range map[string][]string{"": {"a/b/d", "a/c", "ab", "b"}, "a": {"a/b/d", "a/c", "ab"}, "a/b/": {"a/b/d"}, "x/": nil} {
		got, err := s.List(t.Context(), prefix)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Error(prefix, diff, err)
		}
	}
	for range 2 {
		if err := s.Remove(t.Context(), "a/b/d"); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Open(t.Context(), "a/b/d"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	for _, name := range []string{"", "..", "../x", "/x", "a//b", "a/../../x"} {
		if err := s.Write(t.Context(), name, text("")); param.KindOf(err) != param.Invalid {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestPrune(t *testing.T) {
	s := Folder(t.TempDir())
	for v := param.Version(1); v <= 5; v++ {
		if err := save(s, v*10, 1); err != nil {
			t.Fatal(err)
		}
	}
	for _, v := range []param.Version{15, 25, 55} { // incomplete
		if _, err := writeParts(s, v, 1); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"notes/manifest.json", "000000000001", Dir(job, 45) + "/manifest.json"} {
		if err := s.Write(t.Context(), name, func(w io.Writer) error { return writeAll(w, "mine") }); err != nil {
			t.Fatal(err)
		}
	}
	if err := Prune(t.Context(), s, 2, Dir(job, 25), Dir(job, 20)); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(s.(*folder).dir)
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	want := []string{"000000000001", Dir(job, 20), Dir(job, 25), Dir(job, 40), Dir(job, 45), Dir(job, 50), Dir(job, 55), "notes"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestProbe(t *testing.T) {
	dir := t.TempDir()
	mine, other := Folder(dir), Folder(filepath.Join(dir, "other"))
	if err := Probe(t.Context(), mine, "n1", true); err != nil {
		t.Fatal(err)
	}
	if err := Probe(t.Context(), mine, "n1", false); err != nil {
		t.Error(err)
	}
	if err := Probe(t.Context(), other, "n1", false); param.KindOf(err) != param.Invalid || !strings.Contains(err.Error(), "is not the place that other nodes see") {
		t.Error(err)
	}
	if err := EndProbe(t.Context(), mine, "n1"); err != nil {
		t.Error(err)
	}
	if err := Probe(t.Context(), mine, "../x", true); param.KindOf(err) != param.Invalid {
		t.Error(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Probe(t.Context(), Folder(file), "n1", true); param.KindOf(err) != param.Invalid || !strings.Contains(err.Error(), "cannot be written to") {
		t.Error(err)
	}
}

func TestCommitRefuses(t *testing.T) {
	m := newMemory()
	parts, err := writeParts(m, 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	for say, wrong := range map[string]*Manifest{
		"tells of no part":   manifestOf(3, nil),
		"lies in the folder": manifestOf(4, parts),
		"is that of range 1": manifestOf(3, parts[1:]),
		"no part has":        manifestOf(3, []Part{{File: "../x", Bytes: 1}}),
		"is not there":       manifestOf(3, []Part{{File: "x", Bytes: 1}}),
	} {
		if err := Commit(t.Context(), m, Dir(job, 3), wrong); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: %v", say, err)
		}
	}
}

// TestEveryByteOfAManifest flips them: none is taken for sound.
func TestEveryByteOfAManifest(t *testing.T) {
	m := newMemory()
	if err := save(m, 3, 1); err != nil {
		t.Fatal(err)
	}
	name := Dir(job, 3) + "/" + manifestFile
	sound := m.files[name]
	for i := range sound {
		bad := bytes.Clone(sound)
		bad[i] ^= 0x20
		m.files[name] = bad
		found, damaged, err := Complete(t.Context(), m)
		if found != nil || len(damaged) != 1 || err != nil || !strings.Contains(damaged[0].Error(), name) {
			t.Fatal(i, found, damaged, err)
		}
	}
}

func FuzzReadPart(f *testing.F) {
	m := newMemory()
	p, err := WritePart(context.Background(), m, Dir(job, 1), 0, 3, []Section{{"a", []byte("hello")}, {"b", nil}})
	if err != nil {
		f.Fatal(err)
	}
	sound := m.files[Dir(job, 1)+"/"+p.File]
	f.Add(sound)
	f.Add(sound[:20])
	f.Fuzz(func(t *testing.T, data []byte) {
		m := newMemory()
		m.files[Dir(job, 1)+"/"+p.File] = data
		claimed := p
		claimed.Bytes = int64(len(data))
		var header any
		_, err := ReadPart(t.Context(), m, Dir(job, 1), claimed, &header)
		if err == nil && len(data) != len(sound) {
			t.Errorf("%q is taken for sound", data)
		}
		if err != nil && param.KindOf(err) != param.Corrupt && param.KindOf(err) != param.Invalid {
			t.Error(err)
		}
	})
}

func FuzzManifest(f *testing.F) {
	text, err := seal(Format, manifestOf(1, []Part{{File: "x", Bytes: 9}}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"parley_checkpoint":1,"crc32c":"00000000","manifest":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := unseal(text, Dir(job, 1))
		if err == nil && (m.Version != 1 || m.Job != job || len(m.Parts) == 0) {
			t.Errorf("%q is taken for sound", text)
		}
	})
}

func BenchmarkWritePart(b *testing.B) {
	for _, size := range []int{16 << 20, 256 << 20} {
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(i * 7)
		}
		for name, s := range map[string]Store{"folder": Folder(b.TempDir()), "nowhere": nowhere{}} {
			b.Run(fmt.Sprintf("%s/%dMB", name, size>>20), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := WritePart(b.Context(), s, Dir(job, 1), 0, 3, []Section{{"w", data}}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// nowhere is a store that takes no time.
type nowhere struct{ Store }

func (nowhere) Write(_ context.Context, _ string, write func(io.Writer) error) error {
	return write(io.Discard)
}
