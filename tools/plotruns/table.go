package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// trained is one run of a table.
type trained struct {
	mode             string
	epochs           int
	seconds, logloss float64
}

// read reads a table of runs: tab-separated, the first line names the columns.
func read(in io.Reader) (runs []trained, err error) {
	r := csv.NewReader(in)
	r.Comma, r.Comment = '\t', '#'
	lines, err := r.ReadAll()
	if err != nil {
		return nil, err
	}
	if len(lines) < 2 {
		return nil, fmt.Errorf("there are no runs")
	}
	var at [4]int
	for i, name := range []string{"mode", "epochs", "seconds", "logloss"} {
		if at[i] = slices.Index(lines[0], name); at[i] < 0 {
			return nil, fmt.Errorf("there is no column %s", name)
		}
	}
	for i, line := range lines[1:] {
		t := trained{mode: line[at[0]]}
		var errs [3]error
		t.epochs, errs[0] = strconv.Atoi(line[at[1]])
		t.seconds, errs[1] = strconv.ParseFloat(line[at[2]], 64)
		t.logloss, errs[2] = strconv.ParseFloat(line[at[3]], 64)
		for _, err := range errs {
			if err != nil {
				return nil, fmt.Errorf("run %d: %w", i+1, err)
			}
		}
		runs = append(runs, t)
	}
	return runs, nil
}

// series is what is drawn of a mode.
type series struct {
	mode    string
	runs    []trained
	medians []trained // one for each number of epochs, which grow
}

// group returns the modes in the order of their first runs.
func group(runs []trained) (all []series) {
	for _, t := range runs {
		i := slices.IndexFunc(all, func(s series) bool { return s.mode == t.mode })
		if i < 0 {
			i = len(all)
			all = append(all, series{mode: t.mode})
		}
		all[i].runs = append(all[i].runs, t)
	}
	for i := range all {
		all[i].medians = medians(all[i].runs)
	}
	return all
}

func medians(runs []trained) (out []trained) {
	by := map[int][]trained{}
	var epochs []int
	for _, t := range runs {
		if by[t.epochs] == nil {
			epochs = append(epochs, t.epochs)
		}
		by[t.epochs] = append(by[t.epochs], t)
	}
	slices.Sort(epochs)
	for _, e := range epochs {
		out = append(out, trained{mode: runs[0].mode, epochs: e,
			seconds: median(by[e], func(t trained) float64 { return t.seconds }),
			logloss: median(by[e], func(t trained) float64 { return t.logloss })})
	}
	return out
}

func median(runs []trained, of func(trained) float64) float64 {
	values := make([]float64, len(runs))
	for i, t := range runs {
		values[i] = of(t)
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}
