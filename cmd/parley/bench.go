package main

import (
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"parley/datashard/parsebench"
)

func benchCommand() *cobra.Command {
	var asJSON bool
	var dir string
	parse := &cobra.Command{Use: "parse", Short: "Measure how fast data is parsed, beside the naive way in the same run", Args: takes(), ValidArgsFunction: arguments(),
		Long: `Parse makes texts in memory and parses them, each in turn with the way that one writes such a parser
first (Scanner, Fields and ParseFloat, or the standard library's reader). It takes some 20 s. Figures are of one core and by
processor time, so that other work on the machine counts for little; scan and cores are by the clock, on all cores.

Exit codes: 0 done; 2 usage, or --dir cannot be written to.`,
		Example: "  parley bench parse\n  parley bench parse --json"}
	parse.Flags().BoolVar(&asJSON, "json", false, "print the figures as JSON")
	parse.Flags().StringVar(&dir, "dir", "", "folder for temporary files (default: that of the system)")
	values(parse, "dir", folders)
	parse.RunE = do(func(c *cobra.Command, _ []string) error {
		probe, err := os.MkdirTemp(dir, "parley-bench-") // it is used after the first 15 s
		if err != nil {
			return exit(exitUsage, fmt.Errorf("--dir %s: cannot write there: %w: choose another folder", dir, unnamed(err)))
		}
		os.Remove(probe)
		r, err := parsebench.Run(c.Context(), dir)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(os.Stdout, r)
		}
		return printSpeeds(r)
	})
	return group("bench", "Measure what this machine can do", "  parley bench parse --json\n  parley bench ps", append(benchPSCommands(), parse)...)
}

func printSpeeds(r parsebench.Results) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "parse\tMB/s\tnaive MB/s\tratio\t\n")
	for _, x := range []struct {
		name  string
		speed parsebench.Speed
	}{{"libsvm", r.Libsvm}, {"vw", r.VW}, {"csv", r.CSV}, {"text", r.Text}} {
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.1f\t\n", x.name, x.speed.MB, x.speed.Naive, x.speed.MB/x.speed.Naive)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Printf("\ncache: read %.1f GB/s; to build it takes %.2f times the time of parsing alone\nscan for rows, all cores: %.1f GB/s\n%d cores parse %.2f times as fast as one\n",
		r.Cache.GB, r.Build, r.Scan.GB, r.Cores.Cores, r.Cores.Ratio)
	return err
}
