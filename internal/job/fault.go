package job

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"parley/internal/param"
)

// Fault is one mistake in a job.
type Fault struct {
	// Where is "file:line", "file", or "override key=value"; it is empty for a
	// job that did not come from text.
	Where string
	// Key is the path of the key, such as run.epochs; it is empty when the
	// fault is not one key's, or when Where names the key already.
	Key string
	// Text says what is wrong and what to do.
	Text string
}

func (f Fault) String() string {
	parts := make([]string, 0, 3)
	for _, s := range []string{f.Where, f.Key, f.Text} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ": ")
}

// Faults are all mistakes of a job, in the order of the file and then of the
// overrides. Errors of this package wrap it: use errors.As to get at it. Their
// kind is param.Invalid.
type Faults []Fault

// Error returns one line a fault.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i := range f {
		lines[i] = f[i].String()
	}
	return strings.Join(lines, "\n")
}

// maxFaults bounds what is reported of a file that is not a job at all.
const maxFaults = 100

// position is a place in the file or, when override > 0, in override number
// override-1.
type position struct{ override, line, column int }

// source is where a job's text comes from.
type source struct {
	name      string // of the file
	overrides []string
}

func (s source) where(p position) string {
	switch {
	case p.override > 0:
		return "override " + plain(s.overrides[p.override-1])
	case p.line > 0:
		return fmt.Sprintf("%s:%d", plain(s.name), p.line)
	default:
		return plain(s.name)
	}
}

// report collects the faults of one reading.
type report struct {
	source
	faults []placed
	more   int             // faults beyond maxFaults
	bad    map[string]bool // keys whose value is unusable: no more is said about them
}

type placed struct {
	at    position
	fault Fault
}

func newReport(s source) *report { return &report{source: s, bad: map[string]bool{}} }

func (r *report) full() bool { return len(r.faults) >= maxFaults }

// add reports a fault. key may be empty.
func (r *report) add(at position, key, format string, args ...any) {
	if r.full() {
		r.more++
		return
	}
	f := Fault{Where: r.where(at), Key: key, Text: fmt.Sprintf(format, args...)}
	if at.override > 0 && strings.HasPrefix(r.overrides[at.override-1], key+"=") {
		f.Key = ""
	}
	r.faults = append(r.faults, placed{at, f})
}

// reject reports that the value of a key is unusable.
func (r *report) reject(at position, key, format string, args ...any) {
	r.bad[key] = true
	r.add(at, key, format, args...)
}

// isBad reports whether the value of a key, or of one above it, was rejected.
func (r *report) isBad(key string) bool {
	for ; key != ""; key = parentOf(key) {
		if r.bad[key] {
			return true
		}
	}
	return false
}

// err returns the faults in order, or nil.
func (r *report) err() error {
	if len(r.faults) == 0 {
		return nil
	}
	slices.SortStableFunc(r.faults, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.at.override, b.at.override),
			cmp.Compare(a.at.line, b.at.line), cmp.Compare(a.at.column, b.at.column))
	})
	all := make(Faults, 0, len(r.faults)+1)
	for _, f := range r.faults {
		all = append(all, f.fault)
	}
	if r.more > 0 {
		all = append(all, Fault{Where: plain(r.name), Text: fmt.Sprintf("and %d more faults", r.more)})
	}
	return &param.Error{Kind: param.Invalid, Err: all}
}

// maxShown bounds what a message repeats of the input, in bytes.
const maxShown = 120

// shorten cuts s to what a message may repeat.
func shorten(s string) string {
	if len(s) <= maxShown {
		return s
	}
	return strings.ToValidUTF8(s[:maxShown-3], "") + "..."
}

// plain returns s as a message may show it: on one line, and not too long.
func plain(s string) string {
	s = shorten(s)
	for _, r := range s {
		if !strconv.IsPrint(r) || r == '\uFFFD' {
			return strconv.Quote(s)
		}
	}
	return s
}
