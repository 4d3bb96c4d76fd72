package bow

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"parley/internal/decimal"
	"parley/internal/param"
)

// naive converts the simple way: what Convert must equal.
func naive(text string) (string, bool) {
	text = strings.TrimPrefix(text, "\xEF\xBB\xBF")
	var rows [][]int64
	for _, line := range strings.Split(text, "\n") {
		var row []int64
		for _, s := range strings.FieldsFunc(strings.TrimSuffix(line, "\r"), func(r rune) bool { return r == ' ' || r == '\t' }) {
			n, err := strconv.ParseUint(s, 10, 63)
			if err != nil || len(s) > 18 {
				return "", false
			}
			row = append(row, int64(n))
		}
		if row != nil {
			rows = append(rows, row)
		}
	}
	if len(rows) < 3 || len(rows[0]) != 1 || len(rows[1]) != 1 || len(rows[2]) != 1 {
		return "", false
	}
	documents, words, counts := rows[0][0], rows[1][0], rows[2][0]
	rows = rows[3:]
	if int64(len(rows)) != counts || documents > maxDocuments {
		return "", false
	}
	if documents > 1<<20 { // so many are refused where nearly all are empty, as in all that is so short
		return "", false
	}
	last := int64(1)
	seen := map[[2]int64]bool{}
	for _, r := range rows {
		if len(r) != 3 || r[0] < last || r[0] > documents || r[1] < 1 || r[1] > words || r[2] < 1 || seen[[2]int64{r[0], r[1]}] {
			return "", false
		}
		last, seen[[2]int64{r[0], r[1]}] = r[0], true
	}
	slices.SortFunc(rows, slices.Compare)
	var out strings.Builder
	for d := int64(1); d <= documents; d++ {
		out.WriteString("0")
		for ; len(rows) > 0 && rows[0][0] == d; rows = rows[1:] {
			fmt.Fprintf(&out, " %d:%d", rows[0][1], rows[0][2])
		}
		out.WriteString("\n")
	}
	return out.String(), true
}

func FuzzConvert(f *testing.F) {
	for _, text := range []string{"2\n5\n3\n1 2 7\n1 5 1\n2 1 12\n", "1\n5\n3\n1 5 1\n1 2 2\n1 2 3", "3\n1\n1\r\n\n2 1 1\r\n", "\xEF\xBB\xBF1\n1\n0\n", "1\n2\n1\n1 3 1", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		out := &limited{most: 1 << 18}
		err := Convert(out, strings.NewReader(text), "d", nil, "")
		if errors.Is(err, errFull) {
			return // a header of many documents
		}
		if err != nil && (param.KindOf(err) != param.Invalid || strings.HasSuffix(err.Error(), ": ")) {
			t.Fatalf("%q: %v", text, err)
		}
		want, ok := naive(text)
		if ok != (err == nil) || ok && want != out.String() {
			t.Fatalf("%q: got %.500q, %v, want %.500q, %v", text, out.String(), err, want, ok)
		}
	})
}

func FuzzLabels(f *testing.F) {
	f.Add("1\n-2e3\r\n\n", byte(2))
	f.Fuzz(func(t *testing.T, labels string, documents byte) {
		var out strings.Builder
		err := Convert(&out, strings.NewReader(fmt.Sprintf("%d\n0\n0\n", documents)), "d", strings.NewReader(labels), "l")
		lines := strings.Split(strings.TrimRight(strings.TrimPrefix(strings.ReplaceAll(labels, "\r\n", "\n"), "\xEF\xBB\xBF"), " \t\n"), "\n")
		if lines[0] == "" && len(lines) == 1 {
			lines = nil
		}
		want, ok := "", len(lines) == int(documents)
		for _, line := range lines {
			line = strings.Trim(line, " \t")
			_, end := decimal.Float32([]byte(line+"\n"), 0)
			ok = ok && end == len(line)
			want += line + "\n"
		}
		if strings.Contains(labels, "\r\r\n") || strings.HasSuffix(labels, "\r") || len(labels) > maxLine {
			return // ends of lines that the twin takes differently
		}
		if ok != (err == nil) || ok && out.String() != want {
			t.Fatalf("%q of %d: got %q, %v, want %q, %v", labels, documents, out.String(), err, want, ok)
		}
	})
}
