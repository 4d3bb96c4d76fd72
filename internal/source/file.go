package source

import (
	"context"
	"errors"
	"io"

	"parley/internal/param"
)

// File reads one object. It is safe for concurrent use.
type File struct {
	remote *Remote
	object Object
	at     location
	store  store
	ctx    context.Context // bounds all reads; ended by Close
	cancel context.CancelCauseFunc
}

var errClosed = errors.New("the file is closed")

// Object returns the object that the file reads.
func (f *File) Object() Object { return f.object }

// Close ends all reads that go on. It returns nil.
func (f *File) Close() error {
	f.cancel(errClosed)
	return nil
}

// ReadAt implements [io.ReaderAt] with one request for a range, and more if it
// fails: large reads are far cheaper than many small ones. Errors are Corrupt if
// the object changed or the server breaks the rules, Invalid if it cannot send
// ranges or denies access, Retryable if it could not be reached; an ended context
// gives its cause.
func (f *File) ReadAt(p []byte, off int64) (int, error) {
	switch {
	case off < 0:
		return 0, param.Errorf(param.Invalid, "%s: read at the negative offset %d", f.at.name, off)
	case off >= f.object.Size && len(p) > 0:
		return 0, io.EOF
	case f.object.Sequential:
		return 0, noRanges(f.at.name)
	}
	end := off + min(int64(len(p)), max(f.object.Size-off, 0))
	s := f.section(f.ctx, off, end)
	defer s.drop()
	n, err := io.ReadFull(s, p[:end-off])
	if err == nil {
		err = s.finish()
	}
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

func noRanges(name string) error {
	return param.Errorf(param.Invalid, "%s: the server cannot send parts of a file: it can be read from the beginning alone, so download it and give the file, or use a server that supports ranges", name)
}

// Stream returns a reader of the whole object from its beginning, of which either
// context ends the reads. Errors are those of [File.ReadAt]; servers without
// ranges will do. The caller closes it.
func (f *File) Stream(ctx context.Context) io.ReadCloser {
	ctx, cancel := context.WithCancelCause(ctx)
	unbind := context.AfterFunc(f.ctx, func() { cancel(context.Cause(f.ctx)) })
	s := f.section(ctx, 0, f.object.Size)
	s.skips = true
	return &stream{section: s, end: func() { unbind(); cancel(errClosed) }}
}

// stream is a section that can be closed.
type stream struct {
	*section
	end func()
}

// Close implements [io.Closer]. It returns nil.
func (s *stream) Close() error {
	s.end()
	s.drop()
	return nil
}

// section reads the bytes [pos, end), over as many requests as it takes.
type section struct {
	*File
	ctx      context.Context
	pos, end int64
	skips    bool // reads over what comes before pos, if all comes
	body     io.ReadCloser
	whole    bool  // the body goes on behind end
	failure  error // of the body, to be dealt with at the next read
	attempts attempts
}

func (f *File) section(ctx context.Context, pos, end int64) *section {
	return &section{File: f, ctx: ctx, pos: pos, end: end, attempts: f.remote.attempts(f.at.name)}
}

// Read implements [io.Reader]. It gives [io.EOF] when all bytes were read, never
// before.
func (s *section) Read(p []byte) (int, error) {
	if s.pos == s.end {
		if err := s.finish(); err != nil {
			return 0, err
		}
		return 0, io.EOF
	}
	for len(p) > 0 {
		if s.ctx.Err() != nil {
			return 0, context.Cause(s.ctx)
		}
		n, err := s.try(p[:min(int64(len(p)), s.end-s.pos)])
		if n > 0 {
			s.failure = err
			return n, nil
		}
		if err == nil {
			continue
		}
		s.drop()
		if err := s.attempts.again(s.ctx, err); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// try reads once from the body, which it asks for if there is none.
func (s *section) try(p []byte) (int, error) {
	if err := s.failure; err != nil {
		s.failure = nil
		return 0, err
	}
	if s.body == nil {
		if err := s.request(); err != nil {
			return 0, err
		}
	}
	n, err := s.body.Read(p)
	if n > 0 {
		s.pos += int64(n)
		s.attempts.progress()
	}
	switch {
	case errors.Is(err, io.EOF) && s.pos < s.end:
		err = &passing{err: io.ErrUnexpectedEOF}
	case errors.Is(err, io.EOF):
		err = nil
	case err != nil:
		err = broken(s.at.name, err)
	}
	return n, err
}

// request asks for what is left.
func (s *section) request() error {
	a, err := s.store.get(s.ctx, s.at, s.object.Tag, s.pos, s.end)
	if err != nil {
		return err
	}
	s.body, s.whole = a.body, a.whole
	if err := a.check(s.object, s.at.name, s.pos, s.end); err != nil {
		return err // the caller drops the body
	}
	if !a.whole || s.pos == 0 {
		return nil
	}
	if !s.skips {
		return noRanges(s.at.name)
	}
	if _, err = io.CopyN(io.Discard, s.body, s.pos); err != nil {
		return broken(s.at.name, err)
	}
	return nil
}

// finish makes sure that the server sends no more than it was asked for, and gives
// the connection back.
func (s *section) finish() error {
	if s.body == nil || s.whole && s.end < s.object.Size {
		return nil
	}
	var more [1]byte
	n, _ := s.body.Read(more[:]) // an error is of no account: all bytes are here
	s.drop()
	if n > 0 {
		return param.Errorf(param.Corrupt, "%s: the server sends more bytes than it is asked for: it does not keep to HTTP, so copy the file to another one", s.at.name)
	}
	return nil
}

// drop gives up the body.
func (s *section) drop() {
	if s.body != nil {
		s.body.Close() // nothing is lost
		s.body = nil
	}
}
