package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Fused instructions round once where the portable kernels round twice.
func TestNothingIsFused(t *testing.T) {
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		for _, fused := range []string{"VFMADD", "VFMSUB", "VFNMADD", "VFNMSUB", "VRCPPS", "VRSQRTPS"} {
			if bytes.Contains(f.text, []byte(fused)) {
				t.Errorf("%s has %s", f.name, fused)
			}
		}
	}
}

func TestCheck(t *testing.T) {
	root := t.TempDir()
	for _, p := range places {
		if err := os.MkdirAll(filepath.Join(root, p.folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := run(root, true); err == nil {
		t.Error("missing files pass")
	}
	if err := run(root, false); err != nil {
		t.Fatal(err)
	}
	if err := run(root, true); err != nil {
		t.Errorf("after writing: %v", err)
	}
	if err := os.WriteFile(filepath.Join(root, places[0].folder, "kernels_amd64.s"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run(root, true); err == nil || !strings.Contains(err.Error(), "kernels_amd64.s is not") || strings.Contains(err.Error(), "amd64.go") {
		t.Errorf("after an edit: %v", err)
	}
}
