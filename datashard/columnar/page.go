package columnar

import (
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// pages reads the pages of one column chunk. It looks at each page's header
// before the library does, which takes as much memory as a header claims.
type pages struct {
	in      *input
	at, end int64 // of the next header, and of the chunk
	lib     *parquet.FilePages
	page    parquet.Page // the last one, nil at first
}

// codecs are the ways of compression that can be read.
var codecs = map[format.CompressionCodec]bool{
	format.Uncompressed: true, format.Snappy: true, format.Gzip: true, format.Zstd: true, format.Lz4Raw: true, format.Brotli: true,
}

func openPages(in *input, chunk *parquet.FileColumnChunk, meta *format.ColumnMetaData) (*pages, error) {
	start := meta.DataPageOffset
	if meta.DictionaryPageOffset != 0 {
		start = meta.DictionaryPageOffset
	}
	size := meta.TotalCompressedSize
	if start < 4 || size < 0 || start > in.size || size > in.size-start {
		return nil, damage("a column of %d bytes at %d, but the file has %d", size, start, in.size)
	}
	return &pages{in: in, at: start, end: start + size, lib: chunk.PagesFrom(in)}, nil
}

// next returns the next page of values, io.EOF after the last. It is valid until
// the next call.
func (p *pages) next() (parquet.Page, error) {
	for {
		if p.at >= p.end {
			return nil, io.EOF
		}
		kind, err := p.check()
		if err != nil {
			return nil, err
		}
		if kind == format.DataPage || kind == format.DataPageV2 {
			break
		}
	}
	p.release()
	page, err := p.lib.ReadPage()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	p.page = page
	return page, err
}

// check checks the header of the next page and goes on to the one after it.
func (p *pages) check() (format.PageType, error) {
	header, size, err := p.header()
	if err != nil {
		return 0, err
	}
	p.at += size
	packed, plain := int64(header.CompressedPageSize), int64(header.UncompressedPageSize)
	if packed < 0 || packed > p.end-p.at {
		return 0, damage("a page of %d bytes, but its column has %d more", packed, p.end-p.at)
	}
	// Writers make pages of a megabyte or so. The best codecs shrink equal bytes
	// some ten thousand times, so the ratio alone would be no bound.
	if plain < 0 || plain > 64<<20+1024*packed {
		return 0, damage("a page of %d bytes claims to hold %d", packed, plain)
	}
	for _, n := range []int32{header.DataPageHeader.V.NumValues, header.DataPageHeaderV2.V.NumValues, header.DictionaryPageHeader.V.NumValues} {
		if n < 0 || int64(n) > 16<<20+8*plain {
			return 0, damage("a page of %d bytes claims to hold %d values", plain, n)
		}
	}
	p.at += packed
	return header.Type, nil
}

// header decodes the header at p.at and returns its length. Most are short; what
// makes some long is the statistics of texts.
func (p *pages) header() (header format.PageHeader, size int64, err error) {
	for _, most := range []int64{256, 16 << 20} {
		b, err := p.in.bytes(p.at, min(most, p.end-p.at))
		if err != nil {
			return header, 0, err
		}
		if n := skipStruct(b, 0, 0); n > 0 {
			var protocol thrift.CompactProtocol
			return header, int64(n), thrift.NewDecoder(protocol.NewReaderFromBytes(b[:n])).Decode(&header)
		}
	}
	return header, 0, damage("a page has no header")
}

func (p *pages) release() {
	if p.page != nil {
		parquet.Release(p.page)
		p.page = nil
	}
}

func (p *pages) close() error {
	p.release()
	return p.lib.Close()
}

// pageVector returns the cells of a page of a column that is not nested.
func pageVector(page parquet.Page, values func(parquetValues) values) vector {
	n := int(page.NumValues())
	v := vector{rows: n}
	levels := page.DefinitionLevels()
	dictionary := page.Dictionary()
	if dictionary == nil {
		v.values = values(page.Data())
		if len(levels) > 0 && page.NumNulls() > 0 {
			v.index = make([]int32, n)
			present(v.index, levels, 1)
		}
		return v
	}
	v.values = values(dictionary.Page().Data())
	data := page.Data()
	places := data.Int32()
	v.index = make([]int32, n)
	if len(levels) == 0 {
		copy(v.index, places[:n])
		return v
	}
	present(v.index, levels, 1)
	for i, at := range v.index {
		if at >= 0 {
			v.index[i] = places[at]
		}
	}
	return v
}

// present sets index to the position of each cell's value among those that are
// there, -1 where the definition level says that there is none.
func present(index []int32, levels []byte, defined byte) {
	at := int32(0)
	for i, level := range levels {
		index[i] = -1
		if level == defined {
			index[i] = at
			at++
		}
	}
}
