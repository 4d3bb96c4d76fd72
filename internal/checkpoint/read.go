package checkpoint

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"

	"parley/internal/param"
)

// ReadPart reads a part of the checkpoint dir that its manifest tells of, decodes the
// header into what header points to and returns the sections in the order in which
// they were written. Every byte was verified when it returns without an error. Errors
// are Corrupt, with the file and the offset, where bytes are damaged, missing or of
// another part; Invalid if the part is of another format; those of the store
// otherwise.
func ReadPart(ctx context.Context, s Store, dir string, p Part, header any) ([]Section, error) {
	name := dir + "/" + p.File
	in, err := s.Open(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, param.Errorf(param.Corrupt, "%s: the part of range %d is missing, so this checkpoint cannot be used: %w", shown(s, name), p.Range, err)
	}
	if err != nil {
		return nil, err
	}
	defer in.Close() // it was only read
	r := &partReader{in: in, name: shown(s, name), size: p.Bytes}
	h, err := r.head()
	if err != nil {
		return nil, err
	}
	if err := r.check(h, dir, p); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(h.Header, header); err != nil {
		return nil, param.Errorf(param.Corrupt, "%s: the header is not what is expected of it: %w", r.name, err)
	}
	sections := make([]Section, len(h.Sections))
	for i, e := range h.Sections {
		if sections[i], err = r.section(e); err != nil {
			return nil, err
		}
	}
	return sections, r.end(p)
}

// partReader reads a part from its beginning.
type partReader struct {
	in   io.Reader
	name string
	size int64  // of the file, as the manifest says
	pos  int64  // of the next byte
	sum  uint32 // as in Part, of what is before pos
}

// read fills p with what the sum is made of.
func (r *partReader) read(p []byte) error {
	err := r.fill(p)
	r.sum = crc32.Update(r.sum, castagnoli, p)
	return err
}

// fill fills p.
func (r *partReader) fill(p []byte) error {
	n, err := io.ReadFull(r.in, p)
	r.pos += int64(n)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return param.Errorf(param.Corrupt, "%s: ends at byte %d of %d: it was cut off, use an older checkpoint", r.name, r.pos, r.size)
	case err != nil:
		return explain("read", r.name, err)
	}
	return nil
}

// damaged is the error for bytes from an offset on.
func (r *partReader) damaged(from int64, what string) error {
	return param.Errorf(param.Corrupt, "%s: bytes %d to %d (%s) are damaged: their checksum does not match, use an older checkpoint", r.name, from, r.pos, what)
}

// verify reads a checksum, which is not a part of the sum, and compares it.
func (r *partReader) verify(want uint32, from int64, what string) error {
	var sum [sumSize]byte
	if err := r.fill(sum[:]); err != nil {
		return err
	}
	if binary.LittleEndian.Uint32(sum[:]) != want {
		return r.damaged(from, what)
	}
	return nil
}

// head reads what stands before the sections.
func (r *partReader) head() (*head, error) {
	var fixed [fixedSize]byte
	if err := r.read(fixed[:]); err != nil {
		return nil, err
	}
	if string(fixed[:8]) != magic {
		return nil, param.Errorf(param.Corrupt, "%s: bytes 0 to 8 are not those of a part of a checkpoint, use an older one", r.name)
	}
	length := int64(binary.LittleEndian.Uint32(fixed[12:]))
	if length > maxHead || fixedSize+length+2*sumSize > r.size {
		return nil, param.Errorf(param.Corrupt, "%s: a header of %d bytes at byte 12 does not fit a file of %d: use an older checkpoint", r.name, length, r.size)
	}
	text := make([]byte, length)
	if err := r.read(text); err != nil {
		return nil, err
	}
	if err := r.verify(r.sum, 0, "header"); err != nil {
		return nil, err
	}
	if format := binary.LittleEndian.Uint32(fixed[8:]); format != Format {
		return nil, param.Errorf(param.Invalid, "%s: %w", r.name, otherFormat(int(format)))
	}
	var h head
	if err := json.Unmarshal(text, &h); err != nil {
		return nil, param.Errorf(param.Corrupt, "%s: header at byte %d: %w", r.name, fixedSize, err)
	}
	return &h, nil
}

// otherFormat is the error for what another Parley has written.
func otherFormat(format int) error {
	return param.Errorf(param.Invalid, "written in checkpoint format %d, and this Parley reads format %d: use the release that wrote it", format, Format)
}

// check finds out whether it is the part that the manifest means.
func (r *partReader) check(h *head, dir string, p Part) error {
	if h.Dir != dir || h.Range != p.Range {
		return param.Errorf(param.Corrupt, "%s: holds range %d of checkpoint %s, not range %d of %s: files were exchanged, put back those that were written here", r.name, h.Range, h.Dir, p.Range, dir)
	}
	left := p.Bytes - r.pos - sumSize
	for _, e := range h.Sections {
		if e.Bytes < 0 || e.Bytes > left {
			left = -1
			break
		}
		left -= e.size()
	}
	if left != 0 {
		return param.Errorf(param.Corrupt, "%s: the sections that its header tells of do not make %d bytes, which the manifest demands: use an older checkpoint", r.name, p.Bytes)
	}
	return nil
}

// section reads one, without a copy.
func (r *partReader) section(e extent) (Section, error) {
	data := make([]byte, e.Bytes)
	err := blocks(data, func(block []byte) error {
		from := r.pos
		if err := r.fill(block); err != nil {
			return err
		}
		var sum [sumSize]byte
		want := crc32.Checksum(block, castagnoli)
		binary.LittleEndian.PutUint32(sum[:], want)
		r.sum = crc32.Update(r.sum, castagnoli, sum[:])
		return r.verify(want, from, "section "+e.Name)
	})
	return Section{e.Name, data}, err
}

// end reads what stands behind the sections; there must be no more.
func (r *partReader) end(p Part) error {
	if r.sum != p.CRC32C {
		return param.Errorf(param.Corrupt, "%s: holds another state than the manifest tells of (checksum %08x, not %08x): use an older checkpoint", r.name, r.sum, p.CRC32C)
	}
	if err := r.verify(r.sum, 0, "all"); err != nil {
		return err
	}
	var more [1]byte
	switch n, err := io.ReadFull(r.in, more[:]); {
	case n > 0:
		return param.Errorf(param.Corrupt, "%s: goes on behind byte %d, where it should end: use an older checkpoint", r.name, r.pos)
	case !errors.Is(err, io.EOF):
		return explain("read", r.name, err)
	}
	return nil
}
