package datashard

import (
	"bytes"

	"parley/datashard/jsonl"
	"parley/internal/param"
	"parley/internal/table"
)

// head reads the beginning of a file: headBytes, or of jsonl a first line that is
// longer.
func (d *Dataset) head(f *file, buffer *[]byte) ([]byte, error) {
	for n := int64(headBytes); ; n *= 2 {
		head, err := f.view(buffer, 0, min(f.size, n))
		if err != nil || n >= min(f.size, d.sizes.line) || d.format.name != "jsonl" || bytes.IndexByte(head, '\n') >= 0 {
			return head, err
		}
	}
}

// noFields says why the files have no fields: they begin with something else than
// objects, with a line that is too long, or not at all.
func (d *Dataset) noFields(buffer *[]byte) error {
	for _, f := range d.files {
		head, err := d.head(f, buffer)
		if err != nil {
			return err
		}
		whole := head[min(f.begin, int64(len(head))):]
		if int64(len(head)) < f.size {
			whole = whole[:bytes.LastIndexByte(whole, '\n')+1]
		}
		var rows table.Batch
		var at table.Places
		new(jsonl.Parser).Parse(&rows, &at, endLine(whole))
		switch {
		case len(rows.Bad) > 0:
			bad := rows.Bad[0]
			return param.Errorf(param.Invalid, "%s:%d: %s%s", f.path, at.Lines[bad.Row], bad.Reason, disguise(head))
		case len(whole) == 0 && int64(len(head)) < f.size:
			return param.Errorf(param.Invalid, "%s:1: the line is longer than %d bytes: write one JSON object a line", f.path, d.sizes.line)
		case rows.Rows > 0:
			return param.Errorf(param.Invalid, "%s:%d: the lines have no fields of text or numbers: write some", f.path, at.Lines[0])
		}
	}
	return param.Errorf(param.Invalid, "%s: no rows: give data with at least one", d.source.Path)
}

// disguise names the compression of a file that lacks its suffix.
func disguise(head []byte) string {
	for _, suffix := range []string{".gz", ".zst", ".bz2"} {
		if len(head) >= 4 && codecs[suffix].begins(head) {
			return "; if it is compressed, its name must end in " + suffix
		}
	}
	return ""
}
