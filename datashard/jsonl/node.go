package jsonl

import (
	"slices"
	"strings"
)

// node is a key that leads to wanted fields.
type node struct {
	p      *Parser
	name   string // with the keys before it
	kids   map[string]*node
	leaves []leaf
	seen   uint64
}

// leaf is a wanted field that ends at a node.
type leaf struct {
	column int
	whole  bool
}

// build makes the nodes of the wanted fields.
func (p *Parser) build() {
	p.built, p.root = slices.Clone(p.Want), &node{p: p}
	p.cells = make([]cell, len(p.Want))
	for column, name := range p.Want {
		n := p.root.kid(name)
		n.leaves = append(n.leaves, leaf{column, true})
		keys := strings.Split(name, ".")
		if len(keys) == 1 {
			continue
		}
		n = p.root
		for _, key := range keys {
			n = n.kid(key)
		}
		n.leaves = append(n.leaves, leaf{column, false})
	}
}

// kid returns the node of a key below n, and makes it if there is none.
func (n *node) kid(key string) *node {
	if k := n.kids[key]; k != nil {
		return k
	}
	if n.kids == nil {
		n.kids = make(map[string]*node)
	}
	k := &node{p: n.p, name: key}
	if n.name != "" {
		k.name = n.name + "." + key
	}
	n.kids[key] = k
	return k
}

// member notes where the value is if it is wanted.
func (n *node) member(s *scanner, start, end int, escapedKey bool, depth int) bool {
	key := s.text[start:end]
	if escapedKey {
		p := n.p
		p.key = append(p.key[:0], key...)
		key = p.key[:unescape(p.key, key)]
	}
	k := n.kids[string(key)]
	if k == nil {
		return s.value(depth, nil)
	}
	if k.seen == k.p.line && k.p.twice == nil {
		k.p.twice = k
	}
	k.seen = k.p.line
	return k.value(s, depth)
}

func (n *node) value(s *scanner, depth int) bool {
	c, ok := cell{start: s.i, kind: simple}, true
	switch s.text[s.i] {
	case '"':
		var hasEscapes bool
		if c.start, c.end, hasEscapes, ok = s.quoted(); hasEscapes {
			c.kind = escaped
		}
		n.note(c)
		return ok
	case '{':
		c.kind = object
		if n.kids != nil {
			ok = s.value(depth, n)
			n.note(c)
			return ok
		}
	case '[':
		c.kind = array
	case 'n':
		c.kind = none
	}
	ok = s.value(depth, nil)
	c.end = s.i
	n.note(c)
	return ok
}

// note keeps a cell for the fields that end at n. A key that is the whole name
// stands before keys on a path.
func (n *node) note(c cell) {
	for _, l := range n.leaves {
		if c.whole = l.whole; l.whole || !n.p.cells[l.column].whole {
			n.p.cells[l.column] = c
		}
	}
}
