package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"parley/datashard"
	"parley/internal/agent"
	"parley/internal/feature"
	"parley/internal/job"
	"parley/internal/node"
	"parley/internal/plan"
	"parley/internal/profile"
)

// checkOptions are the flags of parley data check.
type checkOptions struct {
	json       bool
	quarantine string
}

func dataCheckCommand() *cobra.Command {
	var o checkOptions
	c := &cobra.Command{
		Use:   "check JOB.yaml [key=value ...]",
		Short: "Check the data of a job without training",
		Long: `Check reads all rows of the training and test data as training would, and holds them against
data.quality of the job (without it: no row may be bad). It prints what it found. A later step can read the
same as JSON: with --json that is all of standard output, whether the data passes or not.

Exit codes: 0 the data passes; 2 usage, or the data does not pass or cannot be read at all.`,
		Example: `  parley data check job.yaml
  parley data check job.yaml data.quality.max_bad_rows=10 --json > quality.json
  parley data check job.yaml --quarantine bad.jsonl`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("which job? give the path of a job file")
			}
			return nil
		},
		ValidArgsFunction: overrides,
	}
	c.Flags().BoolVar(&o.json, "json", false, "print what was found as JSON, and nothing else")
	c.Flags().StringVar(&o.quarantine, "quarantine", "", "file to which all bad rows are written, one a line as JSON: set, row, file, line, offset, code, reason and excerpt")
	c.RunE = do(func(c *cobra.Command, args []string) error {
		j, err := job.Load(args[0], args[1:])
		if err != nil {
			return err
		}
		return checkData(c.Context(), o, args[0], j)
	})
	return c
}

// checkData checks the data of a job, tells what was found, and writes the bad
// rows.
func checkData(ctx context.Context, o checkOptions, path string, j *job.Job) error {
	remote := node.NewRemote(slog.New(slog.DiscardHandler))
	defer remote.Close()
	c := &check{data: j.Data, remote: remote}
	if c.data.Quality == nil {
		c.data.Quality = &job.Quality{}
	}
	err := c.runTo(ctx, o.quarantine)
	if ctx.Err() != nil {
		return err
	}
	if err := c.tell(os.Stdout, o.json, err); err != nil {
		return err
	}
	if err == nil && !c.passed() {
		err = exit(exitUsage, fmt.Errorf("%s: the data is not what the job asks for", path))
	}
	return err
}

// check is one check of a job's data.
type check struct {
	data        job.Data
	remote      datashard.Remote
	bad         *json.Encoder // of all bad rows; nil: they are not written
	train, test *checkedSet
}

// checkedSet is what was found of a dataset.
type checkedSet struct {
	profile.Report
	Columns []checkedColumn `json:"columns"` // those that were read
}

type checkedColumn struct {
	Name    string `json:"name"`
	Missing int64  `json:"missing"` // rows without a value
}

func (c *check) passed() bool {
	return c.train != nil && c.train.Passed && (c.data.Test == nil || c.test != nil && c.test.Passed)
}

// runTo runs the check and writes all bad rows to a file, unless it is "".
func (c *check) runTo(ctx context.Context, quarantine string) error {
	if quarantine == "" {
		return c.run(ctx)
	}
	f, err := pendingFile(quarantine)
	if err != nil {
		return fmt.Errorf("--quarantine %w", err)
	}
	defer f.abort()
	w := bufio.NewWriter(f)
	c.bad = json.NewEncoder(w)
	if err := c.run(ctx); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.commit()
}

func (c *check) run(ctx context.Context) error {
	m, err := c.set(ctx, plan.SetTrain, c.data.Train, nil, &c.train)
	if err == nil && c.data.Test != nil {
		_, err = c.set(ctx, plan.SetTest, *c.data.Test, m, &c.test)
	}
	return err
}

