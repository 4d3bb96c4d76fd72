package job

import yaml "go.yaml.in/yaml/v4"

const aliasFault = "anchors (&) and aliases (*) are not allowed; write the value out, and put text that starts with & or * in quotes"

// converter turns the YAML library's tree into ours. It refuses what a job file
// has no use for: anchors and aliases (so no file is larger than it looks),
// merge keys, tags, and keys that are not plain text or come twice.
type converter struct {
	*report
	override int
	refused  bool // an anchor, alias or tag was found; only the first is reported
}

func (c *converter) at(n *yaml.Node) position {
	return position{c.override, n.Line, n.Column}
}

func (c *converter) node(n *yaml.Node, path string) *node {
	made := &node{at: c.at(n)}
	switch {
	case c.refused:
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		c.refuse(n, path, aliasFault)
	case n.Style&yaml.TaggedStyle != 0:
		c.refuse(n, path, "tags such as "+plain(n.Tag)+" are not allowed; remove it")
	case n.Kind == yaml.MappingNode:
		made.shape = mapping
		c.entries(made, n, path)
	case n.Kind == yaml.SequenceNode:
		made.shape = list
		for i, item := range n.Content {
			made.items = append(made.items, c.node(item, itemOf(path, i)))
		}
	default:
		made.tag, made.text = n.ShortTag(), n.Value
		if made.tag == "!!str" && n.Style == 0 && number.MatchString(n.Value) {
			made.tag = "!!float" // one too large for the YAML library to see it as a number
		}
	}
	return made
}

func (c *converter) refuse(n *yaml.Node, path, text string) {
	c.refused = true
	c.add(c.at(n), path, "%s", text)
}

func (c *converter) entries(made *node, n *yaml.Node, path string) {
	seen := make(map[string]*yaml.Node, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content) && !c.refused; i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		k, ok := c.key(key, path)
		if !ok {
			continue
		}
		inner := join(path, plain(k))
		if first := seen[k]; first != nil {
			c.add(c.at(key), inner, "is given twice, first on line %d; keep one of them", first.Line)
			continue
		}
		seen[k] = key
		made.entries = append(made.entries, entry{k, c.at(key), c.node(value, inner)})
	}
}

// key returns the text of a mapping's key.
func (c *converter) key(n *yaml.Node, path string) (string, bool) {
	c.node(n, path) // for anchors and tags
	switch {
	case c.refused:
		return "", false
	case n.Kind != yaml.ScalarNode:
		c.add(c.at(n), path, "a key must be a word, not a mapping or a list")
		return "", false
	case n.ShortTag() == "!!merge":
		c.add(c.at(n), path, "merge keys (<<) are not allowed; write the keys out")
		return "", false
	}
	return n.Value, true
}
