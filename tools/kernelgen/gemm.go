package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A tile is the part of a product that a kernel keeps in registers: so many rows of
// two registers each.
type tile struct {
	name string
	rows int
	size int  // bytes of an element
	wide bool // 512 bits instead of 256
}

// tiles are as large as the registers allow: with 16 of them 12 are of the tile, two
// are of B, one is an element of A in all lanes and one is a product; with 32, 24 are
// of the tile.
var tiles = []tile{
	{name: "sgemmAVX2", rows: 6, size: 4},
	{name: "sgemmAVX512", rows: 12, size: 4, wide: true},
	{name: "dgemmAVX2", rows: 6, size: 8},
	{name: "dgemmAVX512", rows: 12, size: 8, wide: true},
}

// products writes the kernels of matrix products.
func products(c *build.Context) {
	for _, t := range tiles {
		t.write(c)
	}
}

func (t tile) bytes() int {
	if t.wide {
		return 64
	}
	return 32
}

func (t tile) register(c *build.Context) reg.VecVirtual {
	if t.wide {
		return c.ZMM()
	}
	return c.YMM()
}

func (t tile) write(c *build.Context) {
	element := map[int]string{4: "float32", 8: "float64"}[t.size]
	columns := 2 * t.bytes() / t.size
	c.Function(t.name)
	c.Attributes(attr.NOSPLIT)
	c.SignatureExpr(fmt.Sprintf("func(k int, a, b, c *%s, stride int)", element))
	c.Pragma("noescape")
	c.Doc(fmt.Sprintf("%s adds the product of packed panels to a tile of %d×%d whose rows are", t.name, t.rows, columns),
		fmt.Sprintf("stride elements apart: for p < k, c[i*stride+j] += a[p*%d+i] * b[p*%d+j].", t.rows, columns))
	k, a, b := c.Load(c.Param("k"), c.GP64()), c.Load(c.Param("a"), c.GP64()), c.Load(c.Param("b"), c.GP64())
	dst, stride := c.Load(c.Param("c"), c.GP64()), c.Load(c.Param("stride"), c.GP64())
	c.SHLQ(shift(t.size), stride)

	sums := make([][2]reg.VecVirtual, t.rows)
	t.rowsOf(c, dst, stride, func(i int, row operand.Mem) {
		for j := range sums[i] {
			sums[i][j] = t.register(c)
			c.VMOVUPS(row.Offset(j*t.bytes()), sums[i][j])
		}
	})
	c.Label("loop")
	t.step(c, a, b, sums)
	c.ADDQ(operand.I32(int32(t.rows*t.size)), a)
	c.ADDQ(operand.I32(int32(2*t.bytes())), b)
	c.DECQ(k)
	c.JNZ(operand.LabelRef("loop"))
	t.rowsOf(c, dst, stride, func(i int, row operand.Mem) {
		for j, sum := range sums[i] {
			c.VMOVUPS(sum, row.Offset(j*t.bytes()))
		}
	})
	c.VZEROUPPER()
	c.RET()
}

// rowsOf calls each with the address of every row of the tile.
func (t tile) rowsOf(c *build.Context, dst, stride reg.Register, each func(i int, row operand.Mem)) {
	p := c.GP64()
	c.MOVQ(dst, p)
	for i := range t.rows {
		each(i, operand.Mem{Base: p})
		c.ADDQ(stride, p)
	}
}

// step adds the products of one column of A and one row of B.
func (t tile) step(c *build.Context, a, b reg.Register, sums [][2]reg.VecVirtual) {
	multiply, add, broadcast := c.VMULPS, c.VADDPS, c.VBROADCASTSS
	if t.size == 8 {
		multiply, add, broadcast = c.VMULPD, c.VADDPD, c.VBROADCASTSD
	}
	var row [2]reg.VecVirtual
	for j := range row {
		row[j] = t.register(c)
		c.VMOVUPS(operand.Mem{Base: b, Disp: j * t.bytes()}, row[j])
	}
	for i, sum := range sums {
		x, product := t.register(c), t.register(c)
		broadcast(operand.Mem{Base: a, Disp: i * t.size}, x)
		multiply(x, row[0], product)
		add(product, sum[0], sum[0])
		multiply(x, row[1], x)
		add(x, sum[1], sum[1])
	}
}
