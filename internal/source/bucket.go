package source

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7"

	"parley/internal/param"
)

// maxListed bounds how many keys a listing looks at.
const maxListed = 1 << 20

// listBucket returns the objects of an s3:// URL. A key that exists is taken as it
// is, even if it holds characters of a glob.
func (r *Remote) listBucket(ctx context.Context, s *s3, at location) ([]Object, error) {
	if at.key == "" || strings.HasSuffix(at.key, "/") && !isGlob(at.key) {
		return r.below(ctx, s, at)
	}
	o, err := r.probe(ctx, s, at)
	switch {
	case err == nil:
		return []Object{o}, nil
	case isGlob(at.key) && ctx.Err() == nil: // a missing key may be denied, not missing
		return r.matching(ctx, s, at)
	}
	return nil, err
}

func isGlob(key string) bool { return strings.ContainsAny(key, "*?[") }

// below returns the objects below a prefix, but for hidden ones.
func (r *Remote) below(ctx context.Context, s *s3, at location) ([]Object, error) {
	objects, err := r.list(ctx, s, at, at.key, true, func(key string) bool {
		return !hidden(strings.TrimPrefix(key, at.key))
	})
	if err == nil && len(objects) == 0 {
		err = param.Errorf(param.Invalid, "%s: there are no objects below it (those with a part that begins with . or _ do not count): correct the URL", at.name)
	}
	return objects, err
}

// hidden reports that a part of a path begins with "." or "_", as those do that
// programs keep beside the data (_SUCCESS, _temporary/, .crc).
func hidden(rest string) bool {
	for part := range strings.SplitSeq(rest, "/") {
		if strings.HasPrefix(part, ".") || strings.HasPrefix(part, "_") {
			return true
		}
	}
	return false
}

// matching returns the objects that match a glob; hidden ones only if the pattern's
// last part begins as they do.
func (r *Remote) matching(ctx context.Context, s *s3, at location) ([]Object, error) {
	if _, err := path.Match(at.key, ""); err != nil {
		return nil, param.Errorf(param.Invalid, "%s: malformed glob: close every [ and write something between the brackets", at.name)
	}
	prefix := at.key[:strings.IndexAny(at.key, `*?[\`)]
	deep := strings.Contains(at.key[len(prefix):], "/")
	shown := path.Base(at.key)[:1]
	objects, err := r.list(ctx, s, at, prefix, deep, func(key string) bool {
		matched, _ := path.Match(at.key, key)
		base := path.Base(key)
		return matched && (!hidden(base) || strings.HasPrefix(base, shown))
	})
	if err == nil && len(objects) == 0 {
		err = param.Errorf(param.Invalid, "%s: no object matches: correct the pattern, of which * does not match /", at.name)
	}
	return objects, err
}

// list returns the objects with a prefix whose key is wanted, sorted by name; if
// it is not deep, only those without a / behind the prefix.
func (r *Remote) list(ctx context.Context, s *s3, at location, prefix string, deep bool, wanted func(key string) bool) ([]Object, error) {
	var objects []Object
	seen, last, a := 0, "", r.attempts(at.name)
	for {
		err := s.pages(ctx, at, minio.ListObjectsOptions{Prefix: prefix, Recursive: deep, StartAfter: last}, func(o minio.ObjectInfo) error {
			if seen++; seen > maxListed {
				return param.Errorf(param.Invalid, "%s: there are more than %d keys to look at: give a longer prefix", at.name, maxListed)
			}
			last = max(last, o.Key) // prefixes come behind the keys of their page
			a.progress()
			if !strings.HasSuffix(o.Key, "/") && wanted(o.Key) {
				found := at.with(o.Key)
				objects = append(objects, Object{Name: found.name, Size: o.Size, Tag: quoted(o.ETag), address: found.name})
			}
			return nil
		})
		if err == nil {
			break
		}
		if err := a.again(ctx, err); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(objects, func(a, b Object) int { return strings.Compare(a.Name, b.Name) })
	return objects, nil
}

// pages gives the keys of a listing to do, page by page, until it fails.
func (s *s3) pages(ctx context.Context, at location, o minio.ListObjectsOptions, do func(minio.ObjectInfo) error) error {
	for info := range s.client.ListObjectsIter(ctx, at.bucket, o) {
		if info.Err != nil {
			return s.explain(at, info.Err)
		}
		if err := do(info); err != nil {
			return err
		}
	}
	if ctx.Err() != nil { // the iterator just ends
		return context.Cause(ctx)
	}
	return nil
}
