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

// file gives random access to the text of one file, which is either in mem or
// behind at.
type file struct {
	path string // or URL, as messages name it
	size int64  // of the text
	mem  []byte
	at   io.ReaderAt
	end  io.Closer // nil where nothing is to be closed

	begin     int64    // of the first row's line: behind a byte order mark and a header
	header    int64    // lines before begin
	headerCRC uint32   // CRC32C of them
	order     []int    // the file's cell of each of the dataset's columns; nil: the same
	unpacked  unpacked // what it was before it was text
	keys      []string // values of its key=value folders, by the dataset's keys
	// cuts are where the chunks of a file with quotes begin, and the end of the last
	// one; nil where any newline ends a row.
	cuts []int64
}

func (f *file) close() error {
	if f.end == nil {
		return nil
	}
	return f.end.Close()
}

// view returns the bytes [from, to), from memory without a copy or read into
// *buf, which grows as needed. They are valid until *buf is used again and may
// not be written to.
func (f *file) view(buf *[]byte, from, to int64) ([]byte, error) {
	if f.at == nil {
		return f.mem[from:to:to], nil
	}
	if int64(cap(*buf)) < to-from { // slices.Grow would copy what is dead
		*buf = make([]byte, to-from)
	}
	*buf = (*buf)[:to-from]
	n, err := f.at.ReadAt(*buf, from)
	if n == len(*buf) {
		return *buf, nil
	}
	if errors.Is(err, io.EOF) {
		return nil, param.Errorf(param.Corrupt, "%s: became shorter since it was opened: let it be while a job reads it, and start the job again", f.path)
	}
	if kind := param.KindOf(err); kind == param.Corrupt || kind == param.Invalid { // a remote object says more
		return nil, err
	}
	return nil, openError(f.path, err)
}

// lookahead is read beyond a chunk to find the end of its last row.
const lookahead = 64 << 10

var byteOrderMark = []byte("\xEF\xBB\xBF")

// lines is a run of whole lines of a file. Its text is that of the file from
// offset on, with a newline added when the file's last line has none.
type lines struct {
	text    []byte
	offset  int64
	tooLong bool // the row that follows the text is longer than allowed
}

// read sets l to the rows that begin in [lo, hi), lo < hi, with the lines between
// them, up to the first that is longer than longest. Chunks that follow each other
// therefore hold every row once, wherever they are cut.
func (l *lines) read(f *file, buf *[]byte, lo, hi, longest int64) error {
	if f.cuts != nil {
		return l.whole(f, buf, lo, hi, longest)
	}
	from := lo
	if lo > f.begin { // a row begins at lo if a newline is before it
		from = lo - 1
	}
	hi = min(hi, f.size)
	for to := min(hi+lookahead, f.size); ; to = min(2*to-from, f.size) {
		view, err := f.view(buf, from, to)
		if err != nil {
			return err
		}
		last, start := hi-from-1, 0 // a row that ends at last or later is the last one
		if lo > f.begin {
			if start = bytes.IndexByte(view[:last], '\n') + 1; start == 0 {
				*l = lines{offset: lo} // no row begins here
				return nil
			}
		}
		l.offset = from + int64(start)
		end := int(last) + bytes.IndexByte(view[last:], '\n') + 1
		if end == int(last) && to < f.size && to-hi <= longest {
			continue // the last row goes on
		}
		if end == int(last) {
			end = len(view)
		}
		l.cut(view[start:max(start, end)], longest)
		return nil
	}
}

// whole sets l to the bytes from lo to hi, which are whole rows.
func (l *lines) whole(f *file, buf *[]byte, lo, hi, longest int64) error {
	*l = lines{offset: lo}
	if l.tooLong = hi-lo > longest; l.tooLong {
		return nil
	}
	view, err := f.view(buf, lo, hi)
	l.text = endLine(view)
	return err
}

// cut takes the text, but for a last row that is too long. The others are not: a
// chunk is no longer than a row may be.
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
func (d *Dataset) openFiles(ctx context.Context, found []place) ([]*file, error) {
	files := make([]*file, len(found))
	memory := newBudget(d.options.MemoryLimit)
	err := inParallel(ctx, len(found), func(ctx context.Context, i int) (err error) {
		files[i], err = d.openFile(ctx, found[i], memory)
		return err
	})
	if err != nil {
		return nil, errors.Join(err, closeFiles(files))
	}
	for i, p := range found {
		files[i].keys = p.values
	}
	return files, nil
}

// openFile opens a file, and makes text of it if it is none yet.
func (d *Dataset) openFile(ctx context.Context, p place, memory *budget) (*file, error) {
	f, err := d.openPlain(ctx, p, memory)
	if err != nil || d.format.unpack == nil {
		return f, err
	}
	defer f.close() // read only: nothing is lost
	return d.unpack(ctx, f, memory)
}

// openPlain opens a file and decompresses it if its suffix says so.
func (d *Dataset) openPlain(ctx context.Context, p place, memory *budget) (*file, error) {
	codec, err := codecOf(p.path)
	if err != nil {
		return nil, err
	}
	f := &file{path: p.path}
	if p.object != nil {
		f.size, f.at, f.end = p.object.Size(), p.object, p.object
	} else if err := f.openLocal(); err != nil {
		return nil, err
	}
	sequential := p.object != nil && p.object.Sequential()
	if codec == nil && !sequential {
		return f, nil
	}
	defer f.close() // read only: nothing is lost
	if codec == nil {
		codec = plainCopy
	}
	var compressed io.Reader = io.NewSectionReader(f.at, 0, f.size)
	size := f.size
	if sequential {
		size = -1 // not known
	}
	if p.object != nil {
		stream := p.object.Stream(ctx)
		defer stream.Close()
		compressed = stream
	}
	return decompress(ctx, codec, compressed, d.newSpool(p.path, size, memory))
}

func (f *file) openLocal() error {
	disk, err := os.Open(f.path)
	if err != nil {
		return openError(f.path, err)
	}
	info, err := disk.Stat()
	if err != nil {
		disk.Close()
		return openError(f.path, err)
	}
	f.size, f.at, f.end = info.Size(), disk, disk
	return nil
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
