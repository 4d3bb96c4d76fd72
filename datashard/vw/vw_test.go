package vw

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/internal/batch"
	"parley/internal/table"
)

var sameBits = cmp.Comparer(func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) })

// check parses text both ways.
func check(t *testing.T, text string, bits int, unlabeled bool) {
	t.Helper()
	text = strings.TrimSuffix(text, "\n") + "\n"
	want, wantBad, starts := naive(text, bits, unlabeled)
	got, at, bad := new(batch.CSR), new(table.Places), table.BadRows(nil)
	p := &Parser{Bits: bits, Unlabeled: unlabeled}
	p.Parse(got, at, &bad, []byte(text))
	if diff := cmp.Diff(want, got, sameBits, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%q: (-want +got)\n%s", text, diff)
	}
	if diff := cmp.Diff(starts, at.Starts, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%q: starts: (-want +got)\n%s", text, diff)
	}
	var rows []int
	for _, b := range bad {
		rows = append(rows, b.Row)
		if b.Reason == "" || b.Code == "" || strings.Contains(b.Reason, "sum to beyond") && !strings.Contains(text, "e") {
			t.Fatalf("%q: reason %q, code %q", text, b.Reason, b.Code)
		}
	}
	if diff := cmp.Diff(wantBad, rows, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%q: bad rows: (-want +got)\n%s", text, diff)
	}
	scanned := new(table.Places)
	if Rows(scanned, []byte(text)); !cmp.Equal(at, scanned) {
		t.Fatalf("%q: Rows: (-Parse +Rows)\n%s", text, cmp.Diff(at, scanned))
	}
}

var rowCases = []string{
	"0 | price:.23 sqft:.25 age:.05 2006", "1 2 'second_house | price:.18 sqft:.15 age:.35 1976", "0 1 0.5 'third_house | price:.53 1924",
	"1 |", "|", " | a", "'tag | a", "tag| a", "1 tag|f a", "1 2 tag|f a", "1|f a", "1 2|f a", "1 |f", "1 |f|g", "1 |f a|g b", "1|", "-1 |f:2 a:3 b",
	"1 |f:0.5", "1 |f:-2 a:-0 b:0", "1 |f 3:1 2:1 3:0.25", "1 | a a a:-2", "1 |a b:1 |b a:1 | 7", "1 |13 a 7 007", "+1e0\t|\tf\ta:1\t", "  1  2  '  |  a  ",
	"1 | 18446744073709551617 4294967296 99999999999999999999999", "1 |f äöü:2 世界 \xff\xfe:1", "1 |é x", "1 | a^b a=b a*b 12a 1.5 -1 +1", "1 | a:1\r", "\r", " \r",
	"\t", "", "1 | a:1e-45 b:3.4028235e38", "1 |f:0 a:5", "0.1 0 | a", "1 -0 | a", "1 -1e-60 | a", "1 'a'b | c", "1 ' | c", "1 '| c",
	"1 2 3 4 | a", "1 2 3 'tag | a", "1 2 3 4 'tag | a", "a | b", "1 a | b", "1 -1 | a", "nan | a", "1 inf | a", "1:0.5 | a", "1:2:0.5 2 | a", "shared | a",
	"1", "1 2", "1 a:1 b:2", "key\t1 | a", "1\t2 | a", "1\t'tag | a", "1 2 \t| a", "1 | a:", "1 | :1", "1 | :", "1 | a:b", "1 | a:nan", "1 | a:1:2", "1 | a:1e39",
	"1 |: a", "1 |:2 a", "1 |f: a", "1 |f:x a", "1 |f:nan a", "1 |f:1:2 a", "1 |f:2e38 a:2", "1 |f:2e38 a:1.7e38|g b", "1 | a:3e38 a:3e38", "1 | a:-3e38 7 a:-3e38",
	"1 | a\x00b", "\x00", "\x1F\x8B\x08", "\xff", "1 | a\rb", "1 \r| a", "1 | a:1\r\r", "\r\r", "1 | a:1\v", "\xEF\xBB\xBF1 | a", "1 | a:0x10", "1 | a:1_0", "1 | a|:1", "1 || a",
	"''|", "1 \u00a0| a", "1 |\u2003 a", "1 | a:1 |", "1 | a:|", "1 |f:|", "1 2\r", "1 | 1:2 1:3 0",
}

