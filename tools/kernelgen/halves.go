package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

// halves writes the conversions between float32 and 16-bit floats.
func halves(c *build.Context) {
	toFloat16(c)
	fromFloat16(c)
	toBFloat16(c)
	fromBFloat16(c)
}

const (
	packs   = "func(dst *uint16, src *float32, n int)"
	unpacks = "func(dst *float32, src *uint16, n int)"
)

func toFloat16(ctx *build.Context) {
	k := begin(ctx, "toFloat16AVX2", packs, "toFloat16AVX2 is ToFloat16.")
	dst, src := k.pointer("dst"), k.pointer("src")
	k.loop(8, func() {
		k.VCVTPS2PH(operand.U8(0), k.load(src), k.at(dst, 2))
	}, nil)
}

func fromFloat16(ctx *build.Context) {
	k := begin(ctx, "fromFloat16AVX2", unpacks, "fromFloat16AVX2 is FromFloat16.")
	dst, src := k.pointer("dst"), k.pointer("src")
	k.loop(8, func() {
		y := k.YMM()
		k.VCVTPH2PS(k.at(src, 2), y)
		k.store(dst, y)
	}, nil)
}

func toBFloat16(ctx *build.Context) {
	k := begin(ctx, "toBFloat16AVX2", packs, "toBFloat16AVX2 is ToBFloat16.")
	dst, src := k.pointer("dst"), k.pointer("src")
	one, half, quiet, magnitude, infinity := k.all(1), k.all(0x7fff), k.all(0x40), k.all(0x7fffffff), k.all(0x7f800000)
	k.loop(8, func() {
		x, top, nan, r := k.load(src), k.YMM(), k.YMM(), k.YMM()
		k.VPSRLD(operand.U8(16), x, top)
		k.VPAND(one, top, r)
		k.VPADDD(half, r, r)
		k.VPADDD(x, r, r)
		k.VPSRLD(operand.U8(16), r, r)
		k.VPAND(magnitude, x, nan)
		k.VPCMPGTD(infinity, nan, nan)
		k.VPOR(quiet, top, top)
		k.VBLENDVPS(nan, top, r, r)
		high := k.XMM()
		k.VEXTRACTI128(operand.U8(1), r, high)
		k.VPACKUSDW(high, r.AsX(), high)
		k.VMOVDQU(high, k.at(dst, 2))
	}, nil)
}

func fromBFloat16(ctx *build.Context) {
	k := begin(ctx, "fromBFloat16AVX2", unpacks, "fromBFloat16AVX2 is FromBFloat16.")
	dst, src := k.pointer("dst"), k.pointer("src")
	k.loop(8, func() {
		y := k.YMM()
		k.VPMOVZXWD(k.at(src, 2), y)
		k.VPSLLD(operand.U8(16), y, y)
		k.store(dst, y)
	}, nil)
}
