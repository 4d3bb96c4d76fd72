// Command kernelgen writes the AVX2 kernels of internal/linalg with avo, whose
// version this module's go.mod fixes: assembly, and the Go declarations of it.
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

// place is where the kernels are, below the root.
const place = "internal/linalg"

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
		path := filepath.Join(root, place, f.name)
		if check {
			faults = append(faults, compare(path, f.text))
			continue
		}
		if err := os.WriteFile(path, f.text, 0o644); err != nil {
			return err
		}
		fmt.Println(place + "/" + f.name)
	}
	return errors.Join(faults...)
}

func compare(path string, want []byte) error {
	got, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%s/%s is not what tools/kernelgen gives: run scripts/generate.sh and commit the result", place, filepath.Base(path))
	}
	return nil
}

// A file is generated text.
type file struct {
	name string
	text []byte
}

// generate returns the assembly and its declarations.
func generate() ([]file, error) {
	c := build.NewContext()
	updates(c)
	combinations(c)
	vectors(c)
	halves(c)
	panels(c)
	sparseRows(c)
	factors(c)
	doubles(c)
	f, err := c.Result()
	if err != nil {
		return nil, err
	}
	if err := pass.Compile.Execute(f); err != nil {
		return nil, err
	}
	config := printer.Config{Argv: []string{"scripts/generate.sh"}, Pkg: "linalg"}
	assembly, err := printer.NewGoAsm(config).Print(f)
	if err != nil {
		return nil, err
	}
	stubs, err := printer.NewStubs(config).Print(f)
	return []file{{"kernels_amd64.s", assembly}, {"kernels_amd64.go", stubs}}, err
}
