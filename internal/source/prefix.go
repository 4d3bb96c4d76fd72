package source

import (
	"context"
	"io"
	"io/fs"
	"strings"

	"parley/internal/param"
)

// Prefix reads and writes objects below an s3:// prefix by their names there, as
// internal/checkpoint wants it of a place. It is safe for concurrent use.
type Prefix struct {
	remote *Remote
	store  *s3
	at     location // its key is empty or ends with /
}

// Prefix returns what lies below an s3:// URL, which may end with / or not. It makes
// no request. Errors are Invalid: the URL is malformed, not of S3, or the credentials
// are.
func (r *Remote) Prefix(url string) (*Prefix, error) {
	at, store, err := r.open(url)
	if err != nil {
		return nil, err
	}
	s, ok := store.(*s3)
	if !ok {
		return nil, param.Errorf(param.Invalid, "%s: cannot write to http and https: use a folder or s3://bucket/prefix", at.name)
	}
	if at.key != "" && !strings.HasSuffix(at.key, "/") {
		at = at.with(at.key + "/")
	}
	return &Prefix{remote: r, store: s, at: at}, nil
}

// String returns the URL, without a / at its end.
func (p *Prefix) String() string { return strings.TrimSuffix(p.at.name, "/") }

// object is where an object of a name lies.
func (p *Prefix) object(name string) location { return p.at.with(p.at.key + name) }

// Write makes an object of what write gives to its writer: all of it, or nothing has
// changed. An error may also mean that the last answer was lost, and the object is
// there. 16 MB of it are in memory at a time.
func (p *Prefix) Write(ctx context.Context, name string, write func(io.Writer) error) error {
	u, err := p.remote.Create(ctx, p.object(name).name)
	if err != nil {
		return err
	}
	if err := write(u); err != nil {
		u.Abort() // err says more
		return param.Errorf(param.KindOf(err), "write %s: %w", p.object(name).name, err)
	}
	return u.Commit()
}

// Open returns a reader of an object at the version that it has now; the context
// bounds its reads. If there is none, errors.Is(err, fs.ErrNotExist).
func (p *Prefix) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	o, err := p.remote.probe(ctx, p.store, p.object(name))
	if isMissing(err) {
		return nil, &nonexistent{err}
	}
	if err != nil {
		return nil, err
	}
	f, err := p.remote.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	return &whole{f.Stream(ctx), f}, nil
}

// nonexistent is an error that is fs.ErrNotExist too.
type nonexistent struct{ error }

func (e *nonexistent) Is(target error) bool { return target == fs.ErrNotExist }
func (e *nonexistent) Unwrap() error        { return e.error }

// whole is the stream of a file that nobody else reads.
type whole struct {
	io.ReadCloser
	file *File
}

// Close implements [io.Closer]. It returns nil.
func (w *whole) Close() error {
	w.ReadCloser.Close() // it returns nil too
	return w.file.Close()
}

// List returns the names that begin with the given one, sorted; it is no error if
// there are none.
func (p *Prefix) List(ctx context.Context, prefix string) ([]string, error) {
	at := p.object(prefix)
	objects, err := p.remote.list(ctx, p.store, at, at.key, true, func(string) bool { return true })
	if err != nil {
		return nil, err
	}
	names := make([]string, len(objects))
	for i, o := range objects {
		names[i] = strings.TrimPrefix(o.Name, p.at.name)
	}
	return names, nil
}

// Remove removes an object. It is no error if there is none.
func (p *Prefix) Remove(ctx context.Context, name string) error {
	return p.remote.Delete(ctx, p.object(name).name)
}
