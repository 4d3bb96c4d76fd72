// Package gemm multiplies dense matrices, in float32 and float64, and gives the same
// bits on every machine and with any number of cores: the element of row i and column
// j of the product of op(A) [m, k] and op(B) [k, n] is
//
//	x = beta * c[i][j]
//	for p < k { x += (alpha * a[i][p]) * b[p][j] }
//
// each product and each sum rounded, one after the other. How a matrix is cut into
// blocks, and who multiplies which, therefore changes nothing.
//
// Blocks of the factors are packed into panels that the processor reads in a line; a
// kernel keeps a tile of the product in registers. tools/kernelgen writes those for
// AVX2 and AVX-512; the portable one is Go, and the tests compare them with ==. There
// is no fused multiply-add in them: in float32 nothing but hardware has one, so the
// portable kernel would have to emulate it. It would be faster by a fifth or more
// (BenchmarkSquare): equal bits everywhere are worth that.
//
// The models of neural networks call it, through their graphs, and whoever has tall
// dense matrices. The functions hold no state and may be called from any goroutine;
// each works with as many goroutines of its own as there are cores, and returns
// after the last.
package gemm

import (
	"sync"

	"parley/internal/linalg/parallel"
)

// Op says how a factor stands in memory.
type Op bool

const (
	AsIs       Op = false // [rows, columns], row by row
	Transposed Op = true  // its transpose does
)

const badLength = "gemm: a matrix is outside of its slice"

