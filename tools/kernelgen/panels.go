package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// panels writes the products with panels, for 8 columns of the panel at a time,
// which two registers hold.
func panels(c *build.Context) {
	for _, single := range []bool{true, false} {
		mulTransposed(c, 4, single)
		mulTransposed(c, 1, single)
		mul(c, 4, single)
		mul(c, 1, single)
	}
}

// element is how the kernels name and read the elements of the other matrix.
func element(single bool) (suffix, goType string, size int) {
	if single {
		return "F32", "*float32", 4
	}
	return "F64", "*float64", 8
}

// panel is a kernel that loops over what its parameter n counts.
type panel struct {
	*kernel
	single bool
}

// broadcast returns a register of 4 float64 that are the element at a place.
func (p *panel) broadcast(m operand.Mem) reg.VecVirtual {
	y := p.YMM()
	if !p.single {
		p.VBROADCASTSD(m, y)
		return y
	}
	x := p.XMM()
	p.VBROADCASTSS(m, x)
	p.VCVTPS2PD(x, y)
	return y
}

// strides returns the bytes between rows of a matrix, from a parameter that counts
// elements.
func (p *panel) strides(name string, size int) reg.Register {
	r := p.pointer(name)
	p.SHLQ(shift(size), r)
	return r
}

// mulTransposed is for some columns of the other matrix at a time.
func mulTransposed(c *build.Context, columns int, single bool) {
	suffix, goType, size := element(single)
	name := fmt.Sprintf("mulTransposed%d%sAVX2", columns, suffix)
	k := &panel{begin(c, name, "func(sum *float64, a "+goType+", stride int, b *float64, width, n int)",
		fmt.Sprintf("%s is AddMulTransposed for %d columns of a, 8 of a panel b of some width, and n rows.", name, columns)), single}
	sum, a, b := k.pointer("sum"), k.pointer("a"), k.pointer("b")
	stride, width := k.strides("stride", size), k.strides("width", 8)
	acc := k.accumulators(sum, width, columns)
	k.loop(1, func() {
		low, high := k.pair(b)
		for i := range columns {
			k.addProducts(acc[2*i:], operand.Mem{Base: a, Disp: size * i}, low, high)
		}
		k.ADDQ(stride, a)
		k.ADDQ(width, b)
	}, func() { k.put(sum, width, acc) })
}

// mul is for some rows of the panel at a time.
func mul(c *build.Context, rows int, single bool) {
	suffix, goType, size := element(single)
	name := fmt.Sprintf("mul%d%sAVX2", rows, suffix)
	k := &panel{begin(c, name, "func(b *float64, a "+goType+", stride int, h *float64, width, n int)",
		fmt.Sprintf("%s is AddMul for %d rows, 8 columns of a panel b of some width, and n rows of h.", name, rows)), single}
	b, h := k.pointer("b"), k.pointer("h")
	at := []reg.Register{k.pointer("a")}
	stride, width := k.strides("stride", size), k.strides("width", 8)
	for r := 1; r < rows; r++ {
		next := k.GP64()
		k.MOVQ(at[r-1], next)
		k.ADDQ(stride, next)
		at = append(at, next)
	}
	acc := k.accumulators(b, width, rows)
	k.loop(1, func() {
		low, high := k.pair(h)
		for r := range rows {
			k.addProducts(acc[2*r:], operand.Mem{Base: at[r], Index: k.index, Scale: uint8(size)}, low, high)
		}
		k.ADDQ(width, h)
	}, func() { k.put(b, width, acc) })
}

// addProducts adds the products of the element at a place and two registers to two
// others.
func (p *panel) addProducts(acc []reg.VecVirtual, at operand.Mem, low, high reg.VecVirtual) {
	x, y := p.broadcast(at), p.YMM()
	p.VMULPD(low, x, y)
	p.VADDPD(y, acc[0], acc[0])
	p.VMULPD(high, x, x)
	p.VADDPD(x, acc[1], acc[1])
}

