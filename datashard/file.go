package datashard

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"parley/internal/param"
)

// file gives random access to the decompressed bytes of one file, which are
// either in mem or in disk.
type file struct {
	path string
	size int64 // decompressed
	mem  []byte
	disk *os.File
}

func (f *file) close() error {
	if f.disk == nil {
		return nil
	}
	return f.disk.Close()
}

// view returns the bytes [from, to), from memory without a copy or read into
// *buf, which grows as needed. They are valid until *buf is used again and may
// not be written to.
func (f *file) view(buf *[]byte, from, to int64) ([]byte, error) {
	if f.disk == nil {
		return f.mem[from:to:to], nil
	}
	if int64(cap(*buf)) < to-from { // slices.Grow would copy what is dead
		*buf = make([]byte, to-from)
	}
	*buf = (*buf)[:to-from]
	n, err := f.disk.ReadAt(*buf, from)
	if n == len(*buf) {
		return *buf, nil
	}
	if errors.Is(err, io.EOF) {
		return nil, param.Errorf(param.Corrupt, "%s: became shorter since it was opened", f.path)
	}
	return nil, openError(f.path, err)
}

// lookahead is read beyond a chunk to find the end of its last line.
const lookahead = 64 << 10

var byteOrderMark = []byte("\xEF\xBB\xBF")

// lines is a run of whole lines of a file. Its text is that of the file from
// offset on, with a newline added when the file's last line has none.
type lines struct {
	text    []byte
	offset  int64
	tooLong bool // the line that follows the text is longer than allowed
}

// read sets l to the lines that begin in [lo, hi), lo < hi, up to the first that
// is longer than longest. A byte order mark at
// the start of the file is not part of any line. Chunks that follow each other
// therefore hold every line once, wherever they are cut.
func (l *lines) read(f *file, buf *[]byte, lo, hi, longest int64) error {
	from := max(lo-1, 0) // a line begins at lo if a newline is before it
	hi = min(hi, f.size)
	for to := min(hi+lookahead, f.size); ; to = min(2*to-from, f.size) {
		view, err := f.view(buf, from, to)
		if err != nil {
			return err
		}
		start := 0
		if lo > 0 {
			if start = bytes.IndexByte(view[:hi-from-1], '\n') + 1; start == 0 {
				*l = lines{offset: lo} // no line begins here
				return nil
			}
		} else if bytes.HasPrefix(view, byteOrderMark) {
			start = len(byteOrderMark)
		}
		l.offset = from + int64(start)
		end := bytes.IndexByte(view[hi-from-1:], '\n') + int(hi-from)
		if end < int(hi-from) && to < f.size && to-hi <= longest {
			continue // the last line goes on
		}
		if end < int(hi-from) {
			end = len(view)
		}
		l.cut(view[start:max(start, end)], longest)
		return nil
	}
}

// cut takes the text, but for a last line that is too long.
func (l *lines) cut(text []byte, longest int64) {
	body := bytes.TrimSuffix(text, []byte{'\n'})
	last := bytes.LastIndexByte(body, '\n') + 1
	if l.tooLong = int64(len(body)-last) > longest; l.tooLong {
		l.text = text[:last]
		return
	}
	l.text = endLine(text)
}

// endLine returns text with a newline at its end.
func endLine(text []byte) []byte {
	if len(text) > 0 && text[len(text)-1] != '\n' {
		return append(slices.Clip(text), '\n')
	}
	return text
}

// openFiles opens the files, decompressing several at a time. If some fail, the
// error is that of the first of them in order.
func openFiles(ctx context.Context, paths []string, options Options) ([]*file, error) {
	files := make([]*file, len(paths))
	memory := newBudget(options.MemoryLimit)
	err := inParallel(ctx, len(paths), func(ctx context.Context, i int) (err error) {
		files[i], err = openFile(ctx, paths[i], options.TempDir, memory)
		return err
	})
	if err != nil {
		return nil, errors.Join(err, closeFiles(files))
	}
	return files, nil
}

func openFile(ctx context.Context, path, tempDir string, memory *budget) (*file, error) {
	codec, err := codecOf(path)
	if err != nil {
		return nil, err
	}
	disk, err := os.Open(path)
	if err != nil {
		return nil, openError(path, err)
	}
	if codec == nil {
		info, err := disk.Stat()
		if err != nil {
			disk.Close()
			return nil, openError(path, err)
		}
		return &file{path: path, size: info.Size(), disk: disk}, nil
	}
	defer disk.Close() // read only: nothing is lost
	return decompress(ctx, codec, disk, &spool{path: path, tempDir: tempDir, memory: memory})
}

// inParallel calls do for 0..n-1 over the cores and returns the error of the
// smallest i that failed: a failure cancels those behind it alone.
func inParallel(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	contexts, cancels := make([]context.Context, n), make([]context.CancelFunc, n)
	for i := range n {
		contexts[i], cancels[i] = context.WithCancel(ctx)
		defer cancels[i]()
	}
	errs := make([]error, n)
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		g.Go(func() error {
			if errs[i] = contexts[i].Err(); errs[i] == nil {
				errs[i] = do(contexts[i], i)
			}
			if errs[i] != nil {
				for _, cancel := range cancels[i+1:] {
					cancel()
				}
			}
			return nil
		})
	}
	_ = g.Wait() // errs has them
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// base returns a file's name without its directory, which may differ by node.
func base(path string) string { return filepath.Base(path) }
