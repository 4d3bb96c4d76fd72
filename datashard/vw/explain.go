package vw

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"parley/internal/table"
)

// explain returns why a line, without its newline, is not a row: a code and a
// reason. It runs for bad rows alone, so it is written for its messages.
func (p *Parser) explain(line []byte) (code, reason string) {
	text := string(bytes.TrimSuffix(line, []byte{'\r'}))
	if reason := explainBytes(text); reason != "" {
		return "binary", reason
	}
	head, rest, bar := strings.Cut(text, "|")
	if !bar {
		return "bar", "has no bar: write rows such as 1 | price:0.23 2006"
	}
	if code, reason := p.explainHead(head); reason != "" {
		return code, reason
	}
	for _, section := range strings.Split(rest, "|") {
		if code, reason := explainSection(section); reason != "" {
			return code, reason
		}
	}
	return "value", "has features of one column whose values sum to beyond the range of 32-bit floats: scale them down"
}

// explainHead returns what is wrong before the first bar, if anything is.
func (p *Parser) explainHead(head string) (code, reason string) {
	if strings.Contains(strings.Trim(head, " \t"), "\t") {
		return "label", "has a tab before the bar: Vowpal Wabbit ignores what is before it, so write blanks, or remove that"
	}
	words, tag := fields(head), ""
	if n := len(words); n > 0 && (strings.HasSuffix(head, words[n-1]) || words[n-1][0] == '\'') {
		words, tag = words[:n-1], words[n-1]
	}
	switch {
	case len(words) == 0 && p.Unlabeled:
		return "", ""
	case len(words) == 0 && isNumber.MatchString(tag):
		return "label", fmt.Sprintf("missing label: %s touches the bar, which makes it a tag: write a blank before the bar", table.Quote(tag))
	case len(words) == 0:
		return "label", "missing label: write rows such as 1 | price:0.23 2006"
	case words[0] == "shared" || strings.Contains(words[0], ":"):
		return "label", fmt.Sprintf("label %s is of a row with costs or actions, which are not supported: write one number", table.Quote(words[0]))
	}
	if reason := explainNumber("label", words[0]); reason != "" || len(words) == 1 {
		return "label", reason
	}
	return "weight", explainImportance(words[1:])
}

func explainImportance(words []string) string {
	reason := explainNumber("importance", words[0])
	switch {
	case reason != "":
		return reason
	case number(words[0]) < 0:
		return fmt.Sprintf("importance %s is negative: write 0 or more", table.Quote(words[0]))
	case len(words) == 2:
		return fmt.Sprintf("base %s is not supported: remove the third number before the bar", table.Quote(words[1]))
	case len(words) > 2:
		return fmt.Sprintf("has %d words before the bar: write label, importance and 'tag, the last two optional", len(words)+1)
	}
	return ""
}

// explainSection returns what is wrong with a namespace and its features, given
// from behind the bar on.
func explainSection(section string) (code, reason string) {
	tokens := fields(section)
	scale, weight := float32(1), ""
	if section != "" && section[0] != ' ' && section[0] != '\t' {
		name, text, colon := strings.Cut(tokens[0], ":")
		if name == "" {
			return "feature", fmt.Sprintf("%s touches the bar but has no name of a namespace: write |name:weight, or a blank behind the bar", table.Quote(tokens[0]))
		}
		if colon {
			if reason := explainNumber("namespace weight", text); reason != "" {
				return "value", reason
			}
			scale, weight = number(text), text
		}
		tokens = tokens[1:]
	}
	for _, token := range tokens {
		name, text, colon := strings.Cut(token, ":")
		switch {
		case name == "":
			return "feature", fmt.Sprintf("feature %s has no name: write name:value", table.Quote(token))
		case colon && text == "":
			return "value", fmt.Sprintf("feature %s has no value: write one behind the colon, or leave the colon out, which means 1", table.Quote(token))
		case !colon:
			text = "1"
		}
		if reason := explainNumber("value", text); reason != "" {
			return "value", reason
		}
		if product := number(text) * scale; math.IsInf(float64(product), 0) {
			return "value", fmt.Sprintf("value %s times the namespace's weight %s is beyond the range of 32-bit floats", table.Quote(text), table.Quote(weight))
		}
	}
	return "", ""
}

var (
	isNumber = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)
	isNaNInf = regexp.MustCompile(`(?i)^[+-]?(nan|inf|infinity)$`)
)

// explainNumber returns what is wrong with a number, if anything is.
func explainNumber(what, token string) string {
	switch {
	case isNaNInf.MatchString(token):
		return fmt.Sprintf("%s %s is not finite: leave the row or the feature out", what, table.Quote(token))
	case !isNumber.MatchString(token) && what == "value":
		return fmt.Sprintf("value %s is not a number: write it in plain decimal digits, or a text value as part of the name, name=text", table.Quote(token))
	case !isNumber.MatchString(token):
		return fmt.Sprintf("%s %s is not a number: write it in plain decimal digits", what, table.Quote(token))
	}
	if _, err := strconv.ParseFloat(token, 32); err != nil {
		return fmt.Sprintf("%s %s is beyond the range of 32-bit floats", what, table.Quote(token))
	}
	return ""
}

// number returns a number that explainNumber has found right.
func number(token string) float32 {
	x, _ := strconv.ParseFloat(token, 32)
	return float32(x)
}

// explainBytes returns whether a line has bytes which text has not, and what to
// do. Names may be of any encoding, so only a line without a bar has to be UTF-8.
func explainBytes(line string) string {
	binary := !strings.Contains(line, "|") && !utf8.ValidString(line)
	for _, c := range []byte(line) {
		binary = binary || c < ' ' && c != '\t' && c != '\r'
	}
	switch {
	case binary:
		return "is not vw text but binary data: give rows such as 1 | price:0.23 2006" + table.Disguise(line)
	case strings.Contains(line, "\r"):
		return `has a carriage return within: end lines with \n or \r\n`
	}
	return ""
}

func fields(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\t' })
}
