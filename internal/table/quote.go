package table

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Quote quotes a part of the data for a message, escaped and cut short.
func Quote[T string | []byte](text T) string {
	const most = 40
	if len(text) <= most {
		return strconv.Quote(string(text))
	}
	cut := most
	for cut > most-utf8.UTFMax && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return strconv.Quote(string(text[:cut])) + "..."
}

// Disguise is the end of a message on a line that is no text: it names the
// compression of a file that lacks its suffix, told by the first bytes, if it is one.
func Disguise[T string | []byte](line T) string {
	for _, magic := range []struct{ prefix, suffix string }{{"\x1F\x8B", ".gz"}, {"\x28\xB5\x2F\xFD", ".zst"}} {
		if strings.HasPrefix(string(line[:min(len(line), len(magic.prefix))]), magic.prefix) {
			return "; if it is compressed, its name must end in " + magic.suffix
		}
	}
	return ""
}
