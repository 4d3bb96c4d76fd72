package artifact

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"slices"

	"parley/internal/param"
)

// entry is a tensor and the bytes [begin, end) of it, counted from the start of
// the data.
type entry struct {
	Tensor
	begin, end int64
}

// parseHeader reads the header of a safetensors file of the given size. It
// returns the tensors in the order of their data and where the data starts.
// Nothing is allocated before its size is known to be sound; the tensors cover
// the data exactly, without gaps or overlaps.
func parseHeader(file io.ReaderAt, size int64) ([]entry, int64, error) {
	var prefix [8]byte
	if size < int64(len(prefix)) {
		return nil, 0, param.Errorf(param.Corrupt, "%d bytes are too few for a safetensors file", size)
	}
	if _, err := file.ReadAt(prefix[:], 0); err != nil {
		return nil, 0, err
	}
	length := binary.LittleEndian.Uint64(prefix[:])
	if length > maxHeader || int64(length) > size-int64(len(prefix)) {
		return nil, 0, param.Errorf(param.Corrupt, "a header of %d bytes is too long: the file has %d bytes, a header at most %d",
			length, size, maxHeader)
	}
	text := make([]byte, length)
	if _, err := file.ReadAt(text, int64(len(prefix))); err != nil && err != io.EOF {
		return nil, 0, err
	}
	data := int64(len(prefix)) + int64(length)
	entries, err := parseEntries(text)
	if err == nil {
		err = checkLayout(entries, size-data)
	}
	if err != nil {
		return nil, 0, param.Errorf(param.Corrupt, "header: %w", err)
	}
	return entries, data, nil
}

// parseEntries decodes the JSON header. It goes token by token because
// decoding into a map would hide a name that comes twice.
func parseEntries(text []byte) ([]entry, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	var entries []entry
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := key.(string) // keys are strings: the decoder checks that
		if seen[name] {
			return nil, param.Errorf(param.Corrupt, "tensor %.64q comes twice", name)
		}
		seen[name] = true
		if name == "__metadata__" { // free text of other writers
			var ignored map[string]string
			if err := d.Decode(&ignored); err != nil {
				return nil, err
			}
			continue
		}
		if len(entries) == maxTensors {
			return nil, param.Errorf(param.Corrupt, "more than %d tensors", maxTensors)
		}
		e, err := parseEntry(name, d)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("text after the JSON object")
	}
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end))
	})
	return entries, nil
}

// parseEntry decodes the description of one tensor.
func parseEntry(name string, d *json.Decoder) (entry, error) {
	var raw struct {
		DType   DType   `json:"dtype"`
		Shape   []int64 `json:"shape"`
		Offsets []int64 `json:"data_offsets"`
	}
	if err := d.Decode(&raw); err != nil {
		return entry{}, param.Errorf(param.Corrupt, "tensor %.64q: %w", name, err)
	}
	e := entry{Tensor: Tensor{Name: name, DType: raw.DType, Shape: raw.Shape}}
	if e.Shape == nil || len(raw.Offsets) != 2 {
		return entry{}, param.Errorf(param.Corrupt, "tensor %.64q lacks its shape or its two data_offsets", name)
	}
	e.begin, e.end = raw.Offsets[0], raw.Offsets[1]
	return e, e.validate()
}

// checkLayout reports tensors that do not cover the data from 0 to size, each
// with as many bytes as its shape says.
func checkLayout(entries []entry, size int64) error {
	at := int64(0)
	for _, e := range entries {
		if e.begin != at {
			return param.Errorf(param.Corrupt, "tensor %q starts at byte %d of the data, want %d", e.Name, e.begin, at)
		}
		if e.end < e.begin || e.end-e.begin != e.Bytes() {
			return param.Errorf(param.Corrupt, "tensor %s has the bytes [%d, %d), want %d of them", e.Tensor, e.begin, e.end, e.Bytes())
		}
		at = e.end
	}
	if at != size {
		return param.Errorf(param.Corrupt, "the tensors take %d bytes, the file has %d for them", at, size)
	}
	return nil
}
