package idx

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"parley/internal/param"
)

func TestErrors(t *testing.T) {
	good := array(unsigned8, []uint32{2, 1, 2}, []byte{1, 2, 3, 4})
	labels := array(unsigned8, []uint32{2}, []byte{7, 0})
	for _, c := range []struct{ images, labels, want string }{
		{"", "-", "images: ends within the header, at byte 0: copy or download it again"},
		{good[:3], "-", "images: ends within the header, at byte 3: copy or download it again"},
		{good[:15], "-", "images: ends within the header, at byte 15: copy or download it again"},
		{good[:16], "-", "images: ends within row 1 of 2, at byte 16: copy or download it again"},
		{good[:19], "-", "images: ends within row 2 of 2, at byte 19: copy or download it again"},
		{good + "xy", "-", "images: has more bytes than its 2 x 1 x 2 elements, from byte 20 on: copy or download it again"},
		{"1 1:1 2:1\n", "-", "images: is not an idx file: it begins with the bytes 31 20 31 3A, not with 00 00: give a file such as train-images-idx3-ubyte"},
		{"\x1F\x8B\x08\x00", "-", "images: is not an idx file but gzip data: its name must end in .gz"},
		{"\x28\xB5\x2F\xFD", "-", "images: is not an idx file but zstd data: its name must end in .zst"},
		{"\x00\x00\x0A\x03", "-", "images: has elements of the type 0A, which idx does not know: give a file of type 08, 09, 0B, 0C, 0D or 0E"},
		{"\x00\x00\x08\x00", "-", "images: has 0 dimensions: give a file of 1 to 4"},
		{"\x00\x00\x08\x05", "-", "images: has 5 dimensions: give a file of 1 to 4"},
		{labels, "-", "images: has one dimension, as labels have: give the file of images, of 2 to 4 dimensions"},
		{array(unsigned8, []uint32{2, 0, 3}), "-", "images: dimension 2 has the size 0: give rows of at least one element"},
		{array(unsigned8, []uint32{2, 3, 0}), "-", "images: dimension 3 has the size 0: give rows of at least one element"},
		{array(unsigned8, []uint32{2, 1 << 14, 1 << 14}), "-", "images: has rows of 16384 x 16384 elements, more than the limit of 268435455"},
		{array(float64s, []uint32{9, math.MaxUint32, math.MaxUint32, math.MaxUint32}), "-", "images: has rows of 4294967295 x 4294967295 x 4294967295 elements, more than the limit of 268435455"},
		{array(float32s, []uint32{1, 2}, []float32{0, float32(math.NaN())}), "-", "images: element 2 of row 1 is not finite but NaN: leave the row out"},
		{array(float64s, []uint32{1, 2}, []float64{0, math.Inf(-1)}), "-", "images: element 2 of row 1 is not finite but -Inf: leave the row out"},
		{array(float64s, []uint32{1, 2}, []float64{1e39, 0}), "-", "images: element 1 of row 1, 1e+39, is beyond the range of 32-bit floats: scale the data down"},
		{good, "", "labels: ends within the header, at byte 0: copy or download it again"},
		{good, labels[:9], "labels: ends within row 2 of 2, at byte 9: copy or download it again"},
		{good, labels + "x", "labels: has more bytes than its 2 elements, from byte 10 on: copy or download it again"},
		{good, good, "labels: has 3 dimensions, labels have one: give the file of labels"},
		{good, array(unsigned8, []uint32{3}, []byte{1, 2, 3}), "labels: has 3 labels, but images has 2 rows: give the labels that belong to them"},
		{good, array(float32s, []uint32{2}, []float32{1, float32(math.Inf(1))}), "labels: element 1 of row 2 is not finite but +Inf: leave the row out"},
	} {
		_, columns, err := convert(c.images, c.labels)
		if err == nil || err.Error() != c.want || param.KindOf(err) != param.Invalid || columns != 0 {
			t.Errorf("% .30X:\n got %v (%v)\nwant %s", c.images, err, param.KindOf(err), c.want)
		}
	}
}

func TestErrorsOfStreams(t *testing.T) {
	good, damaged := array(unsigned8, []uint32{1, 1}, []byte{1}), errors.New("damaged")
	for n := range len(good) + 1 {
		broken := io.MultiReader(strings.NewReader(good[:n]), iotest.ErrReader(damaged))
		want := fmt.Sprintf("x: at byte %d: damaged", n)
		if _, err := Convert(io.Discard, broken, "x", nil, ""); !errors.Is(err, damaged) || err.Error() != want {
			t.Errorf("reading: %v, want %s", err, want)
		}
	}
	if _, err := Convert(failing{damaged}, strings.NewReader(good), "x", nil, ""); !errors.Is(err, damaged) || err.Error() != "write the rows of x: damaged" {
		t.Errorf("writing: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
