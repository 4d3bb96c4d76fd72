package feature

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"parley/internal/job"
)

// features takes over the list of features, or lists the columns for the fit to
// decide about where there is no list.
func (c *compiler) features() {
	var listed, ignored []int
	for i, f := range c.spec.Features {
		if f.Ignore != "" {
			ignored = append(ignored, i)
		} else {
			listed = append(listed, i)
		}
	}
	for _, i := range ignored {
		path := fmt.Sprintf("data.features[%d].ignore", i)
		if c.has(path, c.spec.Features[i].Ignore) && len(listed) > 0 {
			c.fault(path, "says nothing beside features that are named: columns that are not named are no features")
		}
	}
	switch {
	case len(listed) == 0 && c.spec.Text != nil:
	case len(listed) == 0:
		c.automatic(ignored)
	default:
		for _, i := range listed {
			c.feature(i)
		}
		for _, x := range c.crosses {
			c.crossed(x) // knows the bins by now
		}
		c.repeated()
	}
}

// automatic lists the columns that have no other purpose.
func (c *compiler) automatic(ignored []int) {
	r := &c.plan.recipe
	taken := []string{r.Weight, r.Exposure}
	if r.Label != nil {
		taken = append(taken, r.Label.Column)
	}
	for _, i := range ignored {
		taken = append(taken, c.spec.Features[i].Ignore)
	}
	for _, name := range c.columns {
		switch {
		case name == "" || slices.Contains(taken, name):
		case !utf8.ValidString(name):
			c.fault("data.features", "the name of column %q is not UTF-8: rename it", name)
		case c.has("data.features", name):
			r.Auto = append(r.Auto, name)
		}
	}
	if len(r.Auto) == 0 && len(c.faults) == 0 {
		c.fault("data.features", "no column is left to be a feature: name them in data.features")
	}
}

// feature compiles a feature, but leaves the parts of a combination open.
func (c *compiler) feature(i int) {
	f := c.spec.Features[i]
	path := fmt.Sprintf("data.features[%d]", i)
	given := 0
	for _, is := range []bool{f.Numeric != "", f.Category != "", f.Time != "", f.Cross != nil} {
		if is {
			given++
		}
	}
	switch {
	case given != 1:
		c.fault(path, "give exactly one of numeric, category, time and cross")
	case f.Numeric != "":
		c.numeric(path, f)
	case f.Category != "":
		if c.usable(path+".category", f.Category) {
			c.add(path+".category", feature{Kind: category, Parts: []part{{Name: f.Category, Column: f.Category}}, MinCount: max(1, f.MinCount)})
		}
	case f.Time != "":
		c.time(path, f)
	default:
		c.crosses = append(c.crosses, pendingCross{i, len(c.plan.recipe.Features)})
		c.add(path+".cross", feature{Kind: category, MinCount: max(1, f.MinCount)})
	}
}

func (c *compiler) add(path string, f feature) {
	c.plan.recipe.Features = append(c.plan.recipe.Features, f)
	c.plan.paths = append(c.plan.paths, path)
}

// usable reports whether a column may be a feature.
func (c *compiler) usable(path, name string) bool {
	if l := c.plan.recipe.Label; l != nil && l.Column == name {
		c.fault(path, "%s is the label: it cannot be a feature too", name)
		return false
	}
	return c.has(path, name)
}

func (c *compiler) numeric(path string, f job.Feature) {
	out := feature{Kind: numeric, Column: f.Numeric, Scale: f.Scale, Bins: f.Bins, Refuse: f.Missing == "refuse"}
	if f.Scale == 0 {
		out.Scale = 1
	}
	if f.Bins != 0 {
		out.Kind = binned
	}
	switch {
	case f.Bins != 0 && (f.Bins < 2 || f.Bins > 65536):
		c.fault(path+".bins", "must be between 2 and 65536, not %d", f.Bins)
	case !finite(out.Scale):
		c.fault(path+".scale", "must be finite")
	case f.Missing != "" && f.Missing != "mean" && f.Missing != "refuse":
		c.fault(path+".missing", "unknown value %q; use mean or refuse", f.Missing)
	}
	for j, name := range f.Transform {
		at := fmt.Sprintf("%s.transform[%d]", path, j)
		switch {
		case name != "log" && name != "log1p" && name != "standardize":
			c.fault(at, "unknown value %q; use log, log1p or standardize", name)
		case out.Standardize:
			c.fault(at, "nothing may follow standardize: move it to the end")
		case name == "standardize" && f.Bins != 0:
			c.fault(at, "standardize does not change quantile bins: leave it or bins out")
		case name == "standardize":
			out.Standardize = true
		default:
			out.Logs = append(out.Logs, name)
		}
	}
	if c.usable(path+".numeric", f.Numeric) {
		c.add(path+".numeric", out)
	}
}

func (c *compiler) time(path string, f job.Feature) {
	if !c.usable(path+".time", f.Time) {
		return
	}
	if len(f.Parts) == 0 {
		c.fault(path+".parts", "is missing: say which parts of %s are features, such as [hour, weekday]", f.Time)
	}
	for j, name := range f.Parts {
		if timeParts[name] == 0 {
			c.fault(fmt.Sprintf("%s.parts[%d]", path, j), "unknown value %q; use %s", name, strings.Join(sortedKeys(timeParts), ", "))
			continue
		}
		c.add(path+".time", feature{Kind: category, Parts: []part{{Name: f.Time + "." + name, Column: f.Time, Time: name}}, MinCount: max(1, f.MinCount)})
	}
}

// pendingCross is a combination, listed as spec, whose parts are not yet known.
type pendingCross struct{ spec, feature int }

// crossed finds the parts of a combination.
func (c *compiler) crossed(x pendingCross) {
	names, path := c.spec.Features[x.spec].Cross, c.plan.paths[x.feature]
	if len(names) < 2 {
		c.fault(path, "a combination needs two columns or more")
		return
	}
	var parts []part
	for j, name := range names {
		if p, ok := c.part(fmt.Sprintf("%s[%d]", path, j), name); ok {
			if slices.ContainsFunc(parts, func(q part) bool { return q.Name == p.Name }) {
				c.fault(path, "%s is there twice", name)
			}
			parts = append(parts, p)
		}
	}
	if len(parts) == len(names) { // else what is left may look like another feature
		c.plan.recipe.Features[x.feature].Parts = parts
	}
}

// part finds what a name in a combination means: bins or a part of a time that
// are features too, a column, or a part of a time that is no feature.
func (c *compiler) part(path, name string) (part, bool) {
	for i, f := range c.plan.recipe.Features {
		switch {
		case f.Kind == binned && f.Column == name:
			return part{Name: name, Bins: &i}, true
		case f.Kind == category && len(f.Parts) == 1 && f.Parts[0].Time != "" && f.Parts[0].Name == name:
			return f.Parts[0], true
		}
	}
	if dot := strings.LastIndexByte(name, '.'); dot > 0 && !slices.Contains(c.columns, name) && timeParts[name[dot+1:]] != 0 {
		ok := c.usable(path, name[:dot])
		return part{Name: name, Column: name[:dot], Time: name[dot+1:]}, ok
	}
	ok := c.usable(path, name)
	return part{Name: name, Column: name}, ok
}

// repeated reports features that are there twice.
func (c *compiler) repeated() {
	seen := map[string]bool{}
	for i, f := range c.plan.recipe.Features {
		key := string(f.Kind) + "\x00" + f.name()
		if f.name() != "" && seen[key] {
			c.fault(c.plan.paths[i], "%s is a feature of this kind already: leave one of them out", f.name())
		}
		seen[key] = true
	}
}
