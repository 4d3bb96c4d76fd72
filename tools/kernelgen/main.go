// Command kernelgen writes the AVX2 and AVX-512 kernels of internal/linalg and
// internal/linalg/gemm with avo, whose version this module's go.mod fixes: assembly,
// and the Go declarations of it.
//
//	kernelgen -root .. [-check]
//
// With -check nothing is written; files that differ from what would be are
// named and the exit code is 1. scripts/generate.sh calls it.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

// A place is a package with kernels.
type place struct {
	folder, name string
	write        []func(*build.Context)
}

// places are the packages, by their folders below the root.
var places = []place{
	{"internal/linalg", "linalg", []func(*build.Context){updates, combinations, vectors, halves, panels, sparseRows, factors, doubles}},
	{"internal/linalg/gemm", "gemm", []func(*build.Context){products}},
}

func main() {
	root := flag.String("root", "..", "the root of the repository")
	check := flag.Bool("check", false, "write nothing; fail when a generated file is not current")
	flag.Parse()
	if err := run(*root, *check); err != nil {
		fmt.Fprintln(os.Stderr, "kernelgen:", err)
		os.Exit(1)
	}
}

func run(root string, check bool) error {
	files, err := generate()
	if err != nil {
		return err
	}
	var faults []error
	for _, f := range files {
		if check {
			faults = append(faults, compare(root, f))
			continue
		}
		if err := os.WriteFile(filepath.Join(root, f.name), f.text, 0o644); err != nil {
			return err
		}
		fmt.Println(f.name)
	}
	return errors.Join(faults...)
}

func compare(root string, f file) error {
	got, err := os.ReadFile(filepath.Join(root, f.name))
	if err != nil {
		return err
	}
	if !bytes.Equal(got, f.text) {
		return fmt.Errorf("%s is not what tools/kernelgen gives: run scripts/generate.sh and commit the result", f.name)
	}
	return nil
}

// A file is generated text; its name is below the root.
type file struct {
	name string
	text []byte
}

// generate returns the assembly and its declarations of all places.
func generate() (files []file, err error) {
	for _, p := range places {
		of, err := p.generate()
		if err != nil {
			return nil, err
		}
		files = append(files, of...)
	}
	return files, nil
}

func (p place) generate() ([]file, error) {
	c := build.NewContext()
	for _, write := range p.write {
		write(c)
	}
	f, err := c.Result()
	if err != nil {
		return nil, err
	}
	if err := pass.Compile.Execute(f); err != nil {
		return nil, err
	}
	config := printer.Config{Argv: []string{"scripts/generate.sh"}, Pkg: p.name}
	assembly, err := printer.NewGoAsm(config).Print(f)
	if err != nil {
		return nil, err
	}
	stubs, err := printer.NewStubs(config).Print(f)
	return []file{{p.folder + "/kernels_amd64.s", assembly}, {p.folder + "/kernels_amd64.go", stubs}}, err
}
