package checkpoint

import (
	"context"
	"slices"

	"parley/internal/param"
)

// Prune removes all complete checkpoints but the newest keep ones, and the folders
// of incomplete ones whose version is below that of the newest complete one. Folders
// in protect (those that are being written, or read) stay, and so do those whose
// manifest is damaged or of another format: [Complete] tells of them. The oldest goes
// first, its manifest before its parts, so that what is left is complete or none.
// A store that several jobs use is pruned as one. Names that [Dir] does not give are
// never touched.
func Prune(ctx context.Context, s Store, keep int, protect ...string) error {
	if keep < 0 {
		return param.Errorf(param.Invalid, "keep %d checkpoints: give 0 or more", keep)
	}
	c, err := survey(ctx, s)
	if err != nil || len(c.complete) == 0 {
		return err
	}
	kept := slices.Clone(protect)
	for _, e := range c.complete[max(0, len(c.complete)-keep):] {
		kept = append(kept, e.Dir)
	}
	for _, dir := range c.superseded() {
		if slices.Contains(kept, dir) {
			continue
		}
		if err := c.remove(ctx, s, dir); err != nil {
			return err
		}
	}
	return nil
}

// superseded returns the folders that may go, in the order in which they have to:
// incomplete ones first, then the complete ones, of which the last tells by its
// version what is incomplete.
func (c *contents) superseded() []string {
	newest := c.complete[len(c.complete)-1].Dir
	whole := map[string]bool{}
	for _, e := range c.complete {
		whole[e.Dir] = true
	}
	var old []string
	for _, dir := range c.dirs {
		if dir < newest && !whole[dir] && !c.unsound[dir] {
			old = append(old, dir)
		}
	}
	for _, e := range c.complete {
		old = append(old, e.Dir)
	}
	return old
}

// remove removes a folder's files, the manifest first.
func (c *contents) remove(ctx context.Context, s Store, dir string) error {
	manifest := dir + "/" + manifestFile
	if slices.Contains(c.files[dir], manifest) {
		if err := s.Remove(ctx, manifest); err != nil {
			return err
		}
	}
	for _, name := range c.files[dir] {
		if name == manifest {
			continue
		}
		if err := s.Remove(ctx, name); err != nil {
			return err
		}
	}
	return nil
}
