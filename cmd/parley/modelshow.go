package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/spf13/cobra"

	"parley/internal/artifact"
	"parley/internal/explain"
)

func modelShowCommand() *cobra.Command {
	var asJSON bool
	var top int
	c := &cobra.Command{Use: "show MODEL", Short: "Show what a model is, what it came from and what weighs most", Args: takes("MODEL"), ValidArgsFunction: arguments(folders),
		Long: `Show prints kind, shapes, metrics and hashes of a model, and of a linear one the heaviest weights with the
names of their features, or their ids where features have no names: those that speak for the class, or
for a larger value, then those that speak against it. MODEL is the output folder of a job, or the folder
model in it; either may be an s3:// URL.

Exit codes: 0 done; 1 the model is damaged; 2 usage, or there is no model.`,
		Example: `  parley model show runs/a9a
  parley model show runs/a9a --top 50
  parley model show runs/a9a --json`}
	c.Flags().IntVar(&top, "top", 10, "number of weights of either sign, of each class")
	c.Flags().BoolVar(&asJSON, "json", false, "print model.json, and the heaviest weights with it")
	c.RunE = do(func(c *cobra.Command, args []string) error {
		if top < 0 {
			return exit(exitUsage, errors.New("--top must be at least 0"))
		}
		m, done, err := openModel(c.Context(), args[0])
		if err != nil {
			return err
		}
		defer done()
		shown := shownModel{Model: m}
		if m.IsLinear() {
			if shown.Heaviest, err = explain.Heaviest(m, top); err != nil {
				return err
			}
		}
		if asJSON {
			return printJSON(os.Stdout, shown)
		}
		if err := printModel(m); err != nil || top == 0 {
			return err
		}
		return printHeaviest(os.Stdout, shown.Heaviest)
	})
	return c
}

// shownModel is what parley model show --json prints.
type shownModel struct {
	*artifact.Model
	Heaviest []explain.Output `json:"heaviest,omitempty"` // of a linear model, in the order of its classes
}

func printModel(m *artifact.Model) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "model\t%s\nkind\t%s\ncolumns\t%d\n", m.Dir(), m.Kind, m.Columns)
	if m.ZeroBased {
		fmt.Fprintf(w, "feature ids\tfrom 0\n")
	}
	if m.TellsClasses() {
		fmt.Fprintf(w, "labels\t%s\n", strings.Join(labelNames(m), ", "))
	} else if len(m.LabelNames) == 2 {
		fmt.Fprintf(w, "labels\tnegative %s, positive %s\n", m.LabelNames[0], m.LabelNames[1])
	} else if len(m.Labels) == 2 {
		fmt.Fprintf(w, "labels\tnegative %g, positive %g\n", m.Labels[0], m.Labels[1])
	}
	for _, t := range m.Tensors {
		fmt.Fprintf(w, "tensor\t%s %s %v\n", t.Name, t.DType, t.Shape)
	}
	for _, set := range []struct {
		name   string
		values artifact.Values
	}{{"train", m.Metrics.Train}, {"test", m.Metrics.Test}, {"holdout", m.Metrics.Holdout}} {
		for _, name := range slices.Sorted(maps.Keys(set.values)) {
			fmt.Fprintf(w, "%s %s\t%.6f\n", set.name, name, set.values[name])
		}
	}
	fmt.Fprintf(w, "parameters\tSHA-256 %s\ndata\tSHA-256 %s\nplan\tSHA-256 %s\nkernels\t%s\nparley\t%s\n", m.SHA256(), m.DataSHA256, m.PlanSHA256, m.Kernels, m.Parley)
	return w.Flush()
}

// printHeaviest prints a list an output.
func printHeaviest(w io.Writer, outputs []explain.Output) error {
	for _, o := range outputs {
		title := "heaviest weights"
		if o.Class != "" {
			title += " of class " + printable(o.Class)
		}
		if _, err := fmt.Fprintf(w, "\n%s (bias %+.6g)\n", title, o.Bias); err != nil {
			return err
		}
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, weight := range slices.Concat(o.Positive, o.Negative) {
			fmt.Fprintf(table, "  %+.6g\t%s\n", weight.Weight, printable(weight.Feature))
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// printable returns a text of the data as a terminal may show it.
func printable(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}
