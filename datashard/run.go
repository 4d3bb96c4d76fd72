package datashard

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"unicode/utf8"

	"parley/internal/param"
	"parley/internal/plan"
	"parley/internal/table"
)

// run is the text of some rows that follow each other in one file.
type run struct {
	file   *file
	index  int // of the file
	text   []byte
	offset int64 // of the text in the file
	line   int64 // number of its first line
	first  int64 // position of its first row in the dataset
	rows   int64
}

// runs reads the pieces of shards, those of one file together, and checks that
// they are what was scanned. The text is valid during the call of each.
func (d *Dataset) runs(ctx context.Context, shards []plan.Shard, buffer *[]byte, each func(run) error) error {
	for i := 0; i < len(shards); {
		for n := 0; n < len(shards[i].Pieces); n++ {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			pieces := []plan.Piece{shards[i].Pieces[n]}
			first := shards[i].FirstRow
			for _, p := range shards[i].Pieces[:n] {
				first += p.Rows
			}
			// The last piece of a shard goes on in the shards behind it.
			for n == len(shards[i].Pieces)-1 && i+1 < len(shards) && shards[i+1].Pieces[0].File == pieces[0].File {
				pieces = append(pieces, shards[i+1].Pieces[0])
				i, n = i+1, 0
			}
			r, err := d.readRun(pieces, buffer)
			if err != nil {
				return err
			}
			r.first = first
			if err := each(r); err != nil {
				return err
			}
		}
		i++
	}
	return nil
}

// readRun reads pieces of one file that follow each other.
func (d *Dataset) readRun(pieces []plan.Piece, buffer *[]byte) (run, error) {
	begin, last := pieces[0], pieces[len(pieces)-1]
	f := d.files[begin.File]
	r := run{file: f, index: begin.File, offset: begin.Offset, line: begin.Line}
	text, err := f.view(buffer, begin.Offset, last.Offset+last.Bytes)
	if err != nil {
		return r, err
	}
	for _, p := range pieces {
		from := p.Offset - begin.Offset
		if crc32.Checksum(text[from:from+p.Bytes], castagnoli) != p.CRC32C {
			return r, param.Errorf(param.Corrupt, "%s:%d: the file has changed since it was scanned, at the %d rows from here on: let it be while a job reads it, and start the job again", f.path, p.Line, p.Rows)
		}
		r.rows += p.Rows
	}
	r.text = endLine(text)
	return r, nil
}

// badRow describes a bad row of the run, for people.
func (r *run) badRow(at *table.Places, b table.Bad) plan.BadRow {
	start := int(at.Starts[b.Row])
	return plan.BadRow{Row: r.first + int64(b.Row), File: r.file.path, Line: r.line + int64(at.Lines[b.Row]) - 1,
		Offset: r.offset + int64(start), Code: b.Code, Reason: b.Reason, Excerpt: excerpt(r.text[start:])}
}

// excerpt returns the beginning of a line as valid text.
func excerpt(text []byte) string {
	const most = 200
	line := text[:bytes.IndexByte(text, '\n')]
	line = bytes.TrimSuffix(line, []byte{'\r'})
	more := ""
	if len(line) > most {
		line, more = line[:most], "..."
		for len(line) > most-utf8.UTFMax && !utf8.Valid(line[max(0, len(line)-utf8.UTFMax):]) {
			line = line[:len(line)-1]
		}
	}
	return string(bytes.ToValidUTF8(line, []byte("\uFFFD"))) + more
}

// describe is the message of a bad row that ends something.
func describe(b plan.BadRow) string { return fmt.Sprintf("%s:%d: %s", b.File, b.Line, b.Reason) }
