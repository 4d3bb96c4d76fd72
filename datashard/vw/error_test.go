package vw

import (
	"strings"
	"testing"

	"parley/internal/batch"
	"parley/internal/table"
)

func TestReasons(t *testing.T) {
	const rows = "write rows such as 1 | price:0.23 2006"
	for _, c := range []struct{ row, code, want string }{
		{"| a", "label", "missing label: " + rows},
		{"'tag | a", "label", "missing label: " + rows},
		{"1|a", "label", `missing label: "1" touches the bar, which makes it a tag: write a blank before the bar`},
		{"abc | a", "label", `label "abc" is not a number: write it in plain decimal digits`},
		{"nan | a", "label", `label "nan" is not finite: leave the row or the feature out`},
		{"1e39 | a", "label", `label "1e39" is beyond the range of 32-bit floats`},
		{"1:0.5 | a", "label", `label "1:0.5" is of a row with costs or actions, which are not supported: write one number`},
		{"shared | a", "label", `label "shared" is of a row with costs or actions, which are not supported: write one number`},
		{"key\t1 | a", "label", "has a tab before the bar: Vowpal Wabbit ignores what is before it, so write blanks, or remove that"},
		{"1 x | a", "weight", `importance "x" is not a number: write it in plain decimal digits`},
		{"1 -2 | a", "weight", `importance "-2" is negative: write 0 or more`},
		{"1 inf | a", "weight", `importance "inf" is not finite: leave the row or the feature out`},
		{"0 1 0.5 'third | a", "weight", `base "0.5" is not supported: remove the third number before the bar`},
		{"1 2 3 4 | a", "weight", "has 4 words before the bar: write label, importance and 'tag, the last two optional"},
		{"1 3:1 4:1", "bar", "has no bar: " + rows},
		{"1 |:2 a", "feature", `":2" touches the bar but has no name of a namespace: write |name:weight, or a blank behind the bar`},
		{"1 |f:x a", "value", `namespace weight "x" is not a number: write it in plain decimal digits`},
		{"1 |f: a", "value", `namespace weight "" is not a number: write it in plain decimal digits`},
		{"1 | :5", "feature", `feature ":5" has no name: write name:value`},
		{"1 | a:", "value", `feature "a:" has no value: write one behind the colon, or leave the colon out, which means 1`},
		{"1 | color:red", "value", `value "red" is not a number: write it in plain decimal digits, or a text value as part of the name, name=text`},
		{"1 | a:-Inf", "value", `value "-Inf" is not finite: leave the row or the feature out`},
		{"1 | a:1e39", "value", `value "1e39" is beyond the range of 32-bit floats`},
		{"1 |f:1e30 a:1e30", "value", `value "1e30" times the namespace's weight "1e30" is beyond the range of 32-bit floats`},
		{"1 | a:3e38 a:3e38", "value", "has features of one column whose values sum to beyond the range of 32-bit floats: scale them down"},
		{"1 | a:x" + strings.Repeat("ä", 30), "value", `value "x` + strings.Repeat("ä", 19) + `"... is not a number: write it in plain decimal digits, or a text value as part of the name, name=text`},
		{"1 | a\x00b", "binary", "is not vw text but binary data: give rows such as 1 | price:0.23 2006"},
		{"\x1F\x8B\x08\x00", "binary", "is not vw text but binary data: give rows such as 1 | price:0.23 2006; if it is compressed, its name must end in .gz"},
		{"\x28\xB5\x2F\xFD", "binary", "is not vw text but binary data: give rows such as 1 | price:0.23 2006; if it is compressed, its name must end in .zst"},
		{"1 | a\rb", "binary", `has a carriage return within: end lines with \n or \r\n`},
	} {
		rows, bad := new(batch.CSR), table.BadRows(nil)
		(&Parser{Bits: 18}).Parse(rows, nil, &bad, []byte("1 | a\n"+c.row+"\r\n1 | b\n"))
		if len(bad) != 1 || bad[0] != (table.Bad{Row: 1, Code: c.code, Reason: c.want}) || rows.Rows() != 3 || len(rows.Columns) != 2 {
			t.Errorf("%q:\n got %v\nwant %s: %s", c.row, bad, c.code, c.want)
		}
	}
}
