// Command plotruns draws a table of runs as an SVG: how good a model is against the
// seconds that it took.
//
//	go run ./plotruns -title "..." RUNS.tsv FIGURE.svg
//
// The table has the columns mode, epochs, seconds and logloss, in any order and among
// others. A mode is a line through the medians of its runs of equally many epochs,
// and each run is a dot.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	title := flag.String("title", "", "over the figure")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: plotruns [-title TEXT] RUNS.tsv FIGURE.svg")
		os.Exit(2)
	}
	if err := run(*title, flag.Arg(0), flag.Arg(1)); err != nil {
		fmt.Fprintln(os.Stderr, "plotruns:", err)
		os.Exit(1)
	}
}

func run(title, from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	runs, err := read(in)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	figure, err := draw(title, group(runs))
	if err != nil {
		return err
	}
	return os.WriteFile(to, figure, 0o644)
}
