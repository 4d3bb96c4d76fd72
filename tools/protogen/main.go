// Command protogen writes the Go code of the wire format: it compiles every
// .proto file below <root>/proto and hands it to protoc-gen-go and
// protoc-gen-go-grpc, whose versions this module's go.mod fixes. So generating
// needs Go alone, no protoc, and gives the same bytes on every machine.
//
//	protogen -root .. [-check]
//
// With -check nothing is written; files that differ from what would be are
// named and the exit code is 1. scripts/generate.sh calls it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	root := flag.String("root", "..", "the root of the repository")
	check := flag.Bool("check", false, "write nothing; fail when a generated file is not current")
	flag.Parse()
	if err := run(context.Background(), *root, *check); err != nil {
		fmt.Fprintln(os.Stderr, "protogen:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root string, check bool) error {
	dir := filepath.Join(root, "proto")
	sources, err := find(dir, ".proto")
	if err != nil {
		return err
	}
	if len(sources) == 0 {
		return fmt.Errorf("no .proto file below %s", dir)
	}
	want, err := generate(ctx, dir, sources)
	if err != nil {
		return err
	}
	have, err := find(dir, ".pb.go")
	if err != nil {
		return err
	}
	if check {
		return compare(dir, have, want)
	}
	return write(dir, have, want)
}