// pair loads the 8 float64 at an address.
func (k *kernel) pair(at reg.Register) (low, high reg.VecVirtual) {
	low, high = k.YMM(), k.YMM()
	k.VMOVUPD(operand.Mem{Base: at}, low)
	k.VMOVUPD(operand.Mem{Base: at, Disp: 32}, high)
	return low, high
}

// accumulators loads 8 float64 of each of some rows.
func (k *kernel) accumulators(at, width reg.Register, rows int) (acc []reg.VecVirtual) {
	k.eachRow(at, width, rows, func(row reg.Register) {
		low, high := k.pair(row)
		acc = append(acc, low, high)
	})
	return acc
}

// put stores what accumulators has loaded.
func (k *kernel) put(at, width reg.Register, acc []reg.VecVirtual) {
	i := 0
	k.eachRow(at, width, len(acc)/2, func(row reg.Register) {
		k.VMOVUPD(acc[i], operand.Mem{Base: row})
		k.VMOVUPD(acc[i+1], operand.Mem{Base: row, Disp: 32})
		i += 2
	})
}

// eachRow calls f with the address of each of some rows.
func (k *kernel) eachRow(at, width reg.Register, rows int, f func(row reg.Register)) {
	row := k.GP64()
	k.MOVQ(at, row)
	for r := range rows {
		f(row)
		if r+1 < rows {
			k.ADDQ(width, row)
		}
	}
}

// sparseRows writes the products of a sparse row and a table of as many columns as
// some registers hold.
func sparseRows(c *build.Context) {
	for _, columns := range []int{16, 4} {
		addRows(c, columns)
		scatterRows(c, columns)
	}
	for _, columns := range []int{64, 32, 8} {
		mulRow(c, columns)
	}
}

// row is a kernel over the nonzeros of a sparse row.
type row struct {
	*panel
	columns, values reg.Register
	stride          reg.Register // bytes of a row of the table
}

func beginRow(c *build.Context, name, params string, size int, doc string) *row {
	k := &row{panel: &panel{begin(c, name, "func("+params+", index *uint32, values *float32, stride, n int)", doc), true}}
	k.columns, k.values = k.pointer("index"), k.pointer("values")
	k.stride = k.strides("stride", size)
	return k
}

// here returns the address of the current nonzero's row in a table.
func (k *row) here(table reg.Register) reg.Register {
	r := k.GP64()
	k.MOVL(k.at(k.columns, 4), r.As32())
	k.IMULQ(k.stride, r)
	k.ADDQ(table, r)
	return r
}

func addRows(c *build.Context, columns int) {
	name := fmt.Sprintf("addRows%dAVX2", columns)
	k := beginRow(c, name, "sums *float64, table *float32", 4, fmt.Sprintf("%s is AddRows for %d columns of a table and n nonzeros.", name, columns))
	sums, table := k.pointer("sums"), k.pointer("table")
	var acc []reg.VecVirtual
	for i := range columns / 4 {
		acc = append(acc, k.YMM())
		k.VMOVUPD(operand.Mem{Base: sums, Disp: 32 * i}, acc[i])
	}
	k.loop(1, func() {
		x, from := k.broadcast(k.at(k.values, 4)), k.here(table)
		for i := range acc {
			y := k.YMM()
			k.VCVTPS2PD(operand.Mem{Base: from, Disp: 16 * i}, y)
			k.VMULPD(x, y, y)
			k.VADDPD(y, acc[i], acc[i])
		}
	}, func() {
		for i := range acc {
			k.VMOVUPD(acc[i], operand.Mem{Base: sums, Disp: 32 * i})
		}
	})
}

func mulRow(c *build.Context, columns int) {
	name := fmt.Sprintf("mulRow%dAVX2", columns)
	k := beginRow(c, name, "dst *float32, table *float32", 4, fmt.Sprintf("%s is MulRows for a row of n nonzeros and %d columns of a table.", name, columns))
	dst, table := k.pointer("dst"), k.pointer("table")
	var acc []reg.VecVirtual
	for i := range columns / 8 {
		acc = append(acc, k.YMM())
		k.VXORPS(acc[i], acc[i], acc[i])
	}
	k.loop(1, func() {
		x, from := k.YMM(), k.here(table)
		k.VBROADCASTSS(k.at(k.values, 4), x)
		for i := range acc {
			y := k.YMM()
			k.VMULPS(operand.Mem{Base: from, Disp: 32 * i}, x, y)
			k.VADDPS(y, acc[i], acc[i])
		}
	}, func() {
		for i := range acc {
			k.VMOVUPS(acc[i], operand.Mem{Base: dst, Disp: 32 * i})
		}
	})
}

