package main

import (
	"bytes"
	"strings"
	"testing"
)

const table = `mode	run	epochs	seconds	logloss	rounds
bsp	1	5	2	0.33	20
asp	1	5	1	0.34	20
bsp	1	50	20	0.32	200
bsp	2	5	4	0.33	20
bsp	3	5	3	0.33	20
`

// TestMedians: modes keep their order, epochs grow, and a slow run does not count.
func TestMedians(t *testing.T) {
	runs, err := read(strings.NewReader(table))
	if err != nil {
		t.Fatal(err)
	}
	all := group(runs)
	if len(all) != 2 || all[0].mode != "bsp" || all[1].mode != "asp" {
		t.Fatalf("modes %v", all)
	}
	m := all[0].medians
	if len(m) != 2 || m[0].epochs != 5 || m[0].seconds != 3 || m[1].seconds != 20 {
		t.Errorf("medians %v", m)
	}
}

func TestReadRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"a column is missing": "mode\tepochs\tseconds\nbsp\t5\t1\n",
		"no number":           strings.Replace(table, "0.34", "x", 1),
		"no runs":             "mode\tepochs\tseconds\tlogloss\n",
	} {
		if _, err := read(strings.NewReader(text)); err == nil {
			t.Errorf("%s: it is read", name)
		}
	}
}

// TestDraw: the same table makes the same figure, with a name for each mode.
func TestDraw(t *testing.T) {
	runs, err := read(strings.NewReader(table))
	if err != nil {
		t.Fatal(err)
	}
	one, err := draw("title", group(runs))
	if err != nil {
		t.Fatal(err)
	}
	two, err := draw("title", group(runs))
	if err != nil || !bytes.Equal(one, two) {
		t.Errorf("the second figure differs: %v", err)
	}
	for _, want := range []string{"<svg", ">bsp<", ">asp<", ">title<"} {
		if !bytes.Contains(one, []byte(want)) {
			t.Errorf("the figure is without %s", want)
		}
	}
}
