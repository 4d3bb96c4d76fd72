package job

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// override applies the overrides to the tree.
func (r *report) override(tree *node) {
	for i, text := range r.overrides {
		path, value, ok := strings.Cut(text, "=")
		at := position{override: i + 1, line: 1}
		switch {
		case !utf8Text(text):
			r.add(at, "", "must be UTF-8 text on one line")
		case len(text) > maxLine:
			r.add(at, "", "is longer than 64 KiB")
		case !ok || path == "":
			r.add(at, "", "must be key.path=value, such as run.epochs=3")
		case strings.TrimSpace(value) == "":
			r.add(at, path, "has no value; write %s=VALUE, or %s=null for the default", plain(path), plain(path))
		default:
			if v := r.overrideValue(path, value, at); v != nil {
				r.put(tree, path, v)
			}
		}
	}
}

// overrideValue parses the value of an override. Text is taken as it stands
// where a key wants text: a path may be *.svm, a name 2024.
func (r *report) overrideValue(path, value string, at position) *node {
	literal := &node{at: at, tag: "!!str", text: value}
	quoted := value[0] == '"' || value[0] == '\''
	if value != "null" && value != "~" && !quoted && wantsText(path) {
		return literal
	}
	doc := r.document([]byte(value), at)
	if doc == nil {
		return nil
	}
	if doc.Kind == 0 { // a comment
		return literal
	}
	c := converter{report: r, override: at.override}
	n := c.node(doc, path)
	if c.refused {
		return nil
	}
	return n
}

// put sets the value at path of the tree to v, or removes it when v is null.
// Mappings on the way are made, and an item right behind the last of a list.
func (r *report) put(tree *node, path string, v *node) {
	steps := split(path)
	for i, s := range steps {
		last := i == len(steps)-1
		if fault := tree.become(s); fault != "" {
			r.add(v.at, path, "%s %s", plain(unsplit(steps[:i])), fault)
			return
		}
		if v.isNull() && (last || tree.slot(s) == nil) {
			tree.remove(s)
			return
		}
		slot := tree.slot(s)
		if slot == nil {
			slot = tree.grow(s, v.at)
		}
		if last {
			tree.set(s, v)
			return
		}
		tree = *slot
	}
}

// become makes n, if it has no value yet, what has the step s, or returns why n
// has no such step.
func (n *node) become(s step) string {
	want, noun := mapping, "a mapping of keys"
	if s.item {
		want, noun = list, "a list"
	}
	if n.isNull() {
		*n = node{at: n.at, shape: want}
	}
	switch {
	case n.shape != want:
		return fmt.Sprintf("is %s, not %s", n, noun)
	case s.item && s.index < 0:
		return "is a list: say which item, such as [0]"
	case s.item && s.index > len(n.items):
		return fmt.Sprintf("has %d items, so the next is [%d]", len(n.items), len(n.items))
	}
	return ""
}

// slot returns where the value at step s of n is, or nil when there is none.
func (n *node) slot(s step) **node {
	if s.item {
		if s.index < len(n.items) {
			return &n.items[s.index]
		}
		return nil
	}
	if e := n.find(s.key); e != nil {
		return &e.value
	}
	return nil
}

// grow adds a value that is null at step s of n.
func (n *node) grow(s step, at position) **node {
	null := &node{at: at, tag: "!!null"}
	if s.item {
		n.items = append(n.items, null)
	} else {
		n.entries = append(n.entries, entry{s.key, at, null})
	}
	return n.slot(s)
}

// set gives the value at step s of n, which there is, another.
func (n *node) set(s step, v *node) {
	*n.slot(s) = v
	if !s.item {
		n.find(s.key).at = v.at
	}
}

func (n *node) remove(s step) {
	if s.item {
		if s.index < len(n.items) {
			n.items = slices.Delete(n.items, s.index, s.index+1)
		}
		return
	}
	n.entries = slices.DeleteFunc(n.entries, func(e entry) bool { return e.key == s.key })
}

// wantsText reports whether the key at path takes text.
func wantsText(path string) bool {
	t := typeAt(path)
	return t != nil && t.Kind() == reflect.String
}
