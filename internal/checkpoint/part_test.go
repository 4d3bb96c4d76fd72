package checkpoint

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/internal/param"
)

// state is what a range of these tests has, header first.
type state struct {
	header   string
	sections []Section
}

// stateOf returns that of a range at a version.
func stateOf(id param.RangeID, v param.Version) state {
	data := func(n int) []byte {
		b := make([]byte, n)
		var seed [32]byte
		seed[0], seed[1], seed[2] = byte(id), byte(v), byte(n)
		rand.NewChaCha8(seed).Read(b)
		return b
	}
	size := 300
	if id == 1 && v < 10 { // more than a block; few, to be quick
		size = blockSize + 17
	}
	return state{
		header:   fmt.Sprintf("range %d at %d", id, v),
		sections: []Section{{"weights", data(size)}, {"none", []byte{}}, {"squares", data(99)}},
	}
}

const job = param.JobID("3f2a")

// writeParts writes all parts of a version.
func writeParts(s Store, v param.Version, ranges int) ([]Part, error) {
	var parts []Part
	for id := range param.RangeID(ranges) {
		state := stateOf(id, v)
		p, err := WritePart(context.Background(), s, Dir(job, v), id, state.header, state.sections)
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// manifestOf is the manifest of a version.
func manifestOf(v param.Version, parts []Part) *Manifest {
	return &Manifest{Job: job, Name: "a9a", Spec: []byte(`{"name":"<a9a>"}`), PlanHash: "p", DataHash: "d", Version: v, Epoch: 1, Rounds: 100,
		Keys: 124, Created: time.Unix(int64(v), 5).UTC(), Run: "run", Parts: parts, Extra: []byte(`{"best":0.25}`)}
}

// save makes a complete checkpoint.
func save(s Store, v param.Version, ranges int) error {
	parts, err := writeParts(s, v, ranges)
	if err != nil {
		return err
	}
	return Commit(context.Background(), s, Dir(job, v), manifestOf(v, parts))
}

// verify compares all parts of a checkpoint to what was written.
func verify(s Store, e Entry) error {
	for _, p := range e.Manifest.Parts {
		var got state
		sections, err := ReadPart(context.Background(), s, e.Dir, p, &got.header)
		if err != nil {
			return err
		}
		want := stateOf(p.Range, e.Manifest.Version)
		if got.header != want.header || !slices.EqualFunc(sections, want.sections, same) {
			return fmt.Errorf("%s: range %d is not what was written", e.Dir, p.Range)
		}
	}
	return nil
}

func same(a, b Section) bool { return a.Name == b.Name && bytes.Equal(a.Data, b.Data) }

func TestRoundTrip(t *testing.T) {
	s := Folder(filepath.Join(t.TempDir(), "runs", "checkpoints"))
	if found, damaged, err := Complete(t.Context(), s); found != nil || damaged != nil || err != nil {
		t.Fatal(found, damaged, err)
	}
	for _, v := range []param.Version{9, 10, 0} {
		if err := save(s, v, 3); err != nil {
			t.Fatal(err)
		}
	}
	found, damaged, err := Complete(t.Context(), s)
	if err != nil || damaged != nil || len(found) != 3 {
		t.Fatal(found, damaged, err)
	}
	for i, v := range []param.Version{0, 9, 10} {
		want := manifestOf(v, found[i].Manifest.Parts)
		want.Format = Format
		want.Spec = []byte(`{"name":"\u003ca9a\u003e"}`) // the same JSON
		if diff := cmp.Diff(Entry{Dir(job, v), want}, found[i]); diff != "" {
			t.Error(diff)
		}
		if err := verify(s, found[i]); err != nil {
			t.Error(err)
		}
	}
}

// onlyPart writes one part and returns its path.
func onlyPart(t *testing.T, dir string, id param.RangeID, v param.Version) (Part, string) {
	t.Helper()
	state := stateOf(id, v)
	p, err := WritePart(t.Context(), Folder(dir), Dir(job, v), id, state.header, state.sections)
	if err != nil {
		t.Fatal(err)
	}
	return p, filepath.Join(dir, Dir(job, v), p.File)
}

// refused fails the test unless reading the part gives a Corrupt error that names the
// file and what is said.
func refused(t *testing.T, dir string, v param.Version, p Part, say string) {
	t.Helper()
	var header string
	_, err := ReadPart(context.Background(), Folder(dir), Dir(job, v), p, &header)
	if param.KindOf(err) != param.Corrupt || !strings.Contains(err.Error(), p.File) || !strings.Contains(err.Error(), say) {
		t.Errorf("%q: %v", say, err)
	}
}

func TestDamage(t *testing.T) {
	dir := t.TempDir()
	p, path := onlyPart(t, dir, 1, 7)
	sound, err := os.ReadFile(path)
	if err != nil || int64(len(sound)) != p.Bytes {
		t.Fatal(err, len(sound), p)
	}
	put := func(data []byte) {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	start := bytes.IndexByte(sound, '}') // within the head
	sections := len(sound) - 4*sumSize - blockSize - 17 - 99
	for at, say := range map[int]string{
		0: "bytes 0 to 8", 7: "bytes 0 to 8", 8: "header", 12: "header", 15: "a header of", 16: "header", start: "header", sections - 1: "header",
		sections: "section weights", sections + blockSize - 1: "section weights", sections + blockSize: "section weights",
		sections + blockSize + 4: "section weights", sections + blockSize + 4 + 17: "section weights",
		len(sound) - 4 - 4 - 99: "section squares", len(sound) - 5: "section squares", len(sound) - 4: "all", len(sound) - 1: "all",
	} {
		for _, bit := range []byte{1, 0x80} {
			bad := bytes.Clone(sound)
			bad[at] ^= bit
			put(bad)
			refused(t, dir, 7, p, say)
		}
	}
	for _, n := range []int{0, 1, 8, 15, 16, 20, sections, sections + 5, sections + blockSize, sections + blockSize + 4, len(sound) - 4, len(sound) - 1} {
		put(sound[:n])
		refused(t, dir, 7, p, fmt.Sprintf("ends at byte %d of %d", n, len(sound)))
	}
	put(append(bytes.Clone(sound), 0))
	refused(t, dir, 7, p, "goes on behind byte")
	os.Remove(path)
	refused(t, dir, 7, p, "missing")
}

// TestEveryByte flips each byte of a small part.
func TestEveryByte(t *testing.T) {
	m := newMemory()
	p, err := WritePart(t.Context(), m, Dir(job, 1), 0, 3, []Section{{"a", []byte("hello")}, {"b", []byte{0}}})
	if err != nil {
		t.Fatal(err)
	}
	name := Dir(job, 1) + "/" + p.File
	sound := m.files[name]
	for i := range sound {
		for bit := range 8 {
			bad := bytes.Clone(sound)
			bad[i] ^= 1 << bit
			m.files[name] = bad
			var header int
			if _, err := ReadPart(t.Context(), m, Dir(job, 1), p, &header); err == nil || !strings.Contains(err.Error(), p.File) {
				t.Errorf("byte %d, bit %d: %v", i, bit, err)
			}
		}
	}
}

func TestExchangedFiles(t *testing.T) {
	dir := t.TempDir()
	one, onePath := onlyPart(t, dir, 1, 7)
	_, twoPath := onlyPart(t, dir, 2, 7)
	_, olderPath := onlyPart(t, dir, 1, 6)
	for from, say := range map[string]string{twoPath: "holds range 2 of checkpoint 000000000007-3f2a, not range 1", olderPath: "holds range 1 of checkpoint 000000000006-3f2a"} {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(onePath, data, 0o644); err != nil {
			t.Fatal(err)
		}
		refused(t, dir, 7, one, say)
	}
}

// TestOtherContent exchanges the part for one of the same range and version that has
// the same lengths: only the manifest's checksum tells them apart.
func TestOtherContent(t *testing.T) {
	m := newMemory()
	a, err := WritePart(t.Context(), m, Dir(job, 1), 0, 3, []Section{{"a", []byte("hello")}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := WritePart(t.Context(), m, Dir(job, 1), 0, 3, []Section{{"a", []byte("hullo")}})
	if err != nil || a.File == b.File {
		t.Fatal(a, b, err)
	}
	m.files[Dir(job, 1)+"/"+a.File] = m.files[Dir(job, 1)+"/"+b.File]
	var header int
	if _, err := ReadPart(t.Context(), m, Dir(job, 1), a, &header); param.KindOf(err) != param.Corrupt || !strings.Contains(err.Error(), "another state") {
		t.Error(err)
	}
}

func TestOtherFormats(t *testing.T) {
	m := newMemory()
	p, err := WritePart(t.Context(), m, Dir(job, 1), 0, 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	manifest := manifestOf(1, []Part{p})
	if err := Commit(t.Context(), m, Dir(job, 1), manifest); err != nil {
		t.Fatal(err)
	}
	text, err := seal(Format+1, map[string]string{"of": "tomorrow"})
	if err != nil {
		t.Fatal(err)
	}
	m.files[Dir(job, 1)+"/"+manifestFile] = text
	found, damaged, err := Complete(t.Context(), m)
	if err != nil || found != nil || len(damaged) != 1 || param.KindOf(damaged[0]) != param.Invalid ||
		!strings.Contains(damaged[0].Error(), "000000000001-3f2a/manifest.json: written in checkpoint format 2, and this Parley reads format 1") {
		t.Error(found, damaged, err)
	}
}

// TestExchangedBlocks exchanges two blocks of a file together with their checksums.
func TestExchangedBlocks(t *testing.T) {
	m := newMemory()
	data := make([]byte, 2*blockSize)
	data[0] = 1
	p, err := WritePart(t.Context(), m, Dir(job, 1), 0, 3, []Section{{"a", data}})
	if err != nil {
		t.Fatal(err)
	}
	file := m.files[Dir(job, 1)+"/"+p.File]
	blocks := file[len(file)-sumSize-2*(blockSize+sumSize) : len(file)-sumSize]
	copy(blocks, append(bytes.Clone(blocks[blockSize+sumSize:]), blocks[:blockSize+sumSize]...))
	var header int
	if _, err := ReadPart(t.Context(), m, Dir(job, 1), p, &header); param.KindOf(err) != param.Corrupt || !strings.Contains(err.Error(), "another state") {
		t.Error(err)
	}
}