// Float32 sets c [m, n] to alpha·op(a)·op(b) + beta·c; op(a) is [m, k] and op(b)
// [k, n]. Rows of what is in memory are lda, ldb and ldc elements apart. With a beta
// of 0 what c held is not looked at.
func Float32(opA, opB Op, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	multiply(&single, &singles, opA, opB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// Float64 is Float32 in float64.
func Float64(opA, opB Op, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	multiply(&double, &doubles, opA, opB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

type element interface{ float32 | float64 }

// kernel is what adds the product of two packed panels to a tile.
type kernel[T element] struct {
	rows, columns int // of a tile
	run           func(k int, a, b, c *T, stride int)
}

// The blocks of op(A) and op(B) that are packed at a time. rowBlock is a multiple of
// the rows of every tile, and what one goroutine multiplies; small, so that there is
// work for several in a batch of some hundred rows.
const (
	depthBlock  = 256
	rowBlock    = 24
	columnBlock = 2048
)

// tileSize is the size of the largest tile.
const tileSize = 12 * 32

// pool keeps the memory of panels.
type pool[T element] struct{ sync.Pool }

func (p *pool[T]) get(n int) *[]T {
	s, _ := p.Get().(*[]T)
	if s == nil {
		s = new([]T)
	}
	if cap(*s) < n {
		*s = make([]T, n)
	}
	*s = (*s)[:n]
	return s
}

var (
	singles pool[float32]
	doubles pool[float64]
)

// check panics unless a matrix is within its slice.
func check(op Op, rows, columns, stride, length int) {
	if op == Transposed {
		rows, columns = columns, rows
	}
	if rows < 0 || columns < 0 || stride < columns || rows > 0 && columns > 0 && (rows-1)*stride+columns > length {
		panic(badLength)
	}
}

// product is a multiplication that goes on.
type product[T element] struct {
	kernel   *kernel[T]
	pool     *pool[T]
	opA, opB Op
	m        int
	alpha    T
	a, b, c  []T
	lda, ldb int
	ldc      int
}

func multiply[T element](kernel *kernel[T], pool *pool[T], opA, opB Op, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	check(opA, m, k, lda, len(a))
	check(opB, k, n, ldb, len(b))
	check(AsIs, m, n, ldc, len(c))
	if beta != 1 {
		for i := range m {
			scale(c[i*ldc:i*ldc+n], beta)
		}
	}
	if m == 0 || n == 0 || k == 0 {
		return
	}
	p := &product[T]{kernel: kernel, pool: pool, opA: opA, opB: opB, m: m, alpha: alpha, a: a, b: b, c: c, lda: lda, ldb: ldb, ldc: ldc}
	packed := pool.get(roundUp(min(n, columnBlock), kernel.columns) * min(k, depthBlock))
	defer pool.Put(packed)
	for from := 0; from < n; from += columnBlock {
		for at := 0; at < k; at += depthBlock {
			p.block(from, min(columnBlock, n-from), at, min(depthBlock, k-at), *packed)
		}
	}
}

func scale[T element](c []T, beta T) {
	if beta == 0 {
		clear(c)
		return
	}
	for j := range c {
		c[j] *= beta
	}
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// block adds the products of some columns of op(A) and the same rows of op(B), of
// which it takes some columns.
func (p *product[T]) block(from, columns, at, depth int, packed []T) {
	width := p.kernel.columns
	panels := (columns + width - 1) / width
	parallel.Do(panels, columns*depth, func(i int) {
		panel := packed[i*width*depth : (i+1)*width*depth]
		first := from + i*width
		pack(panel, width, p.b, p.ldb, p.opB == AsIs, first, min(width, from+columns-first), at, depth, 1)
	})
	blocks := (p.m + rowBlock - 1) / rowBlock
	parallel.Do(blocks, p.m*columns*depth/16, func(i int) {
		p.rows(i*rowBlock, min(rowBlock, p.m-i*rowBlock), from, columns, at, depth, packed)
	})
}

// rows is block for some rows of op(A).
func (p *product[T]) rows(first, rows, from, columns, at, depth int, packed []T) {
	height, width := p.kernel.rows, p.kernel.columns
	memory := p.pool.get(rowBlock*depthBlock + tileSize)
	defer p.pool.Put(memory)
	panels, tile := (*memory)[:rowBlock*depth], (*memory)[rowBlock*depthBlock:]
	for i := 0; i < rows; i += height {
		pack(panels[i*depth:(i+height)*depth], height, p.a, p.lda, p.opA == Transposed, first+i, min(height, rows-i), at, depth, p.alpha)
	}
	for j := 0; j < columns; j += width {
		b := packed[j*depth : (j+width)*depth]
		for i := 0; i < rows; i += height {
			a, c := panels[i*depth:(i+height)*depth], p.c[(first+i)*p.ldc+from+j:]
			if h, w := min(height, rows-i), min(width, columns-j); h < height || w < width {
				p.edge(tile, depth, a, b, c, h, w)
			} else {
				p.kernel.run(depth, &a[0], &b[0], &c[0], p.ldc)
			}
		}
	}
}

// edge multiplies panels where less than a tile is left of the product.
func (p *product[T]) edge(tile []T, depth int, a, b, c []T, rows, columns int) {
	width := p.kernel.columns
	clear(tile)
	for i := range rows {
		copy(tile[i*width:i*width+columns], c[i*p.ldc:])
	}
	p.kernel.run(depth, &a[0], &b[0], &tile[0], width)
	for i := range rows {
		copy(c[i*p.ldc:i*p.ldc+columns], tile[i*width:])
	}
}

// pack sets a panel of so many lanes to the lanes from first on of a matrix, lane by
// lane for each step of the depth from at on:
//
//	panel[p*lanes+i] = alpha * x(first+i, at+p)
//
// where x(i, p) is m[p*stride+i] if lanes are neighbours in memory, and else
// m[i*stride+p]. Lanes that there are not are 0.
func pack[T element](panel []T, lanes int, m []T, stride int, neighbours bool, first, have, at, depth int, alpha T) {
	if have < lanes {
		clear(panel)
	}
	if neighbours {
		for p := range depth {
			copy(panel[p*lanes:p*lanes+have], m[(at+p)*stride+first:])
		}
	} else {
		transpose(panel, lanes, m[first*stride+at:], stride, have, depth)
	}
	if alpha != 1 {
		for i := range panel {
			panel[i] *= alpha
		}
	}
}

// transpose sets panel[p*lanes+i] to m[i*stride+p] for i < have and p < depth, four
// lanes at a time.
func transpose[T element](panel []T, lanes int, m []T, stride, have, depth int) {
	i := 0
	for ; i+4 <= have; i += 4 {
		a, b := m[i*stride:][:depth], m[(i+1)*stride:][:depth]
		c, d := m[(i+2)*stride:][:depth], m[(i+3)*stride:][:depth]
		to := panel[i:]
		for p := range depth {
			t := to[p*lanes : p*lanes+4 : p*lanes+4]
			t[0], t[1], t[2], t[3] = a[p], b[p], c[p], d[p]
		}
	}
	for ; i < have; i++ {
		for p, v := range m[i*stride:][:depth] {
			panel[p*lanes+i] = v
		}
	}
}
