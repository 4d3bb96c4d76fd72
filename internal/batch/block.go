package batch

import "slices"

// Block is a batch of rows with its own key list. Nonzero j of the block
// belongs to column Columns[Index[j]]; row i has the nonzeros Offsets[i] to
// Offsets[i+1]. The parameters of a block are therefore pulled and pushed once a
// unique column, in column order, and the inner loops gather from a buffer of
// len(Columns) that fits the processor's cache.
type Block struct {
	Columns  []uint32 // sorted, unique; nil where the index is of the columns themselves
	Seed     uint64   // of what a model draws for the batch
	Labels   []float32
	Weights  []float32 // one a row, or nil: all 1
	Exposure []float32 // one a row, or nil: all 1
	Offsets  []uint32  // rows + 1
	Index    []uint32  // into Columns, ascending within a row
	Values   []float32
	// Ready is what a model has made of the block before it learns from it; the next
	// block in the same memory may use it again.
	Ready any
}

// Rows returns the number of rows.
func (b *Block) Rows() int { return len(b.Labels) }

// factorsOf returns the rows' weights or exposures in the memory of dst, nil if no
// part has some.
func factorsOf(dst []float32, parts []*CSR, rows []Row, of func(*CSR) []float32) []float32 {
	if !slices.ContainsFunc(parts, func(p *CSR) bool { return of(p) != nil }) {
		return nil
	}
	dst = dst[:0]
	for _, r := range rows {
		x := float32(1)
		if p := of(parts[r.Part]); p != nil {
			x = p[r.Row]
		}
		dst = append(dst, x)
	}
	return dst
}

func weightsOf(p *CSR) []float32 { return p.Weights }

func exposureOf(p *CSR) []float32 { return p.Exposure }
