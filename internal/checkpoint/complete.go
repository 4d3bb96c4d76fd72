package checkpoint

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"parley/internal/param"
)

// Entry is a complete checkpoint.
type Entry struct {
	// Dir is its folder within the store.
	Dir string
	// Manifest is verified; the bytes of its parts are when [ReadPart] has read them.
	Manifest *Manifest
}

// Complete returns all checkpoints that have a sound manifest and all of their parts,
// the oldest first by Created, then Version. Those that are damaged, or of another
// format, are told of in damaged, each with the name of its file. It fails if the
// store cannot be reached: an older checkpoint must not be taken for the newest.
func Complete(ctx context.Context, s Store) (found []Entry, damaged []error, err error) {
	c, err := survey(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	return c.complete, c.damaged, nil
}

// contents is what lies in a store.
type contents struct {
	files    map[string][]string // of each folder that Dir may have named, sorted
	dirs     []string            // those folders, sorted
	complete []Entry             // the oldest first
	damaged  []error
	unsound  map[string]bool // folders of damaged
}

// survey looks through a store.
func survey(ctx context.Context, s Store) (*contents, error) {
	names, err := s.List(ctx, "")
	if err != nil {
		return nil, err
	}
	c := &contents{files: map[string][]string{}, unsound: map[string]bool{}}
	for _, name := range names {
		dir, file, below := strings.Cut(name, "/")
		if !below || strings.Contains(file, "/") || !dirs.MatchString(dir) {
			continue // not ours
		}
		if c.files[dir] == nil {
			c.dirs = append(c.dirs, dir)
		}
		c.files[dir] = append(c.files[dir], name)
	}
	slices.Sort(c.dirs)
	for _, dir := range c.dirs {
		if err := c.add(ctx, s, dir); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(c.complete, func(a, b Entry) int {
		return cmp.Or(a.Manifest.Created.Compare(b.Manifest.Created), cmp.Compare(a.Manifest.Version, b.Manifest.Version))
	})
	return c, nil
}

// add looks at a folder.
func (c *contents) add(ctx context.Context, s Store, dir string) error {
	if _, ok := slices.BinarySearch(c.files[dir], dir+"/"+manifestFile); !ok {
		return nil
	}
	m, err := readManifest(ctx, s, dir)
	if err == nil {
		err = c.parts(ctx, s, dir, m)
	}
	switch {
	case err == nil:
		c.complete = append(c.complete, Entry{dir, m})
	case gone(err):
		return nil // another node prunes
	case ctx.Err() != nil || param.KindOf(err) == param.Retryable:
		return err
	default:
		c.unsound[dir] = true
		c.damaged = append(c.damaged, err)
	}
	return nil
}

// parts makes sure that all parts are there. What the listing lacks may have come, with
// its manifest, while it was made, or gone.
func (c *contents) parts(ctx context.Context, s Store, dir string, m *Manifest) error {
	if _, missing := m.missing(dir, c.files[dir]); !missing {
		return nil
	}
	now, err := s.List(ctx, dir+"/")
	if err != nil {
		return err
	}
	p, missing := m.missing(dir, now)
	if !missing {
		return nil
	}
	if _, err := readManifest(ctx, s, dir); err != nil {
		return err
	}
	return param.Errorf(param.Corrupt, "%s: the part of range %d is missing, so this checkpoint cannot be used", shown(s, dir+"/"+p.File), p.Range)
}
