package jsonl

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBadRows(t *testing.T) {
	const deep = "more than 64 objects or arrays are inside of one another: make the line flatter"
	const half = "the escape of half a surrogate pair stands alone: write both halves, or the letter itself"
	for _, c := range []struct{ line, want string }{
		{`[1]`, `json: byte 1 is "[" instead of {: give one JSON object a line`},
		{` null`, `json: byte 2 is "n" instead of {: give one JSON object a line`},
		{`a,b`, `json: byte 1 is "a" instead of {: give one JSON object a line`},
		{"\x1F\x8B\b", `utf8: byte 2 is not UTF-8: convert the file to UTF-8`},
		{"\uFEFF{}", `json: begins with a byte order mark: remove it, as only a file may begin with one`},
		{"{\"a\":\uFEFF1}", `json: byte 6 is "\ufeff" instead of a value: correct the line`},
		{`{`, `json: ends before byte 2, where a key in quotes must be: complete the line`},
		{`{"a":1`, `json: ends before byte 7, where , or } must be: complete the line`},
		{"{\"a\":1\r", `json: ends before byte 8, where , or } must be: complete the line`},
		{`{"a":[1`, `json: ends before byte 8, where , or ] must be: complete the line`},
		{`{"a":"x`, `json: ends before byte 8, where a closing quote must be: complete the line`},
		{`{"a":"x\`, `json: ends before byte 9, where one of " \ / b f n r t u must be: complete the line`},
		{`{"a":"\u00`, `json: ends before byte 11, where a hexadecimal digit must be: complete the line`},
		{`{"a":`, `json: ends before byte 6, where a value must be: complete the line`},
		{`{"a":tr`, `json: ends before byte 8, where true must be: complete the line`},
		{`{"a":-`, `json: ends before byte 7, where a digit must be: complete the line`},
		{`{a:1}`, `json: byte 2 is "a" instead of a key in quotes: correct the line`},
		{`{'a':1}`, `json: byte 2 is "'" instead of a key in quotes: correct the line`},
		{`{"a":1,}`, `json: byte 8 is "}" instead of a key in quotes: correct the line`},
		{`{"a" 1}`, `json: byte 6 is "1" instead of a colon: correct the line`},
		{`{"a":1 "b":2}`, `json: byte 8 is "\"" instead of , or }: correct the line`},
		{`{"a":01}`, `json: byte 7 is "1" instead of , or }: correct the line`},
		{`{"a":1.}`, `json: byte 8 is "}" instead of a digit: correct the line`},
		{`{"a":1e+}`, `json: byte 9 is "}" instead of a digit: correct the line`},
		{`{"a":.5}`, `json: byte 6 is "." instead of a value: correct the line`},
		{`{"a":+5}`, `json: byte 6 is "+" instead of a value: correct the line`},
		{`{"a":NaN}`, `json: byte 6 is "N" instead of a value: correct the line`},
		{`{"a":None}`, `json: byte 6 is "N" instead of a value: correct the line`},
		{`{"a":nul}`, `json: byte 9 is "}" instead of null: correct the line`},
		{`{"a":[1,]}`, `json: byte 9 is "]" instead of a value: correct the line`},
		{`{"a":[1}`, `json: byte 8 is "}" instead of , or ]: correct the line`},
		{`{"a":1}}`, `json: byte 8 is "}" instead of the end of the line: correct the line`},
		{`{"a":1},`, `json: byte 8 is "," instead of the end of the line: correct the line`},
		{`{"a":1}{"a":2}`, `json: byte 8 is "{" instead of the end of the line: correct the line`},
		{`{"a":"x\y"}`, `json: byte 9 is "y" instead of one of " \ / b f n r t u: correct the line`},
		{`{"a":"\u12G4"}`, `json: byte 11 is "G" instead of a hexadecimal digit: correct the line`},
		{"{\"a\":\"\t\"}", `json: byte 7 is "\t" instead of the escape of a control character: correct the line`},
		{"{\"a\":\"x\x00\"}", `json: byte 8 is "\x00" instead of the escape of a control character: correct the line`},
		{"\x00{\"a\":1}", `json: byte 1 is "\x00" instead of {: give one JSON object a line`},
		{`{"a":"\ud83d"}`, "json: byte 7: " + half},
		{`{"a":"x\ude00\ud83d"}`, "json: byte 8: " + half},
		{`{"a":"\ud83d\u0041"}`, "json: byte 7: " + half},
		{`{"\uD83D":1}`, "json: byte 3: " + half},
		{`{"x":"\ud83d\u00"}`, `json: byte 17 is "\"" instead of a hexadecimal digit: correct the line`},
		{"{\"x\":\"\xff\"}", `utf8: byte 7 is not UTF-8: convert the file to UTF-8`},
		{"{\"\uFFFD\":\"\xED\xA0\x80\"}", `utf8: byte 9 is not UTF-8: convert the file to UTF-8`},
		{strings.Repeat(`{"x":`, 65), "json: byte 321: " + deep},
		{`{"a":` + strings.Repeat("[", 1_000_000), "json: byte 69: " + deep},
		{`{"a":{}}`, `type: field "a" is an object: name a field inside of it, as in "a.key"`},
		{`{"a":[1,2]}`, `type: field "a" is an array: give text, a number, true, false or null`},
		{`{"b":{"c":[]}}`, `type: field "b.c" is an array: give text, a number, true, false or null`},
		{`{"b.c":{}}`, `type: field "b.c" is an object: name a field inside of it, as in "b.c.key"`},
		{`{"a":1,"\u0061":1}`, `duplicate: field "a" is there twice: remove one`},
		{`{"a":null,"a":null}`, `duplicate: field "a" is there twice: remove one`},
		{`{"b":{"c":1},"b":2}`, `duplicate: field "b" is there twice: remove one`},
		{`{"b":{"c":1,"c":2}}`, `duplicate: field "b.c" is there twice: remove one`},
		{`{"a":{},"a":1`, `json: ends before byte 14, where , or } must be: complete the line`},
		{`{"a":1e999,"x":1,"x":[],"b":{"d":1,"d":2}}`, ""},
		{`{"a":"\u0000\uFFFD","b.c":-0}`, ""},
	} {
		b := parse(t, "{\"a\":1}\n"+c.line+"\n{\"b\":{\"c\":2}}\n", "a", "b.c")
		got, all := "", rows(b)
		if len(b.Bad) > 0 {
			got = b.Bad[0].Code + ": " + b.Bad[0].Reason
		}
		if got != c.want || len(b.Bad) > 1 || b.Rows != 3 {
			t.Errorf("%.60q: %d rows, %+v\n got %s\nwant %s", c.line, b.Rows, b.Bad, got, c.want)
		}
		if diff := cmp.Diff([][]string{{"1", missing}, {missing, "2"}}, [][]string{all[0], all[2]}); diff != "" {
			t.Errorf("%.60q spoils other rows: %s", c.line, diff)
		}
	}
}

func TestDeepest(t *testing.T) {
	line := strings.Repeat(`{"x":`, 32) + strings.Repeat("[", 32) + strings.Repeat("]", 32) + strings.Repeat("}", 32)
	if b := parse(t, line+"\n"); len(b.Bad) > 0 {
		t.Errorf("64 levels: %+v", b.Bad)
	}
	if name := strings.Repeat("x.", 63) + "x"; len(rows(parse(t, strings.Repeat(`{"x":`, 64)+"7"+strings.Repeat("}", 64)+"\n", name))[0]) != 1 {
		t.Errorf("a field 64 levels deep is not found")
	}
}
