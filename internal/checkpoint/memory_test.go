package checkpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// memory is a store for tests: it does what a Store may, and no more.
type memory struct {
	files  map[string][]byte
	before func(operation, name string) error // its error is that of the operation
	after  func()
}

func newMemory() *memory { return &memory{files: map[string][]byte{}} }

// do makes an operation fail if the test wants it to.
func (m *memory) do(ctx context.Context, operation, name string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if m.before == nil {
		return nil
	}
	return m.before(operation, name)
}

func (m *memory) done() {
	if m.after != nil {
		m.after()
	}
}

func (m *memory) Write(ctx context.Context, name string, write func(io.Writer) error) error {
	if err := m.do(ctx, "create", name); err != nil {
		return err
	}
	w := &memoryFile{m: m, ctx: ctx, name: name}
	if err := write(w); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := m.do(ctx, "sync", name); err != nil {
		return err
	}
	m.files[name] = w.Bytes()
	m.done()
	return m.do(ctx, "sync folder", name)
}

// memoryFile is a file of memory that is written.
type memoryFile struct {
	bytes.Buffer
	m    *memory
	ctx  context.Context
	name string
}

var errShort = errors.New("a short write without an error")

func (f *memoryFile) Write(p []byte) (int, error) {
	err := f.m.do(f.ctx, "write", f.name)
	if errors.Is(err, errShort) {
		return f.Buffer.Write(p[:len(p)/2])
	}
	if err != nil {
		return 0, err
	}
	f.m.done()
	return f.Buffer.Write(p)
}

func (m *memory) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := m.do(ctx, "open", name); err != nil {
		return nil, err
	}
	data, ok := m.files[name]
	if !ok {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return io.NopCloser(&memoryReader{m, ctx, name, bytes.NewReader(data)}), nil
}

type memoryReader struct {
	m    *memory
	ctx  context.Context
	name string
	data *bytes.Reader
}

func (r *memoryReader) Read(p []byte) (int, error) {
	if err := r.m.do(r.ctx, "read", r.name); err != nil {
		return 0, err
	}
	return r.data.Read(p)
}

func (m *memory) List(ctx context.Context, prefix string) ([]string, error) {
	if err := m.do(ctx, "list", prefix); err != nil {
		return nil, err
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(m.files)) {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names, nil
}

func (m *memory) Remove(ctx context.Context, name string) error {
	if err := m.do(ctx, "remove", name); err != nil {
		return err
	}
	delete(m.files, name)
	m.done()
	return nil
}
