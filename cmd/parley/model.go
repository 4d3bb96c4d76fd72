package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"parley/internal/artifact"
	"parley/internal/param"
)

func modelCommand() *cobra.Command {
	var asJSON bool
	show := &cobra.Command{Use: "show MODEL", Short: "Show what a model is and what it came from", Args: takes("MODEL"),
		Long: `Show prints kind, shapes, metrics and hashes of a model. MODEL is the output folder of a job, or
the folder model in it; either may be an s3:// URL.`,
		Example: `  parley model show runs/a9a
  parley model show runs/a9a --json`}
	show.Flags().BoolVar(&asJSON, "json", false, "print model.json")
	show.RunE = do(func(c *cobra.Command, args []string) error {
		dir, done, err := localModel(c.Context(), args[0])
		if err != nil {
			return err
		}
		defer done()
		m, err := artifact.Open(dir)
		if err != nil {
			return err
		}
		if asJSON {
			text, err := json.MarshalIndent(m, "", "  ")
			if err == nil {
				fmt.Println(string(text))
			}
			return err
		}
		return printModel(m)
	})
	verify := &cobra.Command{Use: "verify MODEL", Short: "Check all files of a model against their hashes", Args: takes("MODEL"),
		Long: `Verify reads all files of a model and compares their SHA-256 with those in model.json. It ends with
exit code 1, and names each file that was changed or is missing, when the model is not whole.`,
		Example: "  parley model verify runs/a9a"}
	verify.RunE = do(func(c *cobra.Command, args []string) error {
		dir, done, err := localModel(c.Context(), args[0])
		if err != nil {
			return err
		}
		defer done()
		m, err := artifact.Verify(dir)
		if param.KindOf(err) == param.Corrupt {
			return exit(exitFailed, err)
		}
		if err == nil {
			fmt.Printf("%s is whole; SHA-256 %s\n", m.Dir(), m.SHA256())
		}
		return err
	})
	return group("model", "Look at a model, check that it is whole", "  parley model show runs/a9a\n  parley model verify runs/a9a", show, verify)
}

func printModel(m *artifact.Model) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "model\t%s\nkind\t%s\ncolumns\t%d\n", m.Dir(), m.Kind, m.Columns)
	if m.ZeroBased {
		fmt.Fprintf(w, "feature ids\tfrom 0\n")
	}
	if m.Kind == "softmax" {
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
