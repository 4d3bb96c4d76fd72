package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"parley/internal/artifact"
	"parley/internal/node"
	"parley/internal/source"
)

// results is where a job's results go: a folder, or a prefix of S3, for which they
// are collected in a temporary folder first.
type results struct {
	dir    string // local
	url    string // empty for a folder
	remote *source.Remote
}

// newResults refuses before training a place that cannot take the results.
func newResults(ctx context.Context, output string, force bool) (*results, error) {
	if !strings.Contains(output, "://") {
		return &results{dir: output}, artifact.CheckOutput(output, force)
	}
	r := &results{url: strings.TrimRight(output, "/"), remote: source.New(source.Options{})}
	if err := r.probe(ctx, force); err != nil {
		r.remote.Close()
		return nil, exit(exitUsage, fmt.Errorf("output: %w", err))
	}
	var err error
	if r.dir, err = os.MkdirTemp("", "parley-output-"); err != nil {
		return nil, err
	}
	return r, nil
}

// probe looks for a model and writes an object, which it removes.
func (r *results) probe(ctx context.Context, force bool) error {
	model := r.object(artifact.ModelDir + "/" + artifact.ModelFile)
	there, err := r.remote.Exists(ctx, model)
	if err != nil {
		return err
	}
	if there && !force {
		return fmt.Errorf("%s already holds a finished model: choose another output, or replace it with --force", r.url)
	}
	probe := r.object(".parley-probe")
	if err := r.remote.Put(ctx, probe, strings.NewReader("may be removed\n"), -1); err != nil {
		return err
	}
	return r.remote.Delete(ctx, probe)
}

func (r *results) object(name string) string { return r.url + "/" + name }

// publish copies what was collected to the URL, model.json last, so that a reader
// who finds it finds all. A folder has everything already.
func (r *results) publish(ctx context.Context) error {
	if r.url == "" {
		return nil
	}
	last := artifact.ModelDir + "/" + artifact.ModelFile
	names, err := filesBelow(r.dir)
	if err != nil {
		return err
	}
	if err := r.remote.Delete(ctx, r.object(last)); err != nil { // of the model that is replaced
		return err
	}
	for _, name := range append(names, last) {
		if err := r.upload(ctx, name); err != nil {
			return fmt.Errorf("output: %w", err)
		}
	}
	return nil
}

// filesBelow returns the files of a folder but model.json, with slashes.
func filesBelow(dir string) (names []string, err error) {
	err = filepath.WalkDir(dir, func(file string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, file)
		if name = filepath.ToSlash(name); name != artifact.ModelDir+"/"+artifact.ModelFile {
			names = append(names, name)
		}
		return err
	})
	return names, err
}

func (r *results) upload(ctx context.Context, name string) error {
	f, err := os.Open(filepath.Join(r.dir, filepath.FromSlash(name)))
	if err != nil {
		return err
	}
	defer f.Close() // read only
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return r.remote.Put(ctx, r.object(name), f, info.Size())
}

// close removes what was collected.
func (r *results) close() {
	if r.url != "" {
		os.RemoveAll(r.dir)
		r.remote.Close()
	}
}

// localModel returns the folder of a model, and copies one of a URL to a temporary
// folder, which end removes.
func localModel(ctx context.Context, name string) (dir string, end func(), err error) {
	remote := node.NewRemote(nil)
	defer remote.Close()
	return remote.Model(ctx, name, "")
}

// openModel opens the model that localModel finds; done ends its use.
func openModel(ctx context.Context, path string) (m *artifact.Model, done func(), err error) {
	dir, done, err := localModel(ctx, path)
	if err != nil {
		return nil, nil, err
	}
	if m, err = artifact.Open(dir); err != nil {
		done()
		return nil, nil, err
	}
	return m, done, nil
}

// printJSON writes what a command has to tell as JSON, indented.
func printJSON(out io.Writer, value any) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(value)
}