func scatterRows(c *build.Context, columns int) {
	name := fmt.Sprintf("scatterRows%dAVX2", columns)
	k := beginRow(c, name, "table, row *float64", 8, fmt.Sprintf("%s is ScatterRows for %d columns of a table and n nonzeros.", name, columns))
	table, from := k.pointer("table"), k.pointer("row")
	var y []reg.VecVirtual
	for i := range columns / 4 {
		y = append(y, k.YMM())
		k.VMOVUPD(operand.Mem{Base: from, Disp: 32 * i}, y[i])
	}
	k.loop(1, func() {
		x, to := k.broadcast(k.at(k.values, 4)), k.here(table)
		for i := range y {
			z, place := k.YMM(), operand.Mem{Base: to, Disp: 32 * i}
			k.VMULPD(x, y[i], z)
			k.VADDPD(place, z, z)
			k.VMOVUPD(z, place)
		}
	}, nil)
}

// doubles writes kernels of float64 vectors, of a multiple of 4 or 8 elements.
func doubles(c *build.Context) {
	k := begin(c, "addScaledAVX2", "func(dst, x *float64, scale float64, n int)", "addScaledAVX2 is AddScaled.")
	dst, x := k.pointer("dst"), k.pointer("x")
	scale := k.scalar("scale")
	k.loop(4, func() {
		y := k.YMM()
		k.VMULPD(k.at(x, 8), scale, y)
		k.VADDPD(k.at(dst, 8), y, y)
		k.VMOVUPD(y, k.at(dst, 8))
	}, nil)

	k = begin(c, "rotateAVX2", "func(x, y *float64, c, s float64, n int)", "rotateAVX2 is Rotate.")
	x, second := k.pointer("x"), k.pointer("y")
	cosine, sine := k.scalar("c"), k.scalar("s")
	k.loop(4, func() {
		v, w, a, b := k.YMM(), k.YMM(), k.YMM(), k.YMM()
		k.VMOVUPD(k.at(x, 8), v)
		k.VMOVUPD(k.at(second, 8), w)
		k.VMULPD(v, cosine, a)
		k.VMULPD(w, sine, b)
		k.VSUBPD(b, a, a)
		k.VMULPD(v, sine, v)
		k.VMULPD(w, cosine, w)
		k.VADDPD(w, v, v)
		k.VMOVUPD(a, k.at(x, 8))
		k.VMOVUPD(v, k.at(second, 8))
	}, nil)

	k = begin(c, "dotAVX2", "func(x, y *float64, n int, lanes *[8]float64)", "dotAVX2 sets lanes to the 8 partial sums of Dot.")
	x, second, lanes := k.pointer("x"), k.pointer("y"), k.pointer("lanes")
	low, high := k.YMM(), k.YMM()
	k.VXORPD(low, low, low)
	k.VXORPD(high, high, high)
	k.loop(8, func() {
		a, b := k.YMM(), k.YMM()
		k.VMOVUPD(k.at(x, 8), a)
		k.VMOVUPD(k.at(x, 8).Offset(32), b)
		k.VMULPD(k.at(second, 8), a, a)
		k.VMULPD(k.at(second, 8).Offset(32), b, b)
		k.VADDPD(a, low, low)
		k.VADDPD(b, high, high)
	}, func() {
		k.VMOVUPD(low, operand.Mem{Base: lanes})
		k.VMOVUPD(high, operand.Mem{Base: lanes, Disp: 32})
	})
}

// scalar broadcasts a parameter, a float64.
func (k *kernel) scalar(name string) reg.VecVirtual {
	x, y := k.XMM(), k.YMM()
	k.Load(k.Param(name), x)
	k.VBROADCASTSD(x, y)
	return y
}
