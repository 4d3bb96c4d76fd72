package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWriteAndCompare(t *testing.T) {
	dir := t.TempDir()
	want := map[string]string{"a.pb.go": "a", "b.pb.go": "b"}
	if err := os.WriteFile(filepath.Join(dir, "gone.pb.go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	check := func() error {
		have, err := find(dir, ".pb.go")
		if err != nil {
			t.Fatal(err)
		}
		return compare(dir, have, want)
	}
	err := check()
	for _, text := range []string{"a.pb.go", "b.pb.go", "gone.pb.go has no .proto", "scripts/generate.sh"} {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%v lacks %q", err, text)
		}
	}
	have, err := find(dir, ".pb.go")
	if err == nil {
		err = write(dir, have, want)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := check(); err != nil {
		t.Errorf("after write: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "b.pb.go"), []byte("edited"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := check(); err == nil || strings.Contains(err.Error(), "a.pb.go") || !strings.Contains(err.Error(), "b.pb.go is not") {
		t.Errorf("after an edit: %v", err)
	}
}
