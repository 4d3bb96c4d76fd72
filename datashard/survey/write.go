package survey

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// thousands writes a count with commas.
func thousands(n int64) string {
	if n < 0 {
		return "-" + thousands(-n)
	}
	if n < 1000 {
		return strconv.FormatInt(n, 10)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

// distinct writes how many different values a column has.
func distinct(c *Column) string {
	if c.About {
		return "about " + thousands(roundCount(c.Distinct))
	}
	return thousands(c.Distinct)
}

// roundCount rounds an estimate to two digits: there is no more to it.
func roundCount(n int64) int64 {
	step := int64(1)
	for n/step >= 1000 {
		step *= 10
	}
	return (n + step/2) / step * step
}

// percent writes a share so that some is not 0 % and not all is not 100 %.
func percent(part, of int64) string {
	share := 100 * float64(part) / float64(max(1, of))
	switch {
	case part == 0:
		return "0%"
	case part == of:
		return "100%"
	case share < 0.1:
		return "<0.1%"
	case share > 99.9:
		return ">99.9%"
	case share < 10 || share > 90:
		return strconv.FormatFloat(share, 'f', 1, 64) + "%"
	}
	return strconv.FormatFloat(share, 'f', 0, 64) + "%"
}

// number4 writes a number to four digits, for people.
func number4(x float64) string {
	a := math.Abs(x)
	switch {
	case x == 0:
		return "0"
	case a >= 1e9 || a < 1e-4:
		return strconv.FormatFloat(x, 'g', 4, 64)
	case a >= 1000:
		return thousands(int64(math.Round(x)))
	}
	return strconv.FormatFloat(x, 'g', 4, 64)
}

// plainNumber writes a number to four digits, whole ones whole, as YAML takes it.
func plainNumber(x float64) string {
	if x == math.Trunc(x) && math.Abs(x) < 1e15 {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'g', 4, 64)
}

// round1 rounds to one digit.
func round1(x float64) float64 {
	y, err := strconv.ParseFloat(strconv.FormatFloat(x, 'e', 0, 64), 64)
	if err != nil {
		return x
	}
	return y
}

// size writes a number of bytes.
func size(n int64) string {
	x, unit := float64(n), "B"
	for _, u := range []string{"kB", "MB", "GB", "TB"} {
		if x < 1000 {
			break
		}
		x, unit = x/1000, u
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return strconv.FormatFloat(x, 'f', 1, 64) + " " + unit
}

// short makes text one line of at most so many characters.
func short(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, s)
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	return string(runes[:most-1]) + "…"
}
