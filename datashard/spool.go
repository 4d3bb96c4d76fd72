package datashard

import (
	"fmt"
	"math"
	"os"
	"sync/atomic"

	"parley/internal/param"
)

// budget is a number of bytes that several spools share.
type budget struct{ left atomic.Int64 }

func newBudget(n int64) *budget {
	b := new(budget)
	b.left.Store(n)
	return b
}

// take takes n bytes, or none and returns false.
func (b *budget) take(n int64) bool {
	if b.left.Add(-n) >= 0 {
		return true
	}
	b.left.Add(n)
	return false
}

// spool collects decompressed bytes, in memory as long as the budget lasts and
// then in a temporary file without a name. What it counts of memory is capacity.
type spool struct {
	path    string // of the compressed file
	tempDir string
	memory  *budget
	limit   int64 // of size

	size int64
	full bool // beyond the limit
	mem  []byte
	disk *os.File
}

// spoolError blames the temporary file, not the data.
type spoolError struct {
	path string
	err  error
}

func (e *spoolError) Error() string {
	return fmt.Sprintf("%s: decompress into a temporary file: %v", e.path, e.err)
}
func (e *spoolError) Unwrap() error { return e.err }

// bombRatio is how many times its size a file may become when it is unpacked, beside
// sizes.bomb: gzip does not do more, and a bomb shall not fill the disk.
const bombRatio = 1024

// newSpool returns the spool of a file of so many bytes, negative if that is not
// known.
func (d *Dataset) newSpool(path string, size int64, memory *budget) *spool {
	s := &spool{path: path, tempDir: d.options.TempDir, memory: memory, limit: math.MaxInt64}
	if size >= 0 && size < math.MaxInt64/(2*bombRatio) {
		s.limit = d.sizes.bomb + bombRatio*size
	}
	return s
}

// bomb is the error of a file that becomes too much.
func (s *spool) bomb() error {
	return param.Errorf(param.Invalid, "%s: becomes more than %d bytes when it is unpacked, which no data of its size does: copy or write it again, or unpack it yourself", s.path, s.limit)
}

// Write implements io.Writer.
func (s *spool) Write(p []byte) (int, error) {
	if s.full = s.full || s.size+int64(len(p)) > s.limit; s.full {
		return 0, s.bomb()
	}
	if s.disk == nil && !s.reserve(len(p)) {
		if err := s.toDisk(); err != nil {
			return 0, &spoolError{path: s.path, err: err}
		}
	}
	s.size += int64(len(p))
	if s.disk == nil {
		s.mem = append(s.mem, p...)
		return len(p), nil
	}
	n, err := s.disk.Write(p)
	if err != nil {
		err = &spoolError{path: s.path, err: err}
	}
	return n, err
}

// reserve makes room for n more bytes in memory, doubling the capacity, if the
// budget allows it.
func (s *spool) reserve(n int) bool {
	if len(s.mem)+n <= cap(s.mem) {
		return true
	}
	more := max(cap(s.mem), n)
	if !s.memory.take(int64(more)) {
		return false
	}
	grown := make([]byte, len(s.mem), cap(s.mem)+more)
	copy(grown, s.mem)
	s.mem = grown
	return true
}

// toDisk moves the bytes to a temporary file and returns the memory.
func (s *spool) toDisk() error {
	disk, err := os.CreateTemp(s.tempDir, "parley-spool-*")
	if err != nil {
		return err
	}
	s.disk = disk
	if err := os.Remove(disk.Name()); err != nil {
		return err
	}
	if _, err := disk.Write(s.mem); err != nil {
		return err
	}
	s.memory.left.Add(int64(cap(s.mem)))
	s.mem = nil
	return nil
}

// finish hands over the bytes.
func (s *spool) finish() *file {
	f := &file{path: s.path, size: s.size, mem: s.mem}
	if s.disk != nil {
		f.at, f.end = s.disk, s.disk
	}
	return f
}

// discard releases what was collected.
func (s *spool) discard() {
	s.memory.left.Add(int64(cap(s.mem)))
	s.mem = nil
	if s.disk != nil {
		_ = s.disk.Close() // unlinked already: nothing to save
	}
}
