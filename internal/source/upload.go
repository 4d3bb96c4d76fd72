package source

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/minio/minio-go/v7"

	"parley/internal/param"
)

// partSize is how much of an upload is kept in memory to be sent at a time.
const partSize = 16 << 20

// sizeOfPart returns that of part i: S3 takes 10,000, and some stores want all to be
// of one length, so they grow behind 64 GB alone. That makes 2 TB.
func sizeOfPart(i int) int { return partSize << max(0, i/1000-3) }

// maxParts is how many S3 takes.
const maxParts = 10_000

// Upload writes an object of S3. Nothing of it is to be seen before [Upload.Commit]
// has succeeded, and an object that was there before stays until then. It is for
// one goroutine at a time.
type Upload struct {
	remote *Remote
	ctx    context.Context
	store  *s3
	at     location

	id    string // of the multipart upload, once there is more than a part
	parts []minio.CompletePart
	part  []byte // to be sent next
	size  int64
	err   error // ends it, whether it was committed or failed
}

var (
	errCommitted = errors.New("the upload is committed")
	errAborted   = errors.New("the upload was given up")
)

// Create begins to write the object of an s3:// URL. The context bounds all of the
// upload. The caller ends it with [Upload.Commit] or [Upload.Abort], which may be
// deferred in any case.
func (r *Remote) Create(ctx context.Context, url string) (*Upload, error) {
	at, s, err := r.writable(url)
	if err != nil {
		return nil, err
	}
	return &Upload{remote: r, ctx: ctx, store: s, at: at}, nil
}

// writable returns where to write a URL.
func (r *Remote) writable(url string) (location, *s3, error) {
	at, store, err := r.open(url)
	if err != nil {
		return at, nil, err
	}
	s, ok := store.(*s3)
	if !ok {
		return at, nil, param.Errorf(param.Invalid, "%s: cannot write to http and https: use a file or s3://bucket/key", at.name)
	}
	if at.key == "" || strings.HasSuffix(at.key, "/") {
		return at, nil, param.Errorf(param.Invalid, "%s: names no object to write: give a key that does not end with /", at.name)
	}
	return at, s, nil
}

// Write implements [io.Writer]. It keeps what it gets until there is a part to send;
// then it returns when that was sent. An error ends the upload.
func (u *Upload) Write(p []byte) (int, error) {
	if u.err != nil {
		return 0, u.err
	}
	written := 0
	for written < len(p) {
		full := sizeOfPart(len(u.parts))
		if len(u.part) == full {
			if u.err = u.send(); u.err != nil {
				return written, u.err
			}
			continue
		}
		n := min(len(p)-written, full-len(u.part))
		u.part = append(u.part, p[written:written+n]...)
		written += n
	}
	u.size += int64(written)
	return written, nil
}

// send sends the part.
func (u *Upload) send() error {
	if len(u.parts) == maxParts {
		return param.Errorf(param.Invalid, "%s: an object of more than %d bytes: write several", u.at.name, u.size)
	}
	if u.id == "" {
		if err := u.persist(func() (err error) {
			u.id, err = u.store.client.NewMultipartUpload(u.ctx, u.at.bucket, u.at.key, minio.PutObjectOptions{})
			return err
		}); err != nil {
			return err
		}
	}
	number, sum := len(u.parts)+1, sum(u.part)
	return u.persist(func() error {
		done, err := u.store.client.PutObjectPart(u.ctx, u.at.bucket, u.at.key, u.id, number, bytes.NewReader(u.part), int64(len(u.part)),
			minio.PutObjectPartOptions{Md5Base64: sum})
		if err == nil {
			u.parts = append(u.parts, minio.CompletePart{PartNumber: number, ETag: done.ETag})
			u.part = u.part[:0]
		}
		return err
	})
}

// sum is the Content-MD5 by which the server knows that all arrived as it was.
func sum(p []byte) string {
	s := md5.Sum(p)
	return base64.StdEncoding.EncodeToString(s[:])
}

// persist makes a request until it succeeds.
func (u *Upload) persist(do func() error) error {
	return u.remote.persist(u.ctx, u.at.name, func() error {
		if err := do(); err != nil {
			return u.store.explain(u.at, err)
		}
		return nil
	})
}

// Commit sends what is left and makes the object appear. If it fails, the upload is
// given up and nothing has changed, unless the error is Retryable: then the answer
// may have been lost, and the object may be there. Only the first call does
// anything; others return what it did.
func (u *Upload) Commit() error {
	if errors.Is(u.err, errCommitted) {
		return nil
	}
	if u.err != nil {
		u.forget() // err says more
		return u.err
	}
	if u.id == "" {
		u.err = u.whole()
	} else if u.err = u.send(); u.err == nil {
		u.err = u.complete()
	}
	if u.err != nil {
		u.forget()
		return u.err
	}
	u.err, u.part = errCommitted, nil
	return nil
}

// whole sends an object of one part.
func (u *Upload) whole() error {
	sum := sum(u.part)
	return u.persist(func() error {
		_, err := u.store.client.PutObject(u.ctx, u.at.bucket, u.at.key, bytes.NewReader(u.part), int64(len(u.part)), sum, "", minio.PutObjectOptions{})
		return err
	})
}

// complete makes the object of its parts. If the answer to a first request is lost,
// a second one finds no upload any more, but the object.
func (u *Upload) complete() error {
	again := false
	return u.persist(func() error {
		_, err := u.store.client.CompleteMultipartUpload(u.ctx, u.at.bucket, u.at.key, u.id, u.parts, minio.PutObjectOptions{})
		var refusal minio.ErrorResponse
		if again && errors.As(err, &refusal) && refusal.Code == minio.NoSuchUpload && u.isThere() {
			return nil
		}
		again = true
		return err
	})
}

// isThere reports that the object is of this length and this number of parts.
func (u *Upload) isThere() bool {
	info, err := u.store.client.StatObject(u.ctx, u.at.bucket, u.at.key, minio.StatObjectOptions{})
	return err == nil && info.Size == u.size && strings.HasSuffix(info.ETag, fmt.Sprintf("-%d", len(u.parts)))
}

// Abort gives the upload up, unless it was committed, and makes the server forget
// its parts, even if the context has ended. Errors of that alone are returned: the
// parts stay until the bucket's rules remove them.
func (u *Upload) Abort() error {
	if errors.Is(u.err, errCommitted) {
		return nil
	}
	if u.err == nil {
		u.err = errAborted
	}
	return u.forget()
}

// forget removes the parts.
func (u *Upload) forget() error {
	id := u.id
	u.id, u.part = "", nil
	if id == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(u.ctx), u.remote.options.Timeout)
	defer cancel()
	return u.remote.persist(ctx, u.at.name, func() error {
		if err := u.store.client.AbortMultipartUpload(ctx, u.at.bucket, u.at.key, id); err != nil {
			return u.store.explain(u.at, err)
		}
		return nil
	})
}

// Delete removes the object of an s3:// URL. That there is none is no error.
func (r *Remote) Delete(ctx context.Context, url string) error {
	at, s, err := r.writable(url)
	if err != nil {
		return err
	}
	err = r.persist(ctx, at.name, func() error {
		if err := s.client.RemoveObject(ctx, at.bucket, at.key, minio.RemoveObjectOptions{}); err != nil {
			return s.explain(at, err)
		}
		return nil
	})
	if isMissing(err) {
		return nil
	}
	return err
}
