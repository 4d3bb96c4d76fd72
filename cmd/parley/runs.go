package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"parley/internal/artifact"
	"parley/internal/job"
	"parley/internal/param"
)

func runsCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "runs OUTPUT...",
		Short: "Compare finished runs: the settings that differ, metrics and time",
		Long: `Runs reads report.json and job.json of output folders and prints a column for each: the settings
that are not the same in all of them (place and name aside), the metrics, the time and the model's
SHA-256. A + marks the best value of a metric.

Exit codes: 0 done; 2 usage, or a folder without a finished run.`,
		Example: `  parley runs runs/mnist runs/mnist-dropout
  parley runs runs/* --json`,
		Args:              takesSome("the output folders of some runs"),
		ValidArgsFunction: folders,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.RunE = do(func(_ *cobra.Command, args []string) error {
		var runs []*finished
		for _, dir := range args {
			r, err := readRun(dir)
			if err != nil {
				return err
			}
			runs = append(runs, r)
		}
		if asJSON {
			return printRunsJSON(os.Stdout, runs)
		}
		return printRuns(os.Stdout, runs)
	})
	return c
}

// finished is a run as its output folder has it.
type finished struct {
	dir      string
	report   *artifact.Report
	settings map[string]string // JSON by key, such as optimizer.rate
}

func readRun(dir string) (*finished, error) {
	r := &finished{dir: dir, settings: map[string]string{}}
	var err error
	if r.report, err = artifact.ReadReport(dir); err != nil {
		if os.IsNotExist(err) {
			err = param.Errorf(param.Invalid, "%s: there is no finished run here, as %s is missing", dir, artifact.ReportFile)
		}
		return nil, err
	}
	name := filepath.Join(dir, artifact.JobFile)
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // as it was written
	var settings map[string]any
	if err := d.Decode(&settings); err != nil {
		return nil, param.Errorf(param.Corrupt, "%s: %w", name, err)
	}
	flatten(r.settings, "", settings)
	return r, nil
}

// flatten sets the values of an object by their paths. Lists are values.
func flatten(into map[string]string, path string, object map[string]any) {
	for key, value := range object {
		if path != "" {
			key = path + "." + key
		}
		if inner, ok := value.(map[string]any); ok {
			flatten(into, key, inner)
			continue
		}
		text, err := json.Marshal(value)
		if err != nil { // it comes from JSON
			panic("runs: " + err.Error())
		}
		into[key] = strings.Trim(string(text), `"`)
	}
}

// elsewhere are the settings that say where a run is.
var elsewhere = []string{"name", "output", "run.checkpoint.to"}

// differing returns the settings that are not the same in all runs, in order.
func differing(runs []*finished) (keys []string) {
	all := map[string]bool{}
	for _, r := range runs {
		for key := range r.settings {
			all[key] = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		same := !slices.ContainsFunc(runs, func(r *finished) bool { return r.settings[key] != runs[0].settings[key] })
		if !same && !slices.Contains(elsewhere, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// sets are the metrics of a report by the rows that they are of.
func (r *finished) sets() map[string]artifact.Values {
	m := r.report.Metrics
	return map[string]artifact.Values{"train": m.Train, "test": m.Test, "holdout": m.Holdout}
}

func printRuns(out io.Writer, runs []*finished) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(title string, cell func(r *finished) string) {
		fmt.Fprint(w, title)
		for _, r := range runs {
			fmt.Fprint(w, "\t", cell(r))
		}
		fmt.Fprintln(w)
	}
	line("", func(r *finished) string { return r.dir })
	for _, key := range differing(runs) {
		line(key, func(r *finished) string {
			if v, ok := r.settings[key]; ok {
				return printable(v)
			}
			return "-"
		})
	}
	for _, set := range []string{"train", "test", "holdout"} {
		names := map[string]bool{}
		for _, r := range runs {
			for name := range r.sets()[set] {
				names[name] = true
			}
		}
		for _, name := range slices.Sorted(maps.Keys(names)) {
			best, several := bestOf(runs, set, name)
			line(set+" "+name, func(r *finished) string {
				v, ok := r.sets()[set][name]
				switch {
				case !ok:
					return "-"
				case several && v == best:
					return fmt.Sprintf("%.5f +", v)
				}
				return fmt.Sprintf("%.5f", v)
			})
		}
	}
	line("epochs", func(r *finished) string { return fmt.Sprint(r.report.Epochs) })
	line("rows", func(r *finished) string { return fmt.Sprint(r.report.Rows) })
	line("seconds", func(r *finished) string { return fmt.Sprintf("%.2f", r.report.Seconds.Total) })
	line("of training", func(r *finished) string { return fmt.Sprintf("%.2f", r.report.Seconds.Train) })
	line("restarts", func(r *finished) string { return fmt.Sprint(r.report.Restarts) })
	line("model", func(r *finished) string { return beginning(r.report.ModelSHA256) })
	line("data", func(r *finished) string { return beginning(r.report.DataSHA256) })
	return w.Flush()
}

func beginning(sha string) string { return sha[:min(12, len(sha))] }

// bestOf returns the best value of a metric, and whether runs differ in it.
func bestOf(runs []*finished, set, name string) (best float64, several bool) {
	first := true
	for _, r := range runs {
		v, ok := r.sets()[set][name]
		if !ok {
			continue
		}
		better := v < best
		if job.HigherIsBetter(name) {
			better = v > best
		}
		several = several || !first && v != best
		if first || better {
			best = v
		}
		first = false
	}
	return best, several
}

// shownRun is a run in what parley runs --json prints.
type shownRun struct {
	Output   string            `json:"output"`
	Settings map[string]string `json:"settings"` // that differ
	Report   *artifact.Report  `json:"report"`
}

func printRunsJSON(out io.Writer, runs []*finished) error {
	keys := differing(runs)
	var shown []shownRun
	for _, r := range runs {
		s := shownRun{Output: r.dir, Settings: map[string]string{}, Report: r.report}
		for _, key := range keys {
			if v, ok := r.settings[key]; ok {
				s.Settings[key] = v
			}
		}
		shown = append(shown, s)
	}
	return printJSON(out, shown)
}
