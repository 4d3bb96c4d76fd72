package checkpoint

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"

	"parley/internal/param"
)

// Part is what a manifest says of the file of one range.
type Part struct {
	// Range is the range whose state it holds.
	Range param.RangeID `json:"range"`
	// File is its name within the checkpoint's folder. It tells the content, so that
	// a version that is reached again, after a rewind, replaces no part of a
	// checkpoint that is complete.
	File string `json:"file"`
	// Bytes is its length.
	Bytes int64 `json:"bytes"`
	// CRC32C is that of its bytes up to the end of the head and of the checksums of
	// its blocks, so that bytes are summed once. It must not be over the blocks too: a
	// CRC of a block and its checksum is the same for all blocks of one length.
	CRC32C uint32 `json:"crc32c"`
}

// Section is a run of bytes of a part: parameters, or a slot of the optimizer.
type Section struct {
	// Name is the caller's.
	Name string
	// Data may be of any length.
	Data []byte
}

// The sizes of a part's pieces, in bytes.
const (
	blockSize = 1 << 20 // of a section: so much is verified at a time
	sumSize   = 4
	fixedSize = 16 // magic, format and the length of the head
	maxHead   = 64 << 20
)

// magic begins every part.
const magic = "PARLEYCP"

// castagnoli is computed by instructions of amd64 and arm64.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// head is what stands before the sections.
type head struct {
	Dir      string          `json:"dir"`
	Range    param.RangeID   `json:"range"`
	Header   json.RawMessage `json:"header"`
	Sections []extent        `json:"sections"`
}

// extent is a section's.
type extent struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
}

// size returns how many bytes a section takes with its checksums.
func (e extent) size() int64 { return e.Bytes + sumSize*((e.Bytes+blockSize-1)/blockSize) }

// blocks gives a section's data block by block.
func blocks(data []byte, do func(block []byte) error) error {
	for len(data) > 0 {
		n := min(len(data), blockSize)
		if err := do(data[:n]); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// WritePart writes a range's part of the checkpoint dir (see [Dir]): a header, which
// is anything that encoding/json can write, and sections, which are not copied and
// must not change meanwhile. It returns, when the part is durable, what the manifest
// needs to know of it. Errors are those of the store, or Invalid.
func WritePart(ctx context.Context, s Store, dir string, id param.RangeID, header any, sections []Section) (Part, error) {
	if err := checkDir(dir); err != nil {
		return Part{}, err
	}
	start, err := encodeHead(dir, id, header, sections)
	if err != nil {
		return Part{}, err
	}
	// The sums come first, since the last of them names the file.
	p := Part{Range: id, Bytes: int64(len(start)) + sumSize}
	sums := summary{whole: crc32.Checksum(start[:len(start)-sumSize], castagnoli)}
	for _, section := range sections {
		sums.add(section.Data)
		p.Bytes += extent{Bytes: int64(len(section.Data))}.size()
	}
	p.CRC32C = sums.whole
	p.File = fmt.Sprintf("%05d-%08x.part", id, p.CRC32C)
	err = s.Write(ctx, dir+"/"+p.File, func(w io.Writer) error { return writePart(w, start, sections, sums) })
	if err != nil {
		return Part{}, err
	}
	return p, nil
}

// encodeHead returns a part up to its sections.
func encodeHead(dir string, id param.RangeID, header any, sections []Section) ([]byte, error) {
	text, err := json.Marshal(header)
	if err != nil {
		return nil, param.Errorf(param.Invalid, "checkpoint %s, range %d: header: %w", dir, id, err)
	}
	h := head{Dir: dir, Range: id, Header: text, Sections: make([]extent, len(sections))}
	for i, section := range sections {
		h.Sections[i] = extent{section.Name, int64(len(section.Data))}
	}
	if text, err = json.Marshal(h); err != nil {
		return nil, param.Errorf(param.Invalid, "checkpoint %s, range %d: header: %w", dir, id, err)
	}
	if len(text) > maxHead {
		return nil, param.Errorf(param.Invalid, "checkpoint %s, range %d: a header of %d bytes, at most %d are possible: move data to sections", dir, id, len(text), maxHead)
	}
	start := make([]byte, 0, fixedSize+len(text)+sumSize)
	start = append(start, magic...)
	start = binary.LittleEndian.AppendUint32(start, Format)
	start = binary.LittleEndian.AppendUint32(start, uint32(len(text)))
	start = append(start, text...)
	return binary.LittleEndian.AppendUint32(start, crc32.Checksum(start, castagnoli)), nil
}

// summary has the checksums of a part.
type summary struct {
	blocks []uint32 // of all sections' blocks
	whole  uint32   // of the bytes up to the end of the head, and of blocks
}

// add takes in a section.
func (s *summary) add(data []byte) {
	var sum [sumSize]byte
	blocks(data, func(block []byte) error { // it returns no error
		s.blocks = append(s.blocks, crc32.Checksum(block, castagnoli))
		binary.LittleEndian.PutUint32(sum[:], s.blocks[len(s.blocks)-1])
		s.whole = crc32.Update(s.whole, castagnoli, sum[:])
		return nil
	})
}

// writePart writes all of a part.
func writePart(w io.Writer, start []byte, sections []Section, sums summary) error {
	if err := write(w, start); err != nil {
		return err
	}
	next := 0
	var sum [sumSize]byte
	for _, section := range sections {
		err := blocks(section.Data, func(block []byte) error {
			binary.LittleEndian.PutUint32(sum[:], sums.blocks[next])
			next++
			if err := write(w, block); err != nil {
				return err
			}
			return write(w, sum[:])
		})
		if err != nil {
			return err
		}
	}
	binary.LittleEndian.PutUint32(sum[:], sums.whole)
	return write(w, sum[:])
}

// write does not rely on a store to tell that it took fewer bytes.
func write(w io.Writer, p []byte) error {
	n, err := w.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return err
}
