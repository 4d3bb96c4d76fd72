package rpc

import (
	"encoding/json"

	"github.com/klauspost/compress/zstd"

	"parley/internal/param"
)

// maxPacked bounds what a packed value unpacks to.
const maxPacked = 1 << 30

func must[T any](v T, err error) T {
	if err != nil { // constant options
		panic("rpc: zstd: " + err.Error())
	}
	return v
}

// Pack returns the JSON of plain values, compressed: manifests name every data
// shard, and vocabularies every word.
func Pack(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil { // plain values
		panic("rpc: pack: " + err.Error())
	}
	e := must(zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<20), zstd.WithEncoderConcurrency(1)))
	return e.EncodeAll(text, nil)
}

// Unpack is the inverse of Pack. The error is Invalid.
func Unpack(data []byte, v any) error {
	d := must(zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxPacked), zstd.WithDecoderConcurrency(1)))
	defer d.Close()
	text, err := d.DecodeAll(data, nil)
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		return param.Errorf(param.Invalid, "a packed value of a message: %w", err)
	}
	return nil
}
