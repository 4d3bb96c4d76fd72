package feature

import "strconv"

// TakesSparse reports whether rows are sparse before features are made of them.
func (t *Transform) TakesSparse() bool { return t.sparse }

// KeepsColumns reports whether rows are sparse and keep their columns.
func (t *Transform) KeepsColumns() bool { return t.sparse && t.recipe.HashBits == 0 }

// Fields returns the first column of each feature, and of the terms, ascending. It is
// nil where columns are hashed or raw, so that nobody knows whose they are.
func (t *Transform) Fields() (first []uint32) {
	if t.sparse || t.recipe.HashBits > 0 {
		return nil
	}
	for i := range t.blocks {
		if b := &t.blocks[i]; b.width(&t.recipe.Features[i]) > 0 {
			first = append(first, b.base)
		}
	}
	if int64(t.first) < t.columns {
		first = append(first, t.first)
	}
	return first
}

// Names returns the names of the columns: "distance", "origin=SFO",
// "date.hour=7", "origin×date.hour=SFO×7", "distance missing",
// "distance bin 3 [1.5,2)", or terms. It is nil where columns are hashed or have
// no names.
func (t *Transform) Names() []string {
	if t.sparse {
		if t.terms == nil || t.recipe.HashBits > 0 {
			return nil
		}
		return t.terms.Terms()
	}
	if t.recipe.HashBits > 0 {
		return nil
	}
	names := make([]string, 0, t.columns)
	for i := range t.blocks {
		names = t.blocks[i].appendNames(names, t.recipe.Features, i, t.blocks)
	}
	if t.terms != nil {
		names = append(names, t.terms.Terms()...)
	}
	return names
}

func (b *block) appendNames(names []string, features []feature, i int, all []block) []string {
	f := &features[i]
	name := f.name()
	switch f.Kind {
	case numeric:
		names = append(names, name)
	case binned:
		for bin := range b.bins() {
			names = append(names, name+" "+b.binName(bin))
		}
	case category:
		parts := len(f.Parts)
		for j := 0; j < len(b.Values); j += parts {
			names = append(names, name+"="+joined(f.Parts, b.Values[j:j+parts], all))
		}
	}
	switch {
	case b.Indicator:
		names = append(names, missingName(name))
	case b.Other:
		names = append(names, name+"="+other)
	}
	return names
}

func missingName(name string) string { return name + " missing" }

// binName says which numbers a bin holds: bin 3 [1.5,2).
func (b *block) binName(bin int) string {
	name := "bin " + strconv.Itoa(bin)
	if len(b.Edges) < 2 {
		return name
	}
	end := ")"
	if bin == b.bins()-1 {
		end = "]"
	}
	return name + " [" + string(appendNumber(nil, b.Edges[bin])) + "," + string(appendNumber(nil, b.Edges[bin+1])) + end
}

// joined returns the name of a combination.
func joined(parts []part, names []string, all []block) string {
	text := ""
	for i, name := range names {
		if i > 0 {
			text += cross
		}
		if bins := parts[i].Bins; bins != nil && name != missing {
			if bin, err := strconv.Atoi(name); err == nil && bin >= 0 && bin < all[*bins].bins() {
				name = all[*bins].binName(bin)
			}
		}
		text += name
	}
	return text
}
