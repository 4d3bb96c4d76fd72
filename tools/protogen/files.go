package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// find returns the files below dir with the given suffix: slash-separated,
// relative to dir, in order.
func find(dir, suffix string) ([]string, error) {
	var found []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, suffix) {
			found = append(found, path)
		}
		return err
	})
	return found, err
}

// compare reports every file of want that dir does not hold as it should be,
// and every generated file whose source is gone.
func compare(dir string, have []string, want map[string]string) error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(want)) {
		got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		switch {
		case err != nil:
			faults = append(faults, err)
		case !bytes.Equal(got, []byte(want[name])):
			faults = append(faults, fmt.Errorf("proto/%s is not what its .proto file gives", name))
		}
	}
	for _, name := range stale(have, want) {
		faults = append(faults, fmt.Errorf("proto/%s has no .proto file any more", name))
	}
	if len(faults) > 0 {
		faults = append(faults, errors.New("run scripts/generate.sh and commit the result"))
	}
	return errors.Join(faults...)
}

// write puts the files of want below dir and removes generated files whose
// source is gone.
func write(dir string, have []string, want map[string]string) error {
	for _, name := range stale(have, want) {
		if err := os.Remove(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.WriteFile(path, []byte(want[name]), 0o644); err != nil {
			return err
		}
		fmt.Println("proto/" + name)
	}
	return nil
}

func stale(have []string, want map[string]string) []string {
	return slices.DeleteFunc(slices.Clone(have), func(name string) bool {
		_, ok := want[name]
		return ok
	})
}
