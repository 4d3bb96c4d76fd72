// Package source reads datasets, and writes results, that lie behind a URL:
// http://, https:// and s3://.
//
// [Remote] is the main type. [Remote.List] turns a URL into objects, each pinned
// to the version that was listed; [Remote.Open] gives a [File] that reads ranges
// of an object or streams it. Requests that fail in passing are made again, and a
// body that breaks off is taken up where it stopped, so that callers see either
// the right bytes or an error that says what is wrong. [Remote.Create] and
// [Remote.Put] write objects of S3, all or nothing.
//
// internal/agent and cmd/parley hand a Remote to datashard, which declares the
// small interface that it needs. URLs go in with their credentials; nothing that
// comes out (names, errors, logs) holds them. A Remote and a File may be used by
// many goroutines at once, a stream and an [Upload] by one at a time. The package
// starts no goroutine of its own; [Remote.Close] ends those of idle connections.
package source

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"parley/internal/param"
)

// Object is one file of a remote dataset, at the version that was listed.
type Object struct {
	// Name is the URL as it may be shown: without user, password, query and
	// fragment. Names of one listing are unique and sorted.
	Name string
	// Size is in bytes.
	Size int64
	// Tag pins the content: the ETag, else the date of Last-Modified, else empty.
	// Reads of another version fail; without a tag another length is noticed alone.
	Tag string
	// Sequential says that the server cannot send parts: [File.Stream] works,
	// [File.ReadAt] does not.
	Sequential bool

	address string // what is asked for; may hold credentials
}

// String returns the name, so that no log shows the credentials of an address.
func (o Object) String() string { return o.Name }

// GoString returns the name too.
func (o Object) GoString() string { return o.Name }

// Options are those of a [Remote]; the zero value has the defaults.
type Options struct {
	// Logger gets a line for every failure that is tried again; default: none.
	Logger *slog.Logger
	// Timeout is how long a request may make no progress, neither sending nor
	// receiving a byte: longer for slow stores, shorter to notice dead ones
	// sooner. Default 30 s.
	Timeout time.Duration
	// Tries is how many attempts in a row may fail without any progress before
	// an operation does. Default 5.
	Tries int
	// Backoff is the pause after a first failure. It doubles with every further
	// one, up to the Timeout, and is shortened at random by up to half so that
	// many nodes do not come back at once. Default 500 ms.
	Backoff time.Duration
	// Getenv reads the environment, which says how to reach S3 (see docs/sources.md).
	// Default os.Getenv.
	Getenv func(string) string
}

// withDefaults fills in what is not set.
func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Tries <= 0 {
		o.Tries = 5
	}
	if o.Backoff <= 0 {
		o.Backoff = 500 * time.Millisecond
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	return o
}

// Remote opens URLs. It is safe for concurrent use.
type Remote struct {
	options   Options
	transport *http.Transport
	web       *web
	bucket    func() (*s3, error) // made when the first s3:// URL comes
}

// New returns a Remote. It makes no request and reads no environment yet.
func New(o Options) *Remote {
	r := &Remote{options: o.withDefaults(), transport: newTransport()}
	r.web = newWeb(&watch{next: r.transport, patience: r.options.Timeout})
	r.bucket = sync.OnceValues(func() (*s3, error) {
		return newS3(r.options.Getenv, &watch{next: r.transport, patience: r.options.Timeout, limit: maxAnswer})
	})
	return r
}

// Close ends idle connections. It does not wait for open files.
func (r *Remote) Close() { r.transport.CloseIdleConnections() }

// store is a kind of server.
type store interface {
	// get asks for the bytes [from, to) of the version tag, or of any if it is
	// empty. Errors are passing or final.
	get(ctx context.Context, at location, tag string, from, to int64) (*answer, error)
}

// open returns where a URL leads and the store that has it.
func (r *Remote) open(url string) (location, store, error) {
	at, err := parse(url)
	if err != nil {
		return at, nil, err
	}
	if at.bucket == "" {
		return at, r.web, nil
	}
	s, err := r.bucket()
	return at, s, err
}

// List returns the objects that a URL stands for, sorted by name; there is at
// least one. s3://bucket/key is one object; s3://bucket/prefix/ is all below it but
// for those with a path part that begins with "." or "_"; in
// s3://bucket/pre*fix/*.csv the patterns *, ? and [a-z] match within a path part.
// http and https URLs are one object. Errors are Invalid if the URL, the
// credentials or the server are at fault and Retryable if the server cannot be
// reached.
func (r *Remote) List(ctx context.Context, url string) ([]Object, error) {
	at, store, err := r.open(url)
	if err != nil {
		return nil, err
	}
	if s, ok := store.(*s3); ok {
		return r.listBucket(ctx, s, at)
	}
	o, err := r.probe(ctx, store, at)
	if err != nil {
		return nil, err
	}
	return []Object{o}, nil
}

// Exists reports whether there is an object of exactly this URL.
func (r *Remote) Exists(ctx context.Context, url string) (bool, error) {
	at, store, err := r.open(url)
	if err != nil {
		return false, err
	}
	_, err = r.probe(ctx, store, at)
	if isMissing(err) {
		return false, nil
	}
	return err == nil, err
}

// Open returns a file that reads the object; it makes no request. The context
// bounds all reads of the file. The object comes from [Remote.List]; one that was
// made by hand is read from its Name.
func (r *Remote) Open(ctx context.Context, o Object) (*File, error) {
	address := o.address
	if address == "" {
		address = o.Name
	}
	at, store, err := r.open(address)
	if err != nil {
		return nil, err
	}
	if o.Size < 0 {
		return nil, param.Errorf(param.Invalid, "%s: an object of %d bytes", at.name, o.Size)
	}
	f := &File{remote: r, object: o, at: at, store: store}
	f.ctx, f.cancel = context.WithCancelCause(ctx)
	return f, nil
}

// Put writes size bytes of body, or all of it if size is negative, as the object
// of an s3:// URL. Either all of it is there afterwards or nothing has changed.
func (r *Remote) Put(ctx context.Context, url string, body io.Reader, size int64) error {
	u, err := r.Create(ctx, url)
	if err != nil {
		return err
	}
	n, err := io.Copy(u, body)
	if err == nil && size >= 0 && n != size {
		err = param.Errorf(param.Invalid, "%s: %d bytes were to be written, but there are %d", u.at.name, size, n)
	}
	if err != nil {
		u.Abort() // err says more
		return err
	}
	return u.Commit()
}
