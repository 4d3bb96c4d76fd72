package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"parley/internal/node"
)

// addChaos adds --chaos, which makes faults for experiments: it is no option of
// users, so help does not show it.
func addChaos(c *cobra.Command, faults *[]string) {
	c.Flags().StringArrayVar(faults, "chaos", nil, "a fault, such as slow=3x for a trainer that computes 3 times as slowly")
	c.Flags().MarkHidden("chaos") // which fails for flags that there are not
}

// slowDown gives the nodes of an embedded cluster their faults.
func slowDown(e *node.Embedded, faults []string) error {
	factors, err := parseSlow(faults, true)
	if err != nil {
		return err
	}
	for name, factor := range factors {
		if err := e.Slow(name, factor); err != nil {
			return err
		}
	}
	return nil
}

// maxSlow bounds how many times as long a trainer may be made to take: beyond it
// experiments would wait for a round for minutes.
const maxSlow = 1000

// parseSlow reads the faults of --chaos: slow=3x for an agent, slow=trainer-1:3x
// where there are several nodes, as named tells. It returns the factors by node.
func parseSlow(faults []string, named bool) (map[string]float64, error) {
	factors := map[string]float64{}
	form := "slow=3x: computes 3 times as long"
	if named {
		form = "slow=trainer-1:3x: that node computes 3 times as long"
	}
	for _, fault := range faults {
		rest, ok := strings.CutPrefix(fault, "slow=")
		node, text, hasNode := strings.Cut(rest, ":")
		if !hasNode {
			node, text = "", rest
		}
		number, isFactor := strings.CutSuffix(text, "x")
		factor, err := strconv.ParseFloat(number, 64)
		if !ok || !isFactor || hasNode != named || err != nil || !(factor >= 1 && factor <= maxSlow) {
			return nil, fmt.Errorf("--chaos %q: there is %s, from 1x to %dx", fault, form, maxSlow)
		}
		if _, twice := factors[node]; twice {
			return nil, fmt.Errorf("--chaos %q: a factor was given already", fault)
		}
		factors[node] = factor
	}
	return factors, nil
}
