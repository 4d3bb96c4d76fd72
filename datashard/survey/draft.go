package survey

import (
	"fmt"
	"math"
	"path"
	"regexp"
	"strconv"
	"strings"

	"parley/internal/job"
	"parley/internal/param"
)

// Draft returns a job file that trains on the data as it is: a start, with comments
// that say what was guessed and what to change. Paths that are relative stay so.
// The error is Invalid: nothing can be learned from the data without labels,
// without features, or when all rows are bad.
func (s *Survey) Draft() ([]byte, error) {
	switch {
	case s.BadRows == s.Rows:
		return nil, param.Errorf(param.Invalid, "%s: all %d rows are bad (%s), so no job can train on them: is --format right?", s.Path, s.Rows, s.firstReason())
	case s.Label == nil && s.Sparse != nil:
		return nil, param.Errorf(param.Invalid, "%s: the rows have no labels, so no job can train on them: give the file of labels with --labels", s.Path)
	case s.Label == nil:
		return nil, param.Errorf(param.Invalid, "%s: no column can be the label (numbers or names, at least two different ones), so no job can train on them: add one", s.Path)
	}
	d := draft{survey: s, goal: s.goal()}
	if err := d.write(); err != nil {
		return nil, err
	}
	return []byte(d.text.String()), nil
}

func (s *Survey) firstReason() string {
	if len(s.Places) == 0 {
		return "no reason is known"
	}
	p := s.Places[0]
	return fmt.Sprintf("the first: %s:%d: %s", p.File, p.Line, p.Reason)
}

// draft is a job file under way.
type draft struct {
	survey *Survey
	goal   goal
	text   strings.Builder
}

func (d *draft) line(format string, args ...any) {
	fmt.Fprintf(&d.text, format+"\n", args...)
}

func (d *draft) write() error {
	s := d.survey
	d.line("# A job to start from, drafted from %s rows of %s.", thousands(s.Rows), oneLine(path.Base(s.Path)))
	d.line("# Train with: parley train job.yaml (docs/job.md explains all keys)")
	name := nameOf(s.Path)
	d.line("name: %s", scalar(name))
	d.line("data:")
	d.line("  # A relative path counts from the folder of this file.")
	d.line("  train: %s", d.source())
	if s.Rows >= 200 {
		d.line("  holdout: 0.1   # share of the rows to measure the model on; or, instead: test: {path: ...}")
	}
	if bad := s.BadRows + d.unlabelled(); bad > 0 {
		d.line("  # Rows that are bad or have no label are set aside; more than these fail the job.")
		d.line("  quality: {max_bad_rows: %d}", bad)
	}
	if s.Sparse == nil {
		d.label()
		if err := d.features(); err != nil {
			return err
		}
	} else if s.Format == "uci-bow" {
		d.line("  text: {weight: tfidf}")
	}
	d.model()
	d.line("output: runs/%s", name)
	return nil
}

// unlabelled returns the number of rows without a label, which training refuses.
func (d *draft) unlabelled() int64 {
	if d.survey.Sparse != nil {
		return 0 // they are bad rows already
	}
	return d.survey.Label.Values.Missing
}

func (d *draft) source() string {
	s := d.survey
	keys := []string{"path: " + scalar(s.Path), "format: " + s.Format}
	if len(s.source.Columns) > 0 {
		names := make([]string, len(s.source.Columns))
		for i, name := range s.source.Columns {
			names[i] = scalar(name)
		}
		keys = append(keys, "columns: ["+strings.Join(names, ", ")+"]")
	}
	if s.source.Labels != "" {
		keys = append(keys, "labels: "+scalar(s.source.Labels))
	}
	if s.source.Vocab != "" {
		keys = append(keys, "vocab: "+scalar(s.source.Vocab))
	}
	return "{" + strings.Join(keys, ", ") + "}"
}

func (d *draft) label() {
	l := d.survey.Label
	d.line("  # The label is a guess: %s.", l.Why)
	d.line("  # To predict another column, name it here, take its line out of the features, and make a")
	d.line("  # feature of this one or leave it out.")
	d.line("  label: {column: %s%s}   # %s", scalar(l.Column), d.goal.option, d.goal.about)
	if d.goal.kind == "linear" {
		d.line("  # label: {column: %s, above: %s}   # with model.kind logistic: is it above that?", scalar(l.Column), plainNumber(d.goal.above))
	}
	if c := l.Values; d.goal.kind == "linear" && c.Type == Integer && c.Distinct <= fewClasses {
		d.line("  # label: {column: %s, map: {%s: 1, \"*\": 0}}   # with model.kind logistic: that number against all others", scalar(l.Column), quoted(c.Top[0].Text))
	}
}

// fewClasses is the number of whole numbers up to which they may be names of
// classes.
const fewClasses = 20

