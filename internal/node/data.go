package node

import (
	"context"
	"io"
	"log/slog"

	"parley/datashard"
	"parley/internal/source"
)

// Remote opens URLs for datasets.
type Remote struct{ remote *source.Remote }

// NewRemote returns what opens URLs, with credentials from the environment. Close
// lets idle connections go.
func NewRemote(logger *slog.Logger) *Remote {
	return &Remote{source.New(source.Options{Logger: logger})}
}

// Close lets idle connections go.
func (r *Remote) Close() { r.remote.Close() }

// List implements datashard.Remote. Reads end with ctx.
func (r *Remote) List(ctx context.Context, url string) ([]datashard.Object, error) {
	found, err := r.remote.List(ctx, url)
	if err != nil {
		return nil, err
	}
	var objects []datashard.Object
	for _, o := range found {
		f, err := r.remote.Open(ctx, o)
		if err != nil {
			for _, opened := range objects {
				opened.Close()
			}
			return nil, err
		}
		objects = append(objects, object{f})
	}
	return objects, nil
}

// object is a remote file as datashard sees it.
type object struct{ *source.File }

func (o object) Name() string                             { return o.Object().Name }
func (o object) Size() int64                              { return o.Object().Size }
func (o object) Sequential() bool                         { return o.Object().Sequential }
func (o object) Stream(ctx context.Context) io.ReadCloser { return o.File.Stream(ctx) }
