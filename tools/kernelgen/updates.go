package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// updates writes the update rules; their constants are in the order of the
// arrays that internal/linalg passes.
func updates(c *build.Context) {
	gradientDescent(c)
	momentum(c, "momentumAVX2", false)
	momentum(c, "nesterovAVX2", true)
	adaGrad(c)
	adam(c)
	ftrl(c)
}

// gradient returns g = sum*scale + l2*w; the constants begin with scale, l2 and
// the mask of what may rest.
func (k *kernel) gradient(sum reg.Register, w reg.VecVirtual, c []reg.VecVirtual) reg.VecVirtual {
	g, p := k.YMM(), k.YMM()
	k.mul(g, c[0], k.at(sum, 4))
	k.mul(p, c[1], w)
	k.add(g, g, p)
	return g
}

// rest returns the mask of keys that keep their bits.
func (k *kernel) rest(touched reg.Register, c []reg.VecVirtual) reg.VecVirtual {
	m := k.untouched(touched)
	k.VPAND(c[2], m, m)
	return m
}

func gradientDescent(ctx *build.Context) {
	k := begin(ctx, "gradientDescentAVX2", "func(dst, src, sum *float32, touched *uint32, n int, c *[4]float32)",
		"gradientDescentAVX2 is GradientDescent; c is scale, l2, rest, rate.")
	c := k.constants(4)
	dst, src, sum, touched := k.pointer("dst"), k.pointer("src"), k.pointer("sum"), k.pointer("touched")
	k.loop(8, func() {
		w := k.load(src)
		g := k.gradient(sum, w, c)
		k.mul(g, c[3], g)
		k.sub(w, w, g)
		k.keep(w, k.rest(touched, c), src)
		k.store(dst, w)
	}, nil)
}

func momentum(ctx *build.Context, name string, nesterov bool) {
	k := begin(ctx, name, "func(dst, src *[2]*float32, sum *float32, touched *uint32, n int, c *[5]float32)",
		name+" is Momentum; c is scale, l2, rest, rate, momentum.")
	c := k.constants(5)
	dst, src, sum, touched := k.slots("dst", 2), k.slots("src", 2), k.pointer("sum"), k.pointer("touched")
	k.loop(8, func() {
		w, b := k.load(src[0]), k.YMM()
		g := k.gradient(sum, w, c)
		k.mul(b, c[4], k.at(src[1], 4))
		k.add(b, b, g)
		d := b
		if nesterov {
			d = k.YMM()
			k.mul(d, c[4], b)
			k.add(d, g, d)
		}
		step := k.YMM()
		k.mul(step, c[3], d)
		k.sub(w, w, step)
		rest := k.rest(touched, c)
		k.keep(w, rest, src[0])
		k.keep(b, rest, src[1])
		k.store(dst[0], w)
		k.store(dst[1], b)
	}, nil)
}

func adaGrad(ctx *build.Context) {
	k := begin(ctx, "adaGradAVX2", "func(dst, src *[2]*float32, sum *float32, touched *uint32, n int, c *[5]float32)",
		"adaGradAVX2 is AdaGrad; c is scale, l2, rest, rate, epsilon.")
	c := k.constants(5)
	dst, src, sum, touched := k.slots("dst", 2), k.slots("src", 2), k.pointer("sum"), k.pointer("touched")
	k.loop(8, func() {
		w, a, root := k.load(src[0]), k.YMM(), k.YMM()
		g := k.gradient(sum, w, c)
		k.mul(a, g, g)
		k.add(a, a, k.at(src[1], 4))
		k.VSQRTPS(a, root)
		k.add(root, root, c[4])
		k.mul(g, c[3], g)
		k.div(g, g, root)
		k.sub(w, w, g)
		rest := k.rest(touched, c)
		k.keep(w, rest, src[0])
		k.keep(a, rest, src[1])
		k.store(dst[0], w)
		k.store(dst[1], a)
	}, nil)
}

func adam(ctx *build.Context) {
	k := begin(ctx, "adamAVX2", "func(dst, src *[3]*float32, sum *float32, touched *uint32, n int, c *[10]float32)",
		"adamAVX2 is Adam; c is scale, l2, rest, keep1, take1, keep2, take2, rate, root, epsilon.")
	c := k.constants(10)
	dst, src, sum, touched := k.slots("dst", 3), k.slots("src", 3), k.pointer("sum"), k.pointer("touched")
	k.loop(8, func() {
		w := k.load(src[0])
		g := k.gradient(sum, w, c)
		m, v, t := k.YMM(), k.YMM(), k.YMM()
		k.mul(m, c[3], k.at(src[1], 4))
		k.mul(t, c[4], g)
		k.add(m, m, t)
		k.mul(g, g, g)
		k.mul(g, c[6], g)
		k.mul(v, c[5], k.at(src[2], 4))
		k.add(v, v, g)
		k.VSQRTPS(v, g)
		k.mul(g, c[8], g)
		k.add(g, g, c[9])
		k.mul(t, c[7], m)
		k.div(t, t, g)
		k.sub(w, w, t)
		rest := k.rest(touched, c)
		for s, y := range []reg.VecVirtual{w, m, v} {
			k.keep(y, rest, src[s])
			k.store(dst[s], y)
		}
	}, nil)
}

func ftrl(ctx *build.Context) {
	const greater = 0x1e // ordered, quiet
	k := begin(ctx, "ftrlAVX2", "func(dst, src *[3]*float32, sum *float32, touched *uint32, n int, c *[5]float32)",
		"ftrlAVX2 is FTRL; c is scale, perAlpha, beta, l1, l2.")
	c := k.constants(5)
	sign := k.all(1 << 31)
	dst, src, sum, touched := k.slots("dst", 3), k.slots("src", 3), k.pointer("sum"), k.pointer("touched")
	k.loop(8, func() {
		g, z, a, root, t := k.YMM(), k.YMM(), k.load(src[2]), k.YMM(), k.YMM()
		k.mul(g, c[0], k.at(sum, 4))
		k.VSQRTPS(a, t)
		k.mul(z, g, g)
		k.add(a, a, z)
		k.VSQRTPS(a, root)
		k.sub(t, root, t)
		k.mul(t, t, c[1])
		k.mul(t, t, k.at(src[0], 4))
		k.add(z, g, k.at(src[1], 4))
		k.sub(z, z, t)

		w, big := k.YMM(), k.YMM()
		k.VANDNPS(z, sign, big)
		k.VCMPPS(operand.U8(greater), c[3], big, big)
		k.VANDPS(z, sign, w)
		k.VORPS(c[3], w, w)
		k.sub(w, w, z)
		k.add(root, c[2], root)
		k.mul(root, root, c[1])
		k.add(root, root, c[4])
		k.div(w, w, root)
		k.VANDPS(big, w, w)

		rest := k.untouched(touched)
		for s, y := range []reg.VecVirtual{w, z, a} {
			k.keep(y, rest, src[s])
			k.store(dst[s], y)
		}
	}, nil)
}
