package source

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"parley/internal/param"
)

// answer is what a server sends when it is asked for a range.
type answer struct {
	body  io.ReadCloser
	whole bool // all of the object comes, the range was ignored
	// The bytes [first, last] of total come; -1 is not known. Of an empty object
	// there are none.
	first, last, total int64
	tag                string
}

// newAnswer reads the header of a response whose body is data, from its beginning
// if nothing says that it is a part.
func newAnswer(name string, header http.Header, body io.ReadCloser) (*answer, error) {
	a := &answer{body: body, tag: tagOf(header)}
	if value := header.Get("Content-Range"); value != "" {
		var ok bool
		if a.first, a.last, a.total, ok = contentRange(value); !ok {
			body.Close()
			return nil, param.Errorf(param.Corrupt, "%s: the server sends a malformed Content-Range %q: it does not keep to HTTP, so copy the file to another one", name, value)
		}
		return a, nil
	}
	a.whole = true
	a.total = number(header.Get("Content-Length"))
	a.last = a.total - 1
	return a, nil
}

// tagOf returns what identifies a version.
func tagOf(header http.Header) string {
	if tag := header.Get("ETag"); tag != "" {
		return tag
	}
	return header.Get("Last-Modified")
}

// contentRange parses "bytes 0-9/100", where the total may be *, and "bytes */100",
// whose first and last are -1.
func contentRange(value string) (first, last, total int64, ok bool) {
	value, ok = strings.CutPrefix(value, "bytes ")
	span, size, found := strings.Cut(value, "/")
	if total = number(size); !ok || !found || total < 0 && size != "*" {
		return 0, 0, 0, false
	}
	if span == "*" {
		return -1, -1, total, total >= 0
	}
	from, to, found := strings.Cut(span, "-")
	first, last = number(from), number(to)
	return first, last, total, found && first >= 0 && last >= first && (total < 0 || last < total)
}

// number returns a number in decimal digits, or -1.
func number(s string) int64 {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil {
		return -1
	}
	return int64(n)
}

// changed says that the object is not the one that was listed.
func changed(name, was, is string) error {
	return param.Errorf(param.Corrupt, "%s: the object changed since it was listed (it was %s, now it is %s): do not write to data that is in use; start again to use the new version", name, was, is)
}

// check holds an answer to what was asked for: the bytes [from, to) of o.
func (a *answer) check(o Object, name string, from, to int64) error {
	switch {
	case o.Tag != "" && a.tag != o.Tag:
		return changed(name, "version "+o.Tag, "version "+orNone(a.tag))
	case a.total >= 0 && a.total != o.Size:
		return changed(name, strconv.FormatInt(o.Size, 10)+" bytes", strconv.FormatInt(a.total, 10)+" bytes")
	case !a.whole && (a.first != from || a.last >= to):
		return param.Errorf(param.Corrupt, "%s: the server sends the bytes %d to %d when it is asked for %d to %d: it does not keep to HTTP, so copy the file to another one", name, a.first, a.last, from, to-1)
	}
	return nil
}

func orNone(tag string) string {
	if tag == "" {
		return "none"
	}
	return tag
}

// errMissing marks errors that say that there is no such object.
var errMissing = errors.New("no such object")

// missing returns an Invalid error that isMissing knows.
func missing(format string, args ...any) error {
	return &param.Error{Kind: param.Invalid, Err: &absent{param.Errorf(param.Invalid, format, args...)}}
}

type absent struct{ error }

func (a *absent) Is(target error) bool { return target == errMissing }

func isMissing(err error) bool { return errors.Is(err, errMissing) }

// probe asks for the first byte of an object, which tells in one request, of
// any server, whether it is there and may be read, its size and version, and
// whether ranges work. HEAD would leave out the last, and signed URLs refuse it.
func (r *Remote) probe(ctx context.Context, store store, at location) (Object, error) {
	var o Object
	err := r.persist(ctx, at.name, func() error {
		a, err := store.get(ctx, at, "", 0, 1)
		if err != nil {
			return err
		}
		defer a.body.Close()
		o, err = a.object(at)
		return err
	})
	return o, err
}

// object is what an answer to a request for the first byte says of it.
func (a *answer) object(at location) (Object, error) {
	if a.total < 0 {
		return Object{}, param.Errorf(param.Invalid, "%s: the server does not say how long it is: download it and give the file", at.name)
	}
	if !a.whole && a.total > 0 && (a.first != 0 || a.last != 0) {
		return Object{}, param.Errorf(param.Corrupt, "%s: the server sends the bytes %d to %d when it is asked for the first: it does not keep to HTTP, so copy the file to another one", at.name, a.first, a.last)
	}
	return Object{Name: at.name, Size: a.total, Tag: a.tag, Sequential: a.whole && a.total > 0, address: at.address()}, nil
}
