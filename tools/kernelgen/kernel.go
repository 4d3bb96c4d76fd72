package main

import (
	"math/bits"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A kernel is a function that works on n elements, a multiple of the width of its
// loop, at pointers that it is given. Nothing is fused: the portable twins round
// every product, and so must these.
type kernel struct {
	*build.Context
	index, count reg.GPVirtual
}

// begin starts a function. Its parameter n is the number of elements, above 0.
func begin(c *build.Context, name, signature string, doc ...string) *kernel {
	c.Function(name)
	c.Attributes(attr.NOSPLIT)
	c.SignatureExpr(signature)
	c.Pragma("noescape")
	c.Doc(doc...)
	k := &kernel{Context: c, index: c.GP64(), count: c.GP64()}
	c.Load(c.Param("n"), k.count)
	return k
}

// shift turns a number of elements, of a power of two of bytes, into one of bytes.
func shift(size int) operand.U8 { return operand.U8(bits.Len(uint(size)) - 1) }

// pointer loads a parameter.
func (k *kernel) pointer(name string) reg.Register { return k.Load(k.Param(name), k.GP64()) }

// slots loads the pointers of a parameter that points to an array of them.
func (k *kernel) slots(name string, n int) (p []reg.Register) {
	array := k.pointer(name)
	for s := range n {
		r := k.GP64()
		k.MOVQ(operand.Mem{Base: array, Disp: 8 * s}, r)
		p = append(p, r)
	}
	return p
}

// constants broadcasts the first n float32 of the array that the parameter c
// points to.
func (k *kernel) constants(n int) (y []reg.VecVirtual) {
	array := k.pointer("c")
	for i := range n {
		r := k.YMM()
		k.VBROADCASTSS(operand.Mem{Base: array, Disp: 4 * i}, r)
		y = append(y, r)
	}
	return y
}

// loop runs the body for the indices 0, step, 2·step, … below n, and then what
// ends the function but its return.
func (k *kernel) loop(step int, body func(), end func()) {
	k.XORQ(k.index, k.index)
	k.Label("loop")
	body()
	k.ADDQ(operand.U8(uint8(step)), k.index)
	k.CMPQ(k.index, k.count)
	k.JLT(operand.LabelRef("loop"))
	if end != nil {
		end()
	}
	k.VZEROUPPER()
	k.RET()
}

// at addresses the current elements, of the given size, at a pointer.
func (k *kernel) at(p reg.Register, size uint8) operand.Mem {
	return operand.Mem{Base: p, Index: k.index, Scale: size}
}

// load returns the 8 current float32 at a pointer.
func (k *kernel) load(p reg.Register) reg.VecVirtual {
	y := k.YMM()
	k.VMOVUPS(k.at(p, 4), y)
	return y
}

// store writes the 8 current float32 at a pointer.
func (k *kernel) store(p reg.Register, y reg.VecVirtual) { k.VMOVUPS(y, k.at(p, 4)) }

// The arithmetic in the order in which formulas have it: dst = a op b.
func (k *kernel) add(dst reg.VecVirtual, a reg.VecVirtual, b operand.Op) { k.VADDPS(b, a, dst) }
func (k *kernel) sub(dst reg.VecVirtual, a reg.VecVirtual, b operand.Op) { k.VSUBPS(b, a, dst) }
func (k *kernel) mul(dst reg.VecVirtual, a reg.VecVirtual, b operand.Op) { k.VMULPS(b, a, dst) }
func (k *kernel) div(dst reg.VecVirtual, a reg.VecVirtual, b operand.Op) { k.VDIVPS(b, a, dst) }

// all returns a register of lanes that hold the bits.
func (k *kernel) all(bits uint32) reg.VecVirtual {
	x, y, r := k.XMM(), k.YMM(), k.GP32()
	k.MOVL(operand.U32(bits), r)
	k.VMOVD(r, x)
	k.VPBROADCASTD(x, y)
	return y
}

// untouched returns a mask of the current keys whose counts at a pointer are 0.
func (k *kernel) untouched(p reg.Register) reg.VecVirtual {
	y := k.YMM()
	k.VPXOR(y, y, y)
	k.VPCMPEQD(k.at(p, 4), y, y)
	return y
}

// keep puts what is at a pointer into the lanes that the mask has.
func (k *kernel) keep(y, mask reg.VecVirtual, old reg.Register) {
	k.VBLENDVPS(mask, k.at(old, 4), y, y)
}
