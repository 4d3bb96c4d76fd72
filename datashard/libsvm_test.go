package datashard

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/internal/batch"
)

// naive parses the rows of text the simple way: what parser.parse must equal.
// line is that of the first malformed row, 0 if there is none.
func naive(text string, base indexBase) (rows *batch.CSR, line int) {
	rows = &batch.CSR{Offsets: []uint32{0}}
	for i, s := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		s, _, _ = strings.Cut(strings.TrimSuffix(s, "\r"), "#")
		tokens := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\t' })
		if len(tokens) > 0 && !naiveRow(rows, tokens, base) {
			return rows, i + 1
		}
	}
	return rows, 0
}

func naiveRow(rows *batch.CSR, tokens []string, base indexBase) bool {
	label, err := naiveNumber(tokens[0])
	if err != nil {
		return false
	}
	var columns []uint32
	var values []float32
	last, shift := int64(-1), int64(0)
	if base == oneBased {
		last, shift = 0, 1
	}
	for _, token := range tokens[1:] {
		name, text, _ := strings.Cut(token, ":")
		id, err := strconv.ParseInt(name, 10, 64)
		value, valueErr := naiveNumber(text)
		if err != nil || valueErr != nil || strings.ContainsAny(name, "+-") || id <= last || id >= 1<<28 {
			return false
		}
		columns, values, last = append(columns, uint32(id-shift)), append(values, value), id
	}
	rows.Columns, rows.Values = append(rows.Columns, columns...), append(rows.Values, values...)
	rows.Labels, rows.Offsets = append(rows.Labels, label), append(rows.Offsets, uint32(len(rows.Columns)))
	return true
}

func naiveNumber(s string) (float32, error) {
	if strings.ContainsAny(s, "_xXpPnN") { // of nan and inf too
		return 0, errors.New("no decimal number")
	}
	v, err := strconv.ParseFloat(s, 32)
	return float32(v), err
}

var sameBits = cmp.Comparer(func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) })

// check parses text both ways.
func check(t *testing.T, text string, base indexBase) {
	t.Helper()
	text = strings.TrimSuffix(text, "\n") + "\n"
	want, line := naive(text, base)
	got := new(batch.CSR)
	err := parser{base: base}.parse(got, nil, []byte(text))
	switch {
	case err == nil && line > 0:
		t.Fatalf("%q: line %d was taken", text, line)
	case err != nil && err.line != line:
		t.Fatalf("%q: refused line %d, want %d: %v", text, err.line, line, err)
	case err != nil && err.reason == "is not a row":
		t.Fatalf("%q: refused without a reason", text)
	}
	if diff := cmp.Diff(want, got, sameBits, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%q: (-want +got)\n%s", text, diff)
	}
}

var rowCases = []string{
	"1 1:1 2:0.5", "-1", "+1 7:-3e-2\r", "1\t3:1\t \t4:2  ", "  1 1:1", "\t", "", "\r", " \r", "# 1 1:1", "1 1:1 # 2:nan", "1 1:1#x",
	"0.5 1:.5 2:5. 3:+1 4:-0 5:1E3 6:1e+05 7:001", "1 0000000000000000000000007:1", "1 0:1 1:1", "1 268435455:1", "1 268435456:1",
	"a 1:1", "1 1", "1 1:", "1 :1", "1 1:1 1:2", "1 2:1 1:1", "1 -1:1", "1 +1:1", "1 1:nan", "1 1:-Inf", "1 1:0x1", "1 1:1_0", "nan 1:1",
	"1 9223372036854775807:1", "1 9223372036854775808:1", "1 18446744073709551617:1", "1 99999999999999999999999:1", "1:1 2:1", "1 qid:3 1:1",
	"1 1:1e", "1 1:1e+", "1 1:.", "1 1:-", "1 1:1.2.3", "1 1:1-2", "1 1:1e999", "1 1:1e-999", "1 1:0e999", "1 1:1e99999999999999999999",
	"1 1:3.4028235e38", "1 1:3.4028236e38", "1 1:1e-45", "1 1:1.17549435e-38", "1 1:16777217", "1 1:16777217.0000000001", "1 1:1:1", "1 1 :1",
	"1 1: 1", "1 1:1\r2:1", "1,2 1:1", "\x00", "\xff 1:1", "1 1:1\x002:1", "\xEF\xBB\xBF1 1:1", "1 1:0.1234567890123456789012345", "1 1:7\v",
}

func TestParseEqualsNaive(t *testing.T) {
	for _, base := range []indexBase{detectBase, zeroBased, oneBased} {
		for _, text := range rowCases {
			check(t, text, base)
			check(t, "1 1:1\n\n"+text+"\n2 2:2", base)
		}
		check(t, generate(500, 1), base)
	}
}

func FuzzParseLibsvm(f *testing.F) {
	for _, text := range rowCases {
		f.Add(text, true)
	}
	f.Fuzz(func(t *testing.T, text string, one bool) {
		base := zeroBased
		if one {
			base = oneBased
		}
		check(t, text, base)
	})
}
