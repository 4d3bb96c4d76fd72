package columnar

import (
	"errors"
	"fmt"
	"io"

	"parley/internal/param"
	"parley/internal/table"
)

// input is what a file is read from. It keeps the first error of reading, so
// that a failing disk is not taken for a damaged file.
type input struct {
	r    io.ReaderAt
	size int64
	err  error
}

// ReadAt reads within the size that the file was opened with.
func (in *input) ReadAt(p []byte, at int64) (int, error) {
	if at < 0 || at >= in.size {
		return 0, io.EOF
	}
	short := int64(len(p)) > in.size-at
	if short {
		p = p[:in.size-at]
	}
	n, err := in.r.ReadAt(p, at)
	switch {
	case n == len(p) && short:
		return n, io.EOF
	case n == len(p):
		return n, nil
	case err != nil && !errors.Is(err, io.EOF) && in.err == nil:
		in.err = err
	}
	return n, err
}

// bytes reads exactly n bytes, which must lie within the file.
func (in *input) bytes(at, n int64) ([]byte, error) {
	if at < 0 || n < 0 || at > in.size || n > in.size-at {
		return nil, damage("refers to %d bytes at %d, but the file has %d", n, at, in.size)
	}
	p := make([]byte, n)
	_, err := in.ReadAt(p, at)
	return p, err
}

// damaged is a fault of the file's bytes.
type damaged struct{ reason string }

func (d damaged) Error() string { return d.reason }

func damage(format string, args ...any) error { return damaged{fmt.Sprintf(format, args...)} }

// guard runs a step of reading and makes a message of what goes wrong: errors of
// this package are kept, all others, and panics, come of damaged bytes. The
// libraries index what they read before they check it, so panics are expected.
func (f *File) guard(step func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = damage("%v", p)
		}
		err = f.explain(err)
	}()
	return step()
}

func (f *File) explain(err error) error {
	var known *param.Error
	switch {
	case err == nil || err == io.EOF:
		return err
	case errors.As(err, &known):
		return err
	case f.in.err != nil:
		return fmt.Errorf("%s: %w", f.name, f.in.err)
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return param.Errorf(param.Corrupt, "%s: the file is truncated: copy or download it again", f.name)
	}
	return param.Errorf(param.Corrupt, "%s: the file is damaged: copy or write it again (%w)", f.name, err)
}

// misfit is the error of a value that its kind cannot hold. Rows are counted
// from 1 in messages.
func (f *File) misfit(field Field, row int64, reason string) error {
	return param.Errorf(param.Invalid, "%s: row %d: column %s: the %s value %s", f.name, row+1, table.Quote(field.Name), field.Type, reason)
}

// invalid is the error of a row of a sparse file.
func (f *File) invalid(row int64, format string, args ...any) error {
	return param.Errorf(param.Invalid, "%s: row %d: %s", f.name, row+1, fmt.Sprintf(format, args...))
}

// unexpected is err, where the end must not come.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
