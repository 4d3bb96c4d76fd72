package bow

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"parley/internal/table"
)

var (
	isWhole  = regexp.MustCompile(`^[0-9]+$`)
	isNumber = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)
)

// explainHeader returns why a line of the header is no number.
func explainHeader(line []byte, what string) string {
	if isBinary(line) {
		return binary
	}
	if reason := explainWhole("number of "+what, string(line)); reason != "" {
		return reason + " (the first three lines are the numbers of documents, words and counts)"
	}
	return "" // not reached: parse takes such a line
}

// explain returns why a line is no count. It runs once at most, so it is
// written for its messages.
func (c *converter) explain(line []byte) string {
	if isBinary(line) {
		return binary
	}
	tokens := strings.FieldsFunc(string(line), func(r rune) bool { return r == ' ' || r == '\t' })
	if len(tokens) != 3 {
		return fmt.Sprintf("has %d fields: write document, word and count, with blanks between", len(tokens))
	}
	var n [3]uint64
	for i, what := range []string{"document", "word", "count"} {
		if reason := explainWhole(what, tokens[i]); reason != "" {
			return reason
		}
		n[i], _ = strconv.ParseUint(tokens[i], 10, 64)
	}
	document, word, times := n[0], n[1], n[2]
	switch {
	case document == 0, word == 0:
		return "documents and words are counted from 1: add 1 to all ids"
	case document > c.documents:
		return fmt.Sprintf("document %d is beyond the %d that the header says", document, c.documents)
	case word > c.words:
		return fmt.Sprintf("word %d is beyond the %d that the header says", word, c.words)
	case times == 0:
		return fmt.Sprintf("count of word %d in document %d is 0: leave the line out", word, document)
	case document < c.document:
		return fmt.Sprintf("document %d comes after %d: sort the lines by document", document, c.document)
	}
	return fmt.Sprintf("is beyond the %d counts that the header says", c.counts)
}

// explainWhole returns why a token is no whole number that parse takes.
func explainWhole(what, token string) string {
	switch {
	case !isWhole.MatchString(token):
		return fmt.Sprintf("%s %s is not a whole number: write it in plain decimal digits", what, table.Quote(token))
	case len(token) > 18:
		return fmt.Sprintf("%s %s is too large: it may have 18 digits", what, table.Quote(token))
	}
	return ""
}

// explainLabel returns why a token is no label.
func explainLabel(token string) string {
	switch {
	case isBinary([]byte(token)):
		return "is not text but binary data: give one label a line"
	case !isNumber.MatchString(token):
		return fmt.Sprintf("label %s is not a number: write it in plain decimal digits", table.Quote(token))
	}
	return fmt.Sprintf("label %s is beyond the range of 32-bit floats", table.Quote(token))
}

const binary = "is not a UCI bag of words but binary data: give a docword.txt, and if it is compressed, keep the suffix of its name"

// isBinary reports that a line has bytes which text has not.
func isBinary(line []byte) bool {
	for _, c := range line {
		if c < ' ' && c != '\t' || c == 0x7F {
			return true
		}
	}
	return !utf8.Valid(line)
}
