package s3test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/internal/checkpoint"
	"parley/internal/param"
	"parley/internal/source"
)

var _ checkpoint.Store = (*source.Prefix)(nil)

func prefix(t *testing.T, r *source.Remote, url string) *source.Prefix {
	t.Helper()
	p, err := r.Prefix(url)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// checkpoints makes, finds, reads and prunes some.
func checkpoints(t *testing.T, s checkpoint.Store, data []byte) {
	ctx := t.Context()
	for v := range param.Version(3) {
		dir := checkpoint.Dir("job", v)
		m := &checkpoint.Manifest{Job: "job", Spec: []byte("{}"), Version: v, Created: time.Unix(int64(v), 0).UTC()}
		for id := range param.RangeID(2) {
			p, err := checkpoint.WritePart(ctx, s, dir, id, v, []checkpoint.Section{{Name: "w", Data: data[id:]}})
			if err != nil {
				t.Fatal(err)
			}
			m.Parts = append(m.Parts, p)
		}
		if err := checkpoint.Commit(ctx, s, dir, m); err != nil {
			t.Fatal(err)
		}
	}
	if err := checkpoint.Prune(ctx, s, 1); err != nil {
		t.Fatal(err)
	}
	found, damaged, err := checkpoint.Complete(ctx, s)
	if err != nil || damaged != nil || len(found) != 1 || found[0].Manifest.Version != 2 {
		t.Fatal(found, damaged, err)
	}
	for id, p := range found[0].Manifest.Parts {
		var v param.Version
		got, err := checkpoint.ReadPart(ctx, s, found[0].Dir, p, &v)
		if err != nil || v != 2 || len(got) != 1 || !bytes.Equal(got[0].Data, data[id:]) {
			t.Error(id, v, len(got), err)
		}
	}
	names, err := s.List(ctx, "")
	want := []string{"000000000002-job/" + found[0].Manifest.Parts[0].File, "000000000002-job/" + found[0].Manifest.Parts[1].File, "000000000002-job/manifest.json"}
	if diff := cmp.Diff(want, names); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

// TestCheckpoints makes them directly, and through a proxy that lets one of three
// requests be; parts are of one request and of several.
func TestCheckpoints(t *testing.T) {
	b, p := bucket(t), newProxy(t, 3)
	checkpoints(t, prefix(t, remote(t, gateway), b+"/a/run"), noise(33<<20))
	checkpoints(t, prefix(t, remote(t, p.URL), b+"/b/"), noise(3<<20))
	if left := unfinished(t, b); len(left) > 0 {
		t.Error("parts of uploads are left:", left)
	}
}

func TestProbe(t *testing.T) {
	b := bucket(t)
	s, other := prefix(t, remote(t, gateway), b+"/run"), prefix(t, remote(t, gateway), b+"/other")
	if err := checkpoint.Probe(t.Context(), s, "x1", true); err != nil {
		t.Fatal(err)
	}
	if err := checkpoint.Probe(t.Context(), s, "x1", false); err != nil {
		t.Error(err)
	}
	err := checkpoint.Probe(t.Context(), other, "x1", false)
	if param.KindOf(err) != param.Invalid || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), b+"/other is not the place that other nodes see") {
		t.Error(err)
	}
	if err := checkpoint.EndProbe(t.Context(), s, "x1"); err != nil {
		t.Error(err)
	}
	if names, err := s.List(t.Context(), ""); len(names) != 0 || err != nil {
		t.Error(names, err)
	}
}

// TestCheckpointErrors has a server that is gone, a bucket that is not there and one
// that may not be used.
func TestCheckpointErrors(t *testing.T) {
	b, address := bucket(t), func() string {
		a, err := freeAddress()
		if err != nil {
			t.Fatal(err)
		}
		return "http://" + a
	}()
	denied := source.New(source.Options{Backoff: time.Millisecond, Getenv: environment(gateway, "nobody", "wrong")})
	t.Cleanup(denied.Close)
	for name, c := range map[string]struct {
		s    *source.Prefix
		kind param.Kind
	}{
		"gone":      {prefix(t, remote(t, address), b), param.Retryable},
		"no bucket": {prefix(t, remote(t, gateway), b+"-not/run"), param.Invalid},
		"denied":    {prefix(t, denied, b), param.Invalid},
	} {
		_, err := checkpoint.WritePart(context.Background(), c.s, checkpoint.Dir("job", 1), 0, 1, nil)
		if param.KindOf(err) != c.kind {
			t.Errorf("%s: write: %v", name, err)
		}
		if found, _, err := checkpoint.Complete(context.Background(), c.s); param.KindOf(err) != c.kind || found != nil {
			t.Errorf("%s: complete: %v", name, err)
		}
		if err := checkpoint.Probe(context.Background(), c.s, "x", true); param.KindOf(err) != c.kind || !strings.Contains(err.Error(), "cannot be written to") {
			t.Errorf("%s: probe: %v", name, err)
		}
	}
}