// set checks a dataset. like is the manifest of the training data, for others.
func (c *check) set(ctx context.Context, set plan.Set, s job.Source, like *plan.Manifest, to **checkedSet) (*plan.Manifest, error) {
	d, err := datashard.Open(ctx, agent.SourceOf(s, &c.data), datashard.Options{Remote: c.remote, CacheBytes: -1})
	if err != nil {
		return nil, fmt.Errorf("data.%s: %w", set, err)
	}
	defer d.Close()
	m, found, err := c.findings(ctx, d, set, like)
	if err != nil {
		return nil, fmt.Errorf("data.%s: %w", set, err)
	}
	r := &checkedSet{Report: found.Report(m)}
	r.Set = set
	for i := range r.Places {
		r.Places[i].Set = set
	}
	for _, column := range found.Summary().Columns {
		r.Columns = append(r.Columns, checkedColumn{column.Name, column.Missing})
	}
	if r.Passed && like == nil { // what features are made of may be wrong too
		if _, err := found.Train(m); err != nil {
			r.Passed, r.Faults = false, append(r.Faults, feature.Fault{Key: "data", Text: err.Error()})
		}
	}
	*to = r
	return m, nil
}

// findings reads all rows: over the cores, or in order if all bad ones are to be
// written.
func (c *check) findings(ctx context.Context, d *datashard.Dataset, set plan.Set, like *plan.Manifest) (*plan.Manifest, *profile.Findings, error) {
	if c.bad == nil {
		return d.Findings(ctx, like)
	}
	m, err := d.ScanAs(ctx, like)
	if err != nil {
		return nil, nil, err
	}
	if err := d.Use(m); err != nil {
		return nil, nil, err
	}
	found, err := profile.NewFindings(set, profile.SpecOf(&c.data), m)
	for i := 0; err == nil && i < plan.Units(len(m.Shards)); i++ {
		var part *profile.Part
		if part, err = d.Fit(ctx, plan.Unit{Number: i}, math.MaxInt64); err != nil {
			break
		}
		for _, b := range part.Bad {
			b.Set = set
			if err := c.bad.Encode(b); err != nil {
				return nil, nil, err
			}
		}
		err = found.Add(part)
	}
	return m, found, err
}

// tell prints what was found, and the error that ended the check, if one did.
func (c *check) tell(w io.Writer, asJSON bool, failed error) error {
	if !asJSON {
		var b strings.Builder
		for _, r := range []*checkedSet{c.train, c.test} {
			if r != nil {
				r.describe(&b)
			}
		}
		_, err := io.WriteString(w, b.String())
		return err
	}
	answer := struct {
		Passed bool        `json:"passed"`
		Error  string      `json:"error,omitempty"` // why the data could not be read
		Train  *checkedSet `json:"train,omitempty"`
		Test   *checkedSet `json:"test,omitempty"`
	}{Passed: c.passed(), Train: c.train.listed(), Test: c.test.listed()}
	if failed != nil {
		answer.Error = failed.Error()
	}
	return printJSON(w, answer)
}

// listed makes lists of what is null, for readers of the JSON.
func (r *checkedSet) listed() *checkedSet {
	if r == nil {
		return nil
	}
	list := *r
	list.Reasons, list.Places = append([]feature.Count{}, r.Reasons...), append([]plan.BadRow{}, r.Places...)
	list.Faults, list.Columns = append([]feature.Fault{}, r.Faults...), append([]checkedColumn{}, r.Columns...)
	return &list
}

// describe tells people.
func (r *checkedSet) describe(b *strings.Builder) {
	verdict := "passes"
	if !r.Passed {
		verdict = "fails"
	}
	fmt.Fprintf(b, "%s data %s: %s: %d rows, %d bad (at most %d allowed)\n", r.Set, verdict, r.Path, r.Rows, r.BadRows, r.Allowed)
	for _, reason := range r.Reasons {
		fmt.Fprintf(b, "  %s: %s\n", count(reason.Rows, "bad row", "bad rows"), reason.Code)
	}
	for _, place := range r.Places {
		fmt.Fprintf(b, "  %s:%d: %s\n", place.File, place.Line, place.Reason)
	}
	if more := r.BadRows - int64(len(r.Places)); more > 0 && len(r.Places) > 0 {
		fmt.Fprintf(b, "  and %d more\n", more)
	}
	for _, fault := range r.Faults {
		fmt.Fprintf(b, "  %s: %s\n", fault.Key, fault.Text)
	}
	for _, column := range r.Columns {
		if column.Missing > 0 {
			fmt.Fprintf(b, "  column %s: no value in %s (%.4g%%)\n", column.Name, count(column.Missing, "row", "rows"), 100*float64(column.Missing)/float64(max(1, r.Rows)))
		}
	}
}

// count is a number with its noun.
func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
