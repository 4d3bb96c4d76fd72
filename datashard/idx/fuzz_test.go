package idx

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"parley/internal/param"
)

// naive converts a whole file the simple way: what Convert must equal.
func naive(file []byte) (string, bool) {
	if len(file) < 4 || file[0] != 0 || file[1] != 0 || file[3] < 2 || file[3] > 4 {
		return "", false
	}
	header := 4 + 4*int(file[3])
	if len(file) < header {
		return "", false
	}
	sizes := make([]uint32, file[3])
	if _, err := binary.Decode(file[4:], binary.BigEndian, sizes); err != nil {
		return "", false
	}
	columns := 1.0
	for _, size := range sizes[1:] {
		columns *= float64(size)
	}
	if columns == 0 || columns >= 1<<28 {
		return "", false
	}
	elements, ok := naiveElements(file[2], file[header:])
	if !ok || float64(len(elements)) != columns*float64(sizes[0]) {
		return "", false
	}
	var out strings.Builder
	for i := 0; i < len(elements); i += int(columns) {
		out.WriteString("0")
		for j, text := range elements[i : i+int(columns)] {
			x, err := strconv.ParseFloat(text, 32)
			if err != nil || x != x || math.IsInf(x, 0) {
				return "", false
			}
			if text != "0" && text != "-0" {
				fmt.Fprintf(&out, " %d:%s", j+1, text)
			}
		}
		out.WriteString("\n")
	}
	return out.String(), true
}

func naiveElements(code byte, data []byte) ([]string, bool) {
	switch code {
	case unsigned8:
		return texts[uint8](data)
	case signed8:
		return texts[int8](data)
	case signed16:
		return texts[int16](data)
	case signed32:
		return texts[int32](data)
	case float32s:
		return texts[float32](data)
	case float64s:
		return texts[float64](data)
	}
	return nil, false
}

func texts[T any](data []byte) (list []string, ok bool) {
	for r := bytes.NewReader(data); r.Len() > 0; {
		var x T
		if binary.Read(r, binary.BigEndian, &x) != nil {
			return nil, false
		}
		text := fmt.Sprint(x)
		switch x := any(x).(type) {
		case float32:
			text = strconv.FormatFloat(float64(x), 'g', -1, 32)
		case float64:
			text = strconv.FormatFloat(x, 'g', -1, 64)
		}
		list = append(list, text)
	}
	return list, true
}

func FuzzConvert(f *testing.F) {
	f.Add([]byte(array(unsigned8, []uint32{2, 2, 3}, []byte{0, 1, 2, 0, 0, 255, 9, 0, 0, 0, 0, 0})))
	f.Add([]byte(array(signed8, []uint32{1, 4}, []int8{-128, 127, 0, -1})))
	f.Add([]byte(array(signed16, []uint32{1, 3}, []int16{-32768, 32767, 0})))
	f.Add([]byte(array(signed32, []uint32{1, 1, 1, 3}, []int32{math.MinInt32, math.MaxInt32, 0})))
	f.Add([]byte(array(float32s, []uint32{1, 2}, []float32{0.1, float32(math.NaN())})))
	f.Add([]byte(array(float64s, []uint32{1, 2}, []float64{0.1, 1e39})))
	f.Fuzz(func(t *testing.T, file []byte) {
		got, _, err := convert(string(file), "-")
		if err != nil && param.KindOf(err) != param.Invalid {
			t.Fatalf("%x: %v", file, err)
		}
		want, ok := naive(file)
		if ok != (err == nil) || ok && want != got {
			t.Fatalf("%x: got %q, %v, want %q, %v", file, got, err, want, ok)
		}
	})
}

// FuzzLabels reads any file as labels: never more rows than there are images.
func FuzzLabels(f *testing.F) {
	f.Add([]byte(array(unsigned8, []uint32{2}, []byte{7, 0})))
	f.Fuzz(func(t *testing.T, labels []byte) {
		got, _, err := convert(array(unsigned8, []uint32{2, 1}, []byte{1, 0}), string(labels))
		if err != nil && param.KindOf(err) != param.Invalid {
			t.Fatalf("%x: %v", labels, err)
		}
		if lines := strings.Split(got, "\n"); err == nil && (len(lines) != 3 || !strings.HasSuffix(lines[0], " 1:1") || strings.Contains(lines[1], " ")) {
			t.Fatalf("%x: %q", labels, got)
		}
	})
}
