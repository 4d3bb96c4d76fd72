package node

import (
	"strings"

	"parley/internal/checkpoint"
)

// Checkpoints returns the place of checkpoints that a job names: a folder, or a
// prefix of S3 as s3://bucket/prefix. Nothing is read or written yet. Errors are
// Invalid: another kind of URL, or credentials that cannot be used.
func (r *Remote) Checkpoints(to string) (checkpoint.Store, error) {
	if !strings.Contains(to, "://") {
		return checkpoint.Folder(to), nil
	}
	prefix, err := r.remote.Prefix(to)
	if err != nil {
		return nil, err // a nil *Prefix would be a Store
	}
	return prefix, nil
}
