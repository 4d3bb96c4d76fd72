package datashard

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/internal/param"
)

// damage is an input that cannot be used, or one that looks like it and can.
type damage struct {
	files  []string // names and contents in turn
	path   string   // of the data; empty is that of the first file
	source Source   // the rest of it; Labels and Vocab are names too
	want   string   // message with the directory taken out; empty is none
	kind   param.Kind
}

// fails checks what reading all of a source says.
func (c *damage) check(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(c.files); i += 2 {
		path := filepath.Join(dir, c.files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(c.files[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	source := c.source
	for _, p := range []struct {
		to   *string
		name string
	}{{&source.Path, c.at()}, {&source.Labels, source.Labels}, {&source.Vocab, source.Vocab}} {
		if p.name != "" {
			*p.to = filepath.Join(dir, p.name)
		}
	}
	err := readAll(t, source)
	got := ""
	if err != nil {
		got = strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), "")
	}
	if got != c.want {
		t.Errorf("\n got %s\nwant %s", got, c.want)
	}
	if kind := param.KindOf(err); err != nil && kind != max(c.kind, param.Invalid) {
		t.Errorf("%s: kind %v", got, kind)
	}
}

func (c *damage) at() string {
	if c.path == "" {
		return c.files[0]
	}
	return c.path
}

// readAll opens, profiles and loads a source.
func readAll(t *testing.T, source Source) error {
	d, err := Open(t.Context(), source, Options{})
	if err != nil {
		return err
	}
	defer d.Close()
	m, err := d.Profile(t.Context())
	if err != nil {
		return err
	}
	for _, s := range m.Shards {
		if _, err := d.Load(t.Context(), s.ID); err != nil {
			return err
		}
	}
	return nil
}

func TestDamaged(t *testing.T) {
	for name, cases := range map[string][]damage{"rows": damagedRows, "files": damagedFiles} {
		for i := range cases {
			t.Run(name, cases[i].check)
		}
	}
}