func TestParseEqualsNaive(t *testing.T) {
	for _, bits := range []int{1, 5, 18, 28} {
		for _, unlabeled := range []bool{false, true} {
			for _, text := range rowCases {
				check(t, text, bits, unlabeled)
				check(t, "1 | x:1\n\n"+text+"\n2 3 | 2:2", bits, unlabeled)
			}
			check(t, generate(200, 1, 100), bits, unlabeled)
		}
		for _, features := range []int{0, 1, few, few + 1, 3000} {
			check(t, generate(5, features, features), bits, false)
		}
	}
}

// generate returns rows of least to most features in no order, some of them
// equal.
func generate(rows, least, most int) string {
	r := rand.New(rand.NewPCG(7, uint64(most)))
	var b strings.Builder
	for range rows {
		fmt.Fprintf(&b, "%d %g |", r.IntN(2), float32(r.IntN(3)))
		for range least + r.IntN(most-least+1) {
			switch r.IntN(4) {
			case 0:
				fmt.Fprintf(&b, " %d:%g", r.IntN(1000), r.NormFloat64())
			case 1:
				fmt.Fprintf(&b, " w%d", r.IntN(1000))
			case 2:
				fmt.Fprintf(&b, " word%d:%d", r.IntN(100000), r.IntN(9))
			case 3:
				fmt.Fprintf(&b, " |n%d:%g a%x", r.IntN(5), r.Float32(), r.IntN(256))
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestParseAppends(t *testing.T) {
	text := "1 | a\n\n2 0.5 | b:2\nbad\n"
	p := &Parser{Bits: 10}
	got, at, bad := new(batch.CSR), new(table.Places), table.BadRows(nil)
	p.Parse(got, at, &bad, []byte(text))
	p.Parse(got, at, &bad, []byte(text))
	want, _, _ := naive(text+text, 10, false)
	if diff := cmp.Diff(want, got, sameBits); diff != "" {
		t.Errorf("rows (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(&table.Places{Starts: []uint32{0, 7, 19, 0, 7, 19}, Lines: []uint32{1, 3, 4, 5, 7, 8}, Total: 8}, at); diff != "" {
		t.Errorf("places (-want +got)\n%s", diff)
	}
	if len(bad) != 2 || bad[0].Row != 2 || bad[1].Row != 5 {
		t.Errorf("bad rows %v", bad)
	}
	p.Parse(got, nil, &bad, []byte(text)) // without places
}

func TestParseDoesNotAllocate(t *testing.T) {
	text := []byte(generate(300, 1, 100))
	p, rows, bad := &Parser{Bits: 18}, new(batch.CSR), table.BadRows(nil)
	if n := testing.AllocsPerRun(5, func() {
		reset(rows)
		p.Parse(rows, nil, &bad, text)
	}); n > 0 {
		t.Errorf("%v allocations for rows that have their memory", n)
	}
}

func reset(rows *batch.CSR) {
	rows.Labels, rows.Weights, rows.Offsets = rows.Labels[:0], rows.Weights[:0], rows.Offsets[:0]
	rows.Columns, rows.Values = rows.Columns[:0], rows.Values[:0]
}

func FuzzParse(f *testing.F) {
	for _, text := range rowCases {
		f.Add(text, byte(18), true)
	}
	f.Fuzz(func(t *testing.T, text string, bits byte, unlabeled bool) {
		check(t, text, 1+int(bits)%MaxBits, unlabeled)
	})
}
