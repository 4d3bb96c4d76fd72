package convert

import (
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"parley/internal/job"
	"parley/internal/param"
)

// Target is what a file is to be.
type Target struct {
	Name   string // of the file, as messages name it
	Format string // as in jobs, or npz
	suffix string // of the compression, empty for none
}

// formatNPZ is the format that is written alone.
const formatNPZ = "npz"

// writable are the formats that there are writers of, by whether they are text.
var writable = map[string]bool{
	"libsvm": true, "vw": true, "csv": true, "tsv": true, "jsonl": true,
	"arrow": false, "parquet": false, formatNPZ: false,
}

const suffixes = "end the name in .svm, .vw, .csv, .tsv or .jsonl (with .gz or .zst behind it to compress), .arrow, .parquet or .npz"

// TargetOf returns what the suffix of a file's name or URL asks for. The errors
// are Invalid.
func TargetOf(name string) (Target, error) {
	t := Target{Name: name}
	base := strings.ToLower(path.Base(name))
	switch last := path.Ext(base); last {
	case ".gz", ".zst":
		t.suffix, base = last, strings.TrimSuffix(base, last)
	case ".bz2":
		return t, param.Errorf(param.Invalid, "%s: cannot compress to .bz2: use .gz or .zst", name)
	}
	if t.Format = job.FormatOf(base); path.Ext(base) == ".npz" {
		t.Format = formatNPZ
	}
	text, ok := writable[t.Format]
	switch {
	case t.Format == "":
		return t, param.Errorf(param.Invalid, "%s: the name tells no format: %s", name, suffixes)
	case !ok:
		return t, param.Errorf(param.Invalid, "%s: cannot write %s: %s", name, t.Format, suffixes)
	case !text && t.suffix != "":
		return t, param.Errorf(param.Invalid, "%s: %s is no text that %s is for: leave %s out of the name", name, t.Format, t.suffix, t.suffix)
	}
	return t, nil
}

// holdsCells reports whether the format has columns of cells.
func (t Target) holdsCells() bool {
	return t.Format != "libsvm" && t.Format != "vw" && t.Format != formatNPZ
}

// pack returns a writer that compresses to w.
func (t Target) pack(w io.Writer) (io.WriteCloser, error) {
	switch t.suffix {
	case ".gz":
		return gzip.NewWriter(w), nil
	case ".zst":
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1)) // no goroutines
	}
	return plain{w}, nil
}

// plain does not compress.
type plain struct{ io.Writer }

func (plain) Close() error { return nil }
