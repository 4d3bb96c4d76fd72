package checkpoint

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path"
	"slices"
	"time"

	"parley/internal/param"
)

// Manifest is what makes a checkpoint of parts, and what a job is continued from.
type Manifest struct {
	// Format is set by Commit.
	Format int `json:"format"`
	// Job is the job that wrote it, Name what its user calls it.
	Job  param.JobID `json:"job"`
	Name string      `json:"name"`
	// Spec is the canonical job.
	Spec json.RawMessage `json:"spec"`
	// PlanHash and DataHash are those of the plan and the data; a job whose hashes
	// differ does not continue from here.
	PlanHash string `json:"plan_hash"`
	DataHash string `json:"data_hash"`
	// Version is the number of rounds that every range has applied, Epoch the epoch
	// that the next round lies in, Rounds how many the whole run has.
	Version param.Version `json:"version"`
	Epoch   int           `json:"epoch"`
	Rounds  param.Round   `json:"rounds"`
	// Keys is the number of parameters.
	Keys param.Key `json:"keys"`
	// Created is when Commit was to be called.
	Created time.Time `json:"created"`
	// Run names the run that it belongs to: jobs that were resumed keep it.
	Run string `json:"run"`
	// Parts are those of all ranges, 0 to the last.
	Parts []Part `json:"parts"`
	// Extra is the coordinator's.
	Extra json.RawMessage `json:"extra,omitempty"`
}

// envelope is the file of a manifest. It stays as it is when the format changes, so
// that every release can tell which one a manifest has.
type envelope struct {
	Format   int             `json:"parley_checkpoint"`
	CRC32C   string          `json:"crc32c"` // of the manifest's bytes as they stand
	Manifest json.RawMessage `json:"manifest"`
}

// maxManifest bounds how much is read of a manifest, in bytes.
const maxManifest = 64 << 20

// Commit makes the checkpoint dir complete. It takes all parts to be durable, which
// they are when their WritePart has returned, and looks whether they are there, since
// the servers may not see the same place. Errors are Invalid if the manifest is at
// fault, Retryable if a part is not there (yet), and those of the store. After an
// error the checkpoint may be complete all the same.
func Commit(ctx context.Context, s Store, dir string, m *Manifest) error {
	name := dir + "/" + manifestFile
	sealed := *m
	sealed.Format = Format
	if err := sealed.check(dir); err != nil {
		return fmt.Errorf("%s: %w", shown(s, name), err)
	}
	text, err := seal(Format, &sealed)
	if err != nil {
		return param.Errorf(param.Invalid, "%s: %w", shown(s, name), err)
	}
	there, err := s.List(ctx, dir+"/")
	if err != nil {
		return err
	}
	if p, ok := sealed.missing(dir, there); ok {
		return param.Errorf(param.Retryable, "%s: the part of range %d (%s) is not there: the server that wrote it may see another place, give a folder that all nodes share or an s3:// prefix", shown(s, name), p.Range, p.File)
	}
	return s.Write(ctx, name, func(w io.Writer) error { return write(w, text) })
}

// seal returns the file of a manifest.
func seal(format int, manifest any) ([]byte, error) {
	text, err := json.Marshal(manifest)
	if err != nil {
		return nil, err
	}
	text, err = json.Marshal(envelope{format, checksum(text), text})
	return append(text, '\n'), err
}

func checksum(text []byte) string { return fmt.Sprintf("%08x", crc32.Checksum(text, castagnoli)) }

// unseal decodes and verifies the manifest of the checkpoint dir. Errors are Corrupt
// or, for another format, Invalid, and do not name the file.
func unseal(text []byte, dir string) (*Manifest, error) {
	var e envelope
	if err := json.Unmarshal(text, &e); err != nil {
		return nil, param.Errorf(param.Corrupt, "not a manifest of a checkpoint, or cut off: %w", err)
	}
	again, err := json.Marshal(e)
	if err != nil || e.CRC32C != checksum(e.Manifest) || !bytes.Equal(append(again, '\n'), text) {
		return nil, param.Errorf(param.Corrupt, "damaged, or changed by hand: its checksum does not match")
	}
	if e.Format != Format {
		return nil, otherFormat(e.Format)
	}
	var m Manifest
	if err := json.Unmarshal(e.Manifest, &m); err != nil {
		return nil, param.Errorf(param.Corrupt, "manifest: %w", err)
	}
	if err := m.check(dir); err != nil {
		return nil, param.Errorf(param.Corrupt, "%w", err)
	}
	return &m, nil
}

// check finds faults that Commit must not write and Complete must not pass on.
func (m *Manifest) check(dir string) error {
	if err := checkDir(dir); err != nil {
		return err
	}
	switch {
	case m.Format != Format:
		return param.Errorf(param.Invalid, "format %d within format %d", m.Format, Format)
	case dir != Dir(m.Job, m.Version):
		return param.Errorf(param.Invalid, "is that of version %d of job %s and lies in the folder %s: give the folder the name %s", m.Version, m.Job, dir, Dir(m.Job, m.Version))
	case len(m.Parts) == 0:
		return param.Errorf(param.Invalid, "tells of no part")
	}
	for i, p := range m.Parts {
		if p.Range != param.RangeID(i) {
			return param.Errorf(param.Invalid, "parts %d is that of range %d: there must be one of each range, in their order", i, p.Range)
		}
		if p.File == "" || p.File == manifestFile || path.Base(p.File) != p.File || p.File == ".." || p.File == "." || p.Bytes <= 0 {
			return param.Errorf(param.Invalid, "range %d: no part has the name %q and %d bytes", i, p.File, p.Bytes)
		}
	}
	return nil
}

// missing returns a part that is not among the names of a listing.
func (m *Manifest) missing(dir string, sorted []string) (Part, bool) {
	for _, p := range m.Parts {
		if _, found := slices.BinarySearch(sorted, dir+"/"+p.File); !found {
			return p, true
		}
	}
	return Part{}, false
}

// readManifest reads that of a checkpoint. Errors name the file.
func readManifest(ctx context.Context, s Store, dir string) (*Manifest, error) {
	name := dir + "/" + manifestFile
	in, err := s.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer in.Close() // it was only read
	text, err := io.ReadAll(io.LimitReader(in, maxManifest))
	if err != nil {
		return nil, explain("read", shown(s, name), err)
	}
	m, err := unseal(text, dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", shown(s, name), err)
	}
	return m, nil
}

// gone reports that a manifest was removed since it was listed.
func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) }
