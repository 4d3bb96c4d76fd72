package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// plugins are the code generators, by import path. They are tools of this
// module's go.mod, which fixes their versions.
var plugins = []string{
	"google.golang.org/protobuf/cmd/protoc-gen-go",
	"google.golang.org/grpc/cmd/protoc-gen-go-grpc",
}

// generate compiles the sources below dir and returns what the plugins make of
// them: text by file name, relative to dir.
func generate(ctx context.Context, dir string, sources []string) (map[string]string, error) {
	request, err := compile(ctx, dir, sources)
	if err != nil {
		return nil, err
	}
	bin, err := os.MkdirTemp("", "protogen-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(bin)
	if err := install(ctx, bin); err != nil {
		return nil, err
	}
	want := map[string]string{}
	for _, plugin := range plugins {
		if err := execute(ctx, filepath.Join(bin, filepath.Base(plugin)), request, want); err != nil {
			return nil, err
		}
	}
	return want, nil
}

// compile returns the request that protoc would send to its plugins.
func compile(ctx context.Context, dir string, sources []string) ([]byte, error) {
	compiler := protocompile.Compiler{
		Resolver:       protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: []string{dir}}),
		SourceInfoMode: protocompile.SourceInfoStandard, // comments become doc comments
	}
	files, err := compiler.Compile(ctx, sources...)
	if err != nil {
		return nil, err
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(&pluginpb.CodeGeneratorRequest{
		FileToGenerate: sources,
		Parameter:      proto.String("paths=source_relative"),
		ProtoFile:      closure(files),
	})
}

// closure returns the descriptors of files and all they import, each one after
// those that it imports, as the plugins want them.
func closure(files linker.Files) []*descriptorpb.FileDescriptorProto {
	var ordered []*descriptorpb.FileDescriptorProto
	seen := map[string]bool{}
	var visit func(protoreflect.FileDescriptor)
	visit = func(file protoreflect.FileDescriptor) {
		if seen[file.Path()] {
			return
		}
		seen[file.Path()] = true
		for i := range file.Imports().Len() {
			visit(file.Imports().Get(i).FileDescriptor)
		}
		ordered = append(ordered, protoutil.ProtoFromFileDescriptor(file))
	}
	for _, file := range files {
		visit(file)
	}
	return ordered
}

// install builds the plugins into bin.
func install(ctx context.Context, bin string) error {
	args := append([]string{"build", "-o", bin + string(filepath.Separator)}, plugins...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build the plugins: %w", err)
	}
	return nil
}

// execute runs one plugin on the request and adds the files it returns to want.
func execute(ctx context.Context, plugin string, request []byte, want map[string]string) error {
	cmd := exec.CommandContext(ctx, plugin)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(request), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(plugin), err)
	}
	var response pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(out, &response); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(plugin), err)
	}
	if response.Error != nil {
		return errors.New(response.GetError())
	}
	for _, file := range response.File {
		want[file.GetName()] = file.GetContent()
	}
	return nil
}
