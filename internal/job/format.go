package job

import (
	"path"
	"slices"
	"strings"
)

// Formats by what their rows are made of.
var (
	columnFormats = []string{"csv", "tsv", "jsonl", "arrow", "parquet"} // named cells
	numberFormats = []string{"libsvm", "uci-bow", "idx"}                // numbered values
	textFormats   = slices.Concat(columnFormats, []string{"text", "uci-bow"})
	hashFormats   = slices.Concat(columnFormats, []string{"libsvm", "vw", "text", "uci-bow"})
	tokenFormats  = slices.Concat(columnFormats, []string{"text"}) // documents that are yet to be cut into words
)

// formatOfSuffix are the suffixes of files that say which format they are of.
// Others, such as .txt and .dat, are used for any.
var formatOfSuffix = map[string]string{
	".svm": "libsvm", ".libsvm": "libsvm", ".vw": "vw", ".csv": "csv", ".tsv": "tsv",
	".jsonl": "jsonl", ".ndjson": "jsonl", ".arrow": "arrow", ".feather": "arrow", ".ipc": "arrow",
	".parquet": "parquet",
}

// FormatOf returns the format that the name of a file, a glob or a URL tells: by
// the suffix before .gz, .zst or .bz2, or by the names that uci-bow and idx files
// go by (docword*.txt and *-ubyte). It is "" when the name tells nothing, and then
// a job's default is libsvm.
func FormatOf(name string) string {
	name = strings.ToLower(name)
	if strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://") {
		name, _, _ = strings.Cut(name, "#")
		name, _, _ = strings.Cut(name, "?")
	}
	name = path.Base(name)
	for _, suffix := range []string{".gz", ".zst", ".bz2"} {
		if short, ok := strings.CutSuffix(name, suffix); ok {
			name = short
			break
		}
	}
	switch {
	case strings.HasSuffix(name, "-ubyte"):
		return "idx"
	case strings.HasPrefix(name, "docword") && strings.HasSuffix(name, ".txt"):
		return "uci-bow"
	}
	return formatOfSuffix[path.Ext(name)]
}

// formatRule says which formats a key has a meaning for.
type formatRule struct {
	key     string
	formats []string
}

// Which formats the keys of data, of its sources and of data.text are for.
var (
	dataRules = []formatRule{
		{"hash", hashFormats}, {"text", textFormats}, {"label", columnFormats}, {"weight", columnFormats},
		{"exposure", columnFormats}, {"features", columnFormats}, {"scale", numberFormats},
	}
	sourceRules = []formatRule{
		{"columns", []string{"csv", "tsv"}}, {"labels", []string{"uci-bow", "idx"}}, {"vocab", []string{"uci-bow"}},
	}
	textRules = []formatRule{
		{"field", columnFormats}, {"label", columnFormats}, {"max_terms", tokenFormats},
		{"stop", tokenFormats}, {"lowercase", tokenFormats}, {"ngrams", tokenFormats},
	}
)

// akin reports whether rows of two formats can have features in common.
func akin(a, b string, text bool) bool {
	for _, formats := range [][]string{columnFormats, numberFormats} {
		if slices.Contains(formats, a) && slices.Contains(formats, b) {
			return true
		}
	}
	return a == b || text && slices.Contains(textFormats, a) && slices.Contains(textFormats, b)
}