func (d *draft) model() {
	g, rows := &d.goal, d.survey.Rows
	if d.survey.Sparse != nil {
		d.line("# The labels: %s.", g.about)
	}
	d.line("model: {kind: %s, l2: %.0e}   # %s", g.kind, 1/float64(max(1, rows)), g.why)
	if g.rate > 0 {
		d.line("optimizer: {kind: adagrad, rate: %s}   # in proportion to the size of the label", plainNumber(g.rate))
	}
	if rows < smallData {
		d.line("run: {epochs: 20, batch: 32}   # few rows: more passes, in smaller steps")
	} else {
		d.line("run: {epochs: 5}")
	}
}

// smallData is the number of rows below which the default batches would make few
// steps of an epoch.
const smallData = 20_000

// goal is what a job is to learn.
type goal struct {
	kind   string
	why    string
	option string  // of the label, beside its column
	about  string  // what the label is like
	above  float64 // linear: a number that cuts the label in two
	rate   float64 // linear: of the optimizer; 0 is the default
}

// goal guesses what is to be learned of the label.
func (s *Survey) goal() goal {
	c := s.Label.Values
	numbers := c.Type == Integer || c.Type == Number
	switch {
	case c.Distinct == 2 && !c.About && numbers:
		return goal{kind: "logistic", why: "the label has two values; the larger is the positive one", about: balance(c)}
	case numbers:
		n := c.Numbers
		g := goal{kind: "linear", why: "the label is a number", above: n.Quartiles[2]}
		if g.above >= n.Max {
			g.above = n.Quartiles[1]
		}
		if g.above >= n.Max {
			g.above = n.Min
		}
		g.about = fmt.Sprintf("%s to %s, half of them %s to %s", plainNumber(n.Min), plainNumber(n.Max), plainNumber(n.Quartiles[0]), plainNumber(n.Quartiles[2]))
		if n.Quartiles[0] == n.Quartiles[2] {
			g.about = fmt.Sprintf("%s to %s, most of them %s", plainNumber(n.Min), plainNumber(n.Max), plainNumber(n.Quartiles[1]))
		}
		// A step of AdaGrad is as large as the rate, however large the errors are, so the
		// rate says how far weights may come.
		g.rate = round1(min(max(math.Max(n.Std, math.Abs(n.Mean)/4)/2, 1e-9), 1e9))
		return g
	case c.Distinct == 2:
		positive := c.Top[1] // the rarer one
		for _, v := range c.Top {
			switch strings.ToLower(v.Text) {
			case "yes", "true", "y", "t", "positive", "pos", "malignant", "spam", "good":
				positive = v
			}
		}
		other := c.Top[0]
		if other == positive {
			other = c.Top[1]
		}
		return goal{kind: "logistic", why: "the label has two values", about: balance(c),
			option: fmt.Sprintf(", map: {%s: 1, %s: 0}", quoted(positive.Text), quoted(other.Text))}
	}
	return goal{kind: "logistic", why: "one name against all others", about: balance(c),
		option: fmt.Sprintf(", map: {%s: 1, \"*\": 0}", quoted(c.Top[0].Text))}
}

// balance tells the most frequent values of a column in a few words.
func balance(c *Column) string {
	var parts []string
	for _, v := range c.Top[:min(3, len(c.Top))] {
		parts = append(parts, fmt.Sprintf("%s %s", quoted(short(v.Text, 24)), percent(v.Rows, c.Values)))
	}
	if c.Distinct > 3 {
		parts = append(parts, "and "+many(c.Distinct-3, "other"))
	}
	return strings.Join(parts, ", ")
}

// nameOf makes the name of a job of a path.
func nameOf(p string) string {
	if u, _, ok := strings.Cut(p, "?"); ok && strings.Contains(p, "://") {
		p = u
	}
	base := path.Base(strings.TrimRight(p, "/"))
	for _, suffix := range []string{".gz", ".zst", ".bz2"} {
		base = strings.TrimSuffix(base, suffix)
	}
	if job.FormatOf(base) != "" || path.Ext(base) == ".txt" || path.Ext(base) == ".dat" {
		base = strings.TrimSuffix(base, path.Ext(base))
	}
	base = strings.Trim(notName.ReplaceAllString(base, "-"), "-._")
	if base == "" {
		return "job"
	}
	return base[:min(len(base), 64)]
}

var (
	notName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)
	plain   = regexp.MustCompile(`^[A-Za-z_/.][A-Za-z0-9_./-]*$`)
	special = regexp.MustCompile(`^(?i:true|false|yes|no|on|off|y|n|null|~|\.nan|\.inf)$|^[.-]+$`)
)

// scalar writes text as YAML, quoted where it could be taken for something else.
func scalar(s string) string {
	if plain.MatchString(s) && !special.MatchString(s) {
		return s
	}
	return quoted(s)
}

// quoted writes text in double quotes, as YAML has them.
func quoted(s string) string { return strconv.Quote(s) }

// oneLine writes text for a comment.
func oneLine(s string) string {
	q := strconv.Quote(s)
	return q[1 : len(q)-1]
}
