package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// combinations writes what combines contributions.
func combinations(c *build.Context) {
	addMean(c)
	shrink(c, "shrinkAVX2", false)
	shrink(c, "shrinkAdaGradAVX2", true)
}

func addMean(ctx *build.Context) {
	k := begin(ctx, "addMeanAVX2", "func(dst, src, change *float32, touched *uint32, n int)",
		"addMeanAVX2 is AddMean.")
	dst, src, change, touched := k.pointer("dst"), k.pointer("src"), k.pointer("change"), k.pointer("touched")
	k.loop(8, func() {
		v, m := k.load(change), k.YMM()
		k.VCVTDQ2PS(k.at(touched, 4), m)
		k.div(v, v, m)
		k.add(v, v, k.at(src, 4))
		k.keep(v, k.untouched(touched), src)
		k.store(dst, v)
	}, nil)
}

// shrink works on 4 weights at a time, in float64.
func shrink(ctx *build.Context, name string, adagrad bool) {
	params, doc := "w", name+" is Shrink"
	if adagrad {
		params, doc = "w, squares", name+" is ShrinkAdaGrad"
	}
	k := begin(ctx, name, "func("+params+" *float32, touched *uint32, n int, shares *float64, last uint32, c *[3]float64)",
		doc+"; last is the index of the last share, c is amount, 1, epsilon.")
	w, touched, shares := k.pointer("w"), k.pointer("touched"), k.pointer("shares")
	var squares reg.Register
	if adagrad {
		squares = k.pointer("squares")
	}
	last := k.XMM()
	lastScalar := k.Load(k.Param("last"), k.GP32())
	k.VMOVD(lastScalar, last)
	k.VPBROADCASTD(last, last)
	array := k.pointer("c")
	var c [3]reg.VecVirtual
	for i := range c {
		c[i] = k.YMM()
		k.VBROADCASTSD(operand.Mem{Base: array, Disp: 8 * i}, c[i])
	}
	k.loop(4, func() {
		index, step, mask, v, x := k.XMM(), k.YMM(), k.YMM(), k.YMM(), k.XMM()
		k.VPMINUD(k.at(touched, 4), last, index)
		k.VPCMPEQD(mask, mask, mask)
		k.VGATHERDPD(mask, operand.Mem{Base: shares, Index: index, Scale: 8}, step)
		k.VMULPD(step, c[0], step)
		if adagrad {
			root := k.YMM()
			k.VCVTPS2PD(k.at(squares, 4), root)
			k.VSQRTPD(root, root)
			k.VADDPD(c[2], root, root)
			k.VDIVPD(root, step, step)
		}
		k.VADDPD(step, c[1], step)
		k.VCVTPS2PD(k.at(w, 4), v)
		k.VDIVPD(step, v, v)
		k.VCVTPD2PSY(v, x)
		if adagrad {
			// Where 0 < squares is not so, the weight keeps its bits.
			const notLess = 0x15 // unordered too, quiet
			zero := k.XMM()
			k.VXORPS(zero, zero, zero)
			k.VCMPPS(operand.U8(notLess), k.at(squares, 4), zero, zero)
			k.VBLENDVPS(zero, k.at(w, 4), x, x)
		}
		k.VMOVUPS(x, k.at(w, 4))
	}, nil)
}
