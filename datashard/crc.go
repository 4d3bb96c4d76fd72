package datashard

import "hash/crc32"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// behind returns the CRC32C of the last n bytes of a text, given that of the
// whole text and that of what is before them. Shards are cut only when all rows
// have been counted; this spares reading the text a second time.
//
// The CRC of AB is that of B plus that of A times x^(8·|B|), over the field of
// two elements and modulo the polynomial; addition is xor.
func behind(whole, before uint32, n int64) uint32 {
	return whole ^ multiply(powerOfX(uint64(n)*8), before)
}

// multiply multiplies two polynomials modulo Castagnoli's. The highest bit is
// the coefficient of x^0, as in crc32.
func multiply(a, b uint32) uint32 {
	product := uint32(0)
	for bit := uint32(1 << 31); bit != 0; bit >>= 1 {
		if a&bit != 0 {
			product ^= b
		}
		if b&1 != 0 {
			b = b>>1 ^ crc32.Castagnoli
		} else {
			b >>= 1
		}
	}
	return product
}

// powerOfX returns x^n modulo the polynomial, by squaring.
func powerOfX(n uint64) uint32 {
	result, square := uint32(1<<31), uint32(1<<30) // 1 and x
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			result = multiply(result, square)
		}
		square = multiply(square, square)
	}
	return result
}
