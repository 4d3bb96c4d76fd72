package libsvm

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"parley/internal/table"
)

// explain returns why a line, without its newline, is not a row: a code and a
// reason. It runs for bad rows alone, so it is written for its messages.
func (p *Parser) explain(line []byte) (code, reason string) {
	line = bytes.TrimSuffix(line, []byte{'\r'})
	text, _, _ := bytes.Cut(line, []byte{'#'})
	if binary(text) {
		return "binary", "is not libsvm text but binary data: give rows such as 1 3:0.5 7:1" + table.Disguise(line)
	}
	tokens := strings.FieldsFunc(string(text), func(r rune) bool { return r == ' ' || r == '\t' })
	if len(tokens) == 0 {
		return "row", "is not a row" // not reached: such a line is blank
	}
	if labelled := !strings.Contains(tokens[0], ":"); labelled {
		if reason := explainNumber("label", tokens[0]); reason != "" {
			return "label", reason
		}
		tokens = tokens[1:]
	} else if !p.Unlabeled {
		return "label", "missing label: the row begins with the feature " + table.Quote(tokens[0])
	}
	last := int64(-1)
	for _, token := range tokens {
		id, reason := p.explainFeature(token, last)
		if reason != "" {
			return "feature", reason
		}
		last = id
	}
	return "row", "is not a row" // not reached: the fuzz test compares with what Parse takes
}

// explainFeature returns the feature's id, or what is wrong with it.
func (p *Parser) explainFeature(token string, last int64) (int64, string) {
	name, value, colon := strings.Cut(token, ":")
	switch {
	case name == "qid" && colon:
		return 0, fmt.Sprintf("%s: ranking by query is not supported: remove the qid tokens", table.Quote(token))
	case !colon:
		return 0, fmt.Sprintf("feature %s has no colon: write id:value", table.Quote(token))
	case !isDigits.MatchString(name):
		return 0, fmt.Sprintf("feature %s has no id: write id:value, the id a whole number", table.Quote(token))
	}
	id, err := strconv.ParseInt(name, 10, 64)
	switch {
	case err != nil:
		return 0, fmt.Sprintf("feature id %s is too large: ids must be below 2^63, so renumber the features", table.Quote(name))
	case id > MaxID && p.HashBits == 0:
		return 0, fmt.Sprintf("feature id %s is beyond the limit of %d: hash the features (data.hash.bits) or renumber them", table.Quote(name), MaxID)
	case id == 0 && p.Base == OneBased && p.HashBits == 0:
		return 0, fmt.Sprintf("feature id 0 in %s, but the training data counts from 1: renumber the features alike", table.Quote(token))
	case id == last:
		return 0, fmt.Sprintf("feature id %s is repeated: a row may have an id once, so merge the two", table.Quote(name))
	case id < last:
		return 0, fmt.Sprintf("feature id %s comes after %d: sort the features of a row by id", table.Quote(name), last)
	case value == "":
		return 0, fmt.Sprintf("feature %s has no value", table.Quote(token))
	}
	return id, explainNumber("value", value)
}

var (
	isDigits = regexp.MustCompile(`^[0-9]+$`)
	isNumber = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)
	isNaNInf = regexp.MustCompile(`(?i)^[+-]?(nan|inf|infinity)$`)
)

// explainNumber returns what is wrong with a label or value, if anything is.
func explainNumber(what, token string) string {
	switch {
	case isNaNInf.MatchString(token):
		return fmt.Sprintf("%s %s is not finite: leave the row or the feature out", what, table.Quote(token))
	case !isNumber.MatchString(token):
		return fmt.Sprintf("%s %s is not a number: write it in plain decimal digits", what, table.Quote(token))
	}
	if _, err := strconv.ParseFloat(token, 32); err != nil {
		return fmt.Sprintf("%s %s is beyond the range of 32-bit floats", what, table.Quote(token))
	}
	return ""
}

// binary reports that a line has bytes which text has not.
func binary(line []byte) bool {
	for _, c := range line {
		if c < ' ' && c != '\t' && c != '\r' || c == 0x7F {
			return true
		}
	}
	return !utf8.Valid(line)
}
