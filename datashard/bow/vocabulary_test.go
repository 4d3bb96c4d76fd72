package bow

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/param"
)

func TestReadVocabulary(t *testing.T) {
	for _, c := range []struct {
		text  string
		words int64
		want  []string
		err   string
	}{
		{"a\nb\r\n New York \n\n", 3, []string{"a", "b", "New York"}, ""},
		{"\xEF\xBB\xBFä", 1, []string{"ä"}, ""},
		{"", 0, nil, ""},
		{"a\nb\n", 3, nil, "v: has 2 words, but the documents have 3: give the vocabulary that belongs to them"},
		{"a\nb\n", 1, nil, "v:2: has more words than the documents, which have 1: give the vocabulary that belongs to them"},
		{"a\n\nb\n", 3, nil, "v:2: is blank: write one word a line"},
		{"a\nb\na\n", 3, nil, `v:3: word "a" is repeated, it is in line 1 too: words must differ`},
		{"a\nb\x00\n", 2, nil, "v:2: is not text but binary data: give one word a line, in UTF-8"},
		{"a\n\xFF\n", 2, nil, "v:2: is not text but binary data: give one word a line, in UTF-8"},
		{strings.Repeat("a", maxLine), 1, nil, "v:1: is longer than 1048576 bytes: is it the right file?"},
	} {
		got, err := ReadVocabulary(strings.NewReader(c.text), "v", c.words)
		if diff := cmp.Diff(c.want, got); diff != "" || (err == nil) != (c.err == "") || err != nil && (err.Error() != c.err || param.KindOf(err) != param.Invalid) {
			t.Errorf("%.40q: got %q, %v, want %q, %s", c.text, got, err, c.want, c.err)
		}
	}
}

func FuzzReadVocabulary(f *testing.F) {
	f.Add("a\nb\n", int64(2))
	f.Fuzz(func(t *testing.T, text string, words int64) {
		got, err := ReadVocabulary(strings.NewReader(text), "v", words)
		if err == nil && int64(len(got)) != max(words, 0) {
			t.Fatalf("%q: %d words, want %d", text, len(got), words)
		}
		seen := map[string]bool{}
		for _, word := range got {
			if word == "" || seen[word] || !strings.Contains(text, word) {
				t.Fatalf("%q: word %q", text, word)
			}
			seen[word] = true
		}
	})
}
