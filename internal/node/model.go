package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"parley/internal/artifact"
	"parley/internal/source"
)

// Model returns the local folder of a model: a folder is returned as it is; the
// objects of an s3:// URL are copied to a temporary folder within the given one
// (empty: that of the system), which end removes.
func (r *Remote) Model(ctx context.Context, name, within string) (dir string, end func(), err error) {
	if !strings.Contains(name, "://") {
		return name, func() {}, nil
	}
	if dir, err = os.MkdirTemp(within, "parley-model-"); err != nil {
		return "", nil, err
	}
	end = func() { os.RemoveAll(dir) }
	if err = r.download(ctx, strings.TrimRight(name, "/"), dir); err != nil {
		end()
		return "", nil, err
	}
	return dir, end, nil
}

// download copies the objects of a model's folder.
func (r *Remote) download(ctx context.Context, url, dir string) error {
	if there, err := r.remote.Exists(ctx, url+"/"+artifact.ModelFile); err != nil {
		return err
	} else if !there {
		url += "/" + artifact.ModelDir
	}
	found, err := r.remote.List(ctx, url+"/")
	if err != nil {
		return fmt.Errorf("model: %w", err)
	}
	for _, o := range found {
		if err := r.downloadObject(ctx, o, filepath.Join(dir, path.Base(o.Name))); err != nil {
			return err
		}
	}
	return nil
}

func (r *Remote) downloadObject(ctx context.Context, o source.Object, to string) error {
	object, err := r.remote.Open(ctx, o)
	if err != nil {
		return err
	}
	defer object.Close()
	file, err := os.Create(to)
	if err != nil {
		return err
	}
	stream := object.Stream(ctx)
	_, err = io.Copy(file, stream)
	return errors.Join(err, stream.Close(), file.Close())
}
