package npz

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
)

// bufferSize is between files and the loops over elements.
const bufferSize = 64 << 10

// spool keeps the elements of an array in a temporary file. Its first error
// stands; after it nothing more is written.
type spool struct {
	file *os.File
	out  *bufio.Writer
	size int64
	err  error
}

func newSpool(dir string) (*spool, error) {
	file, err := os.CreateTemp(dir, "npz-*.tmp")
	if err != nil {
		return nil, err
	}
	return &spool{file: file, out: bufio.NewWriterSize(file, bufferSize)}, nil
}

func (s *spool) write(b []byte) {
	if s.err == nil {
		_, s.err = s.out.Write(b)
		s.size += int64(len(b))
	}
}

func (s *spool) uint32(v uint32) {
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], v)
	s.write(b[:])
}

func (s *spool) uint64(v uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], v)
	s.write(b[:])
}

func (s *spool) floats(values []float32) {
	for _, v := range values {
		s.uint32(math.Float32bits(v))
	}
}

// rewind makes what was written readable from its start.
func (s *spool) rewind() error {
	if err := s.out.Flush(); err != nil {
		return err
	}
	_, err := s.file.Seek(0, io.SeekStart)
	return err
}

// copy writes all that was written to w.
func (s *spool) copy(w io.Writer) error {
	if err := s.rewind(); err != nil {
		return err
	}
	_, err := io.Copy(w, s.file)
	return err
}

// copyInts writes the integers of size bytes each to w, as 8 bytes if wide, else
// as 4.
func (s *spool) copyInts(w io.Writer, size int, wide bool) error {
	if (size == 8) == wide {
		return s.copy(w)
	}
	if err := s.rewind(); err != nil {
		return err
	}
	in := bufio.NewReaderSize(s.file, bufferSize)
	var b [8]byte
	for range s.size / int64(size) {
		if _, err := io.ReadFull(in, b[:size]); err != nil {
			return err
		}
		written := b[:4]
		if wide {
			written = b[:]
		}
		if _, err := w.Write(written); err != nil {
			return err
		}
	}
	return nil
}

func (s *spool) remove() error {
	return errors.Join(s.file.Close(), os.Remove(s.file.Name()))
}
