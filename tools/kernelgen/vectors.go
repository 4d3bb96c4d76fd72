package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vectors writes sums and checks of slices.
func vectors(c *build.Context) {
	elementwise(c, "addAVX2", "addAVX2 is Add: dst[i] = a[i] + b[i].", (*kernel).add)
	elementwise(c, "subAVX2", "subAVX2 is dst[i] = a[i] - b[i].", (*kernel).sub)
	finite(c)
	ascending(c)
	sumSquares(c)
}

func elementwise(ctx *build.Context, name, doc string, op func(*kernel, reg.VecVirtual, reg.VecVirtual, operand.Op)) {
	k := begin(ctx, name, "func(dst, a, b *float32, n int)", doc)
	dst, a, b := k.pointer("dst"), k.pointer("a"), k.pointer("b")
	k.loop(8, func() {
		y := k.load(a)
		op(k, y, y, k.at(b, 4))
		k.store(dst, y)
	}, nil)
}

func finite(ctx *build.Context) {
	k := begin(ctx, "finiteAVX2", "func(x *float32, n int) (bad uint32)",
		"finiteAVX2 returns 0 if, and only if, all of x are finite.")
	x := k.pointer("x")
	exponent, carry, bad := k.all(0x7f800000), k.all(1<<23), k.YMM()
	k.VPXOR(bad, bad, bad)
	k.loop(8, func() {
		y := k.YMM()
		k.VPAND(k.at(x, 4), exponent, y)
		k.VPADDD(carry, y, y)
		k.VPOR(y, bad, bad)
	}, func() {
		r := k.GP32()
		k.VMOVMSKPS(bad, r)
		k.Store(r, k.Return("bad"))
	})
}

func ascending(ctx *build.Context) {
	k := begin(ctx, "ascendingAVX2", "func(x *uint32, n int) (bad uint32)",
		"ascendingAVX2 returns 0 if, and only if, each of x is below 2^30 and below the next one, of which there must be one more.")
	x := k.pointer("x")
	one, bad, y := k.all(1), k.YMM(), k.YMM()
	k.VPXOR(bad, bad, bad)
	k.loop(8, func() {
		here, next := k.YMM(), k.YMM()
		k.VMOVDQU(k.at(x, 4), here)
		k.VMOVDQU(k.at(x, 4).Offset(4), next)
		k.VPSUBD(here, next, next)
		k.VPSUBD(one, next, next) // the top bit says that it falls
		k.VPOR(next, bad, bad)
		k.VPOR(here, bad, bad)
		k.VPSLLD(operand.U8(1), here, y)
		k.VPOR(y, bad, bad)
	}, func() {
		r := k.GP32()
		k.VMOVMSKPS(bad, r)
		k.Store(r, k.Return("bad"))
	})
}

func sumSquares(ctx *build.Context) {
	k := begin(ctx, "sumSquaresAVX2", "func(x *float32, n int, lanes *[8]float64)",
		"sumSquaresAVX2 sets lanes to the 8 partial sums of SumSquares.")
	x, lanes := k.pointer("x"), k.pointer("lanes")
	low, high := k.YMM(), k.YMM()
	k.VXORPD(low, low, low)
	k.VXORPD(high, high, high)
	k.loop(8, func() {
		a, b := k.YMM(), k.YMM()
		here := k.at(x, 4)
		k.VCVTPS2PD(here, a)
		k.VCVTPS2PD(here.Offset(16), b)
		k.VMULPD(a, a, a)
		k.VMULPD(b, b, b)
		k.VADDPD(a, low, low)
		k.VADDPD(b, high, high)
	}, func() {
		k.VMOVUPD(low, operand.Mem{Base: lanes})
		k.VMOVUPD(high, operand.Mem{Base: lanes, Disp: 32})
	})
}
