package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// factors writes the kernels of factorization machines, for 8 factors of each
// column, which a register holds. A row of a table is a column's weight, which they
// leave alone, and its factors.
func factors(c *build.Context) {
	factorSums(c)
	factorsSGD(c)
	factorsAdaGrad(c)
}

// value returns the current nonzero's value in all lanes.
func (k *row) value() reg.VecVirtual {
	y := k.YMM()
	k.VBROADCASTSS(k.at(k.values, 4), y)
	return y
}

func factorSums(c *build.Context) {
	k := beginRow(c, "factorSumsAVX2", "sums, squares, table *float32", 4, "factorSumsAVX2 is FactorSums for 8 factors, from those of the table's first row on, and n nonzeros.")
	sums, squares, table := k.pointer("sums"), k.pointer("squares"), k.pointer("table")
	sum, square := k.YMM(), k.YMM()
	k.VXORPS(sum, sum, sum)
	k.VXORPS(square, square, square)
	k.loop(1, func() {
		x, from := k.value(), k.here(table)
		k.mul(x, x, operand.Mem{Base: from})
		k.add(sum, sum, x)
		k.mul(x, x, x)
		k.add(square, square, x)
	}, func() {
		k.VMOVUPS(sum, operand.Mem{Base: sums})
		k.VMOVUPS(square, operand.Mem{Base: squares})
	})
}

// slope makes dst the derivatives with respect to the factors v: step is that with
// respect to the weight.
func (k *row) slope(dst, step, sum, v, x reg.VecVirtual) {
	k.mul(dst, v, x)
	k.sub(dst, sum, dst)
	k.mul(dst, step, dst)
}

func factorsSGD(c *build.Context) {
	k := beginRow(c, "factorsSGDAVX2", "table, sums, c *float32", 4, "factorsSGDAVX2 is FactorsSGD for 8 factors and n nonzeros; c is rate * gradient.")
	table, sums := k.pointer("table"), k.pointer("sums")
	scale := k.constants(1)[0]
	sum := k.YMM()
	k.VMOVUPS(operand.Mem{Base: sums}, sum)
	k.loop(1, func() {
		x, at := k.value(), k.here(table)
		v, step, d := k.YMM(), k.YMM(), k.YMM()
		k.VMOVUPS(operand.Mem{Base: at}, v)
		k.mul(step, scale, x)
		k.slope(d, step, sum, v, x)
		k.sub(v, v, d)
		k.VMOVUPS(v, operand.Mem{Base: at})
	}, nil)
}

func factorsAdaGrad(c *build.Context) {
	k := beginRow(c, "factorsAdaGradAVX2", "table, squares, sums, c *float32", 4, "factorsAdaGradAVX2 is FactorsAdaGrad for 8 factors and n nonzeros; c is gradient, rate and epsilon.")
	table, squares, sums := k.pointer("table"), k.pointer("squares"), k.pointer("sums")
	constants := k.constants(3)
	gradient, rate, epsilon := constants[0], constants[1], constants[2]
	sum := k.YMM()
	k.VMOVUPS(operand.Mem{Base: sums}, sum)
	k.loop(1, func() {
		x, at := k.value(), k.here(table)
		apart := k.here(squares)
		v, g, s := k.YMM(), k.YMM(), k.YMM()
		k.VMOVUPS(operand.Mem{Base: at}, v)
		k.mul(s, gradient, x)
		k.slope(g, s, sum, v, x)
		k.mul(s, g, g)
		k.add(s, s, operand.Mem{Base: apart})
		k.VMOVUPS(s, operand.Mem{Base: apart})
		k.VSQRTPS(s, s)
		k.add(s, s, epsilon)
		k.mul(g, rate, g)
		k.div(g, g, s)
		k.sub(v, v, g)
		k.VMOVUPS(v, operand.Mem{Base: at})
	}, nil)
}
