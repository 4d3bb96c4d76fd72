package libsvm

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/internal/batch"
	"parley/internal/table"
)

// naive parses the rows of text the simple way: what Parse must equal.
func naive(text string, base Base) (rows *batch.CSR, bad []int) {
	rows = &batch.CSR{Offsets: []uint32{0}}
	for _, s := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		s, _, _ = strings.Cut(strings.TrimSuffix(s, "\r"), "#")
		tokens := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\t' })
		if len(tokens) > 0 && !naiveRow(rows, tokens, base) {
			bad = append(bad, len(rows.Labels))
			rows.Labels, rows.Offsets = append(rows.Labels, 0), append(rows.Offsets, uint32(len(rows.Columns)))
		}
	}
	return rows, bad
}

func naiveRow(rows *batch.CSR, tokens []string, base Base) bool {
	label, err := naiveNumber(tokens[0])
	if err != nil {
		return false
	}
	var columns []uint32
	var values []float32
	last, shift := int64(-1), int64(0)
	if base == OneBased {
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
func check(t *testing.T, text string, base Base) {
	t.Helper()
	text = strings.TrimSuffix(text, "\n") + "\n"
	want, wantBad := naive(text, base)
	got := new(batch.CSR)
	var at, peeked table.Places
	var bad table.BadRows
	p := Parser{Base: base}
	p.Parse(got, &at, &bad, []byte(text))
	if diff := cmp.Diff(want, got, sameBits, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%q: (-want +got)\n%s", text, diff)
	}
	var gotBad []int
	for _, b := range bad {
		gotBad = append(gotBad, b.Row)
		if b.Reason == "is not a row" {
			t.Fatalf("%q: row %d is refused without a reason", text, b.Row)
		}
	}
	if diff := cmp.Diff(wantBad, gotBad); diff != "" {
		t.Fatalf("%q: bad rows (-want +got)\n%s", text, diff)
	}
	peek := Peek{}
	Rows(&peeked, &peek, []byte(text))
	if diff := cmp.Diff(at, peeked, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%q: places (-parsed +peeked)\n%s", text, diff)
	}
	checkPeek(t, text, peek, got, bad, base)
	checkAppend(t, got, bad, base)
}

// checkPeek compares what the beginnings of rows tell with what the rows say.
func checkPeek(t *testing.T, text string, peek Peek, rows *batch.CSR, bad table.BadRows, base Base) {
	t.Helper()
	zero := false
	for i, label := range rows.Labels {
		if bad.Has(i) {
			continue
		}
		if peek.Labels[i] != label {
			t.Fatalf("%q: row %d is peeked to have the label %v, not %v", text, i, peek.Labels[i], label)
		}
		lo, hi := rows.Offsets[i], rows.Offsets[i+1]
		zero = zero || lo < hi && rows.Columns[lo] == 0
	}
	if base == ZeroBased && zero && !peek.Zero {
		t.Fatalf("%q: the id 0 is not seen", text)
	}
}

// checkAppend writes the good rows and reads them back.
func checkAppend(t *testing.T, rows *batch.CSR, bad table.BadRows, base Base) {
	t.Helper()
	if len(bad) > 0 {
		return
	}
	var text []byte
	for i := range rows.Labels {
		text = Append(text, rows, i, base)
	}
	again := &batch.CSR{}
	p := Parser{Base: base}
	p.Parse(again, nil, &bad, text)
	if diff := cmp.Diff(rows, again, sameBits, cmpopts.EquateEmpty()); diff != "" || len(bad) > 0 {
		t.Fatalf("%q: written and read again: %v %s", text, bad, diff)
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
	for _, base := range []Base{ZeroBased, OneBased} {
		for _, text := range rowCases {
			check(t, text, base)
			check(t, "1 1:1\n\n"+text+"\n2 2:2", base)
		}
	}
}

func FuzzParseLibsvm(f *testing.F) {
	for _, text := range rowCases {
		f.Add(text, true)
	}
	f.Fuzz(func(t *testing.T, text string, one bool) {
		base := ZeroBased
		if one {
			base = OneBased
		}
		check(t, text, base)
	})
}

// TestHashed compares with a map, and sees ids that have no column without
// hashing.
func TestHashed(t *testing.T) {
	const bits = 4
	text := "1 0:1 3:0.5 17:-2 268435456:4 9223372036854775807:8\n-1\n1 5:1 4:1\n"
	got := &batch.CSR{}
	var bad table.BadRows
	p := Parser{Base: OneBased, HashBits: bits}
	p.Parse(got, nil, &bad, []byte(text))
	if len(bad) != 1 || bad[0].Row != 2 || got.Rows() != 3 {
		t.Fatalf("bad rows %v", bad)
	}
	want := map[uint32]float32{}
	for id, v := range map[uint64]float32{0: 1, 3: 0.5, 17: -2, 268435456: 4, 1<<63 - 1: 8} {
		want[uint32(Hash(id)>>(64-bits))] += v
	}
	have := map[uint32]float32{}
	for j, c := range got.Columns {
		have[c] = got.Values[j]
		if j > 0 && got.Columns[j-1] >= c {
			t.Errorf("columns %v do not ascend", got.Columns)
		}
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
}

func TestUnlabeled(t *testing.T) {
	got := &batch.CSR{}
	var bad table.BadRows
	p := Parser{Base: OneBased, Unlabeled: true}
	p.Parse(got, nil, &bad, []byte("2:1\n-1 2:1\n"))
	if diff := cmp.Diff(&batch.CSR{Labels: []float32{0, -1}, Offsets: []uint32{0, 1, 2}, Columns: []uint32{1, 1}, Values: []float32{1, 1}}, got); diff != "" || len(bad) > 0 {
		t.Error(bad, diff)
	}
}
