package wire

import list_ "container/list"

// name is what stands for a key list on a stream: the hash of its keys or, for a
// run, its first key; and how many there are.
type name struct {
	hash  uint64
	count uint32
	run   bool
}

// cache remembers key lists, those used last, up to CacheBytes. Sender and Receiver
// of a stream see the same lists in the same order and so forget the same ones; the
// Sender remembers the names alone.
type cache struct {
	entries map[name]*list_.Element
	order   *list_.List // of *entry, the one used last in front
	bytes   int
}

type entry struct {
	name name
	list *list
}

// cost is what a list counts, with what it takes to find it.
func (n name) cost() int { return 4*int(n.count) + 256 }

func newCache() cache { return cache{entries: map[name]*list_.Element{}, order: list_.New()} }

// find returns a list as used now, and whether it is there.
func (c *cache) find(n name) (*list, bool) {
	e := c.entries[n]
	if e == nil {
		return nil, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*entry).list, true
}

// add takes over the caller's reference to a list. One that is larger than the
// whole cache stays until the next comes.
func (c *cache) add(n name, l *list) {
	c.remove(n)
	c.entries[n] = c.order.PushFront(&entry{n, l})
	for c.bytes += n.cost(); c.bytes > CacheBytes && c.order.Len() > 1; {
		c.remove(c.order.Back().Value.(*entry).name)
	}
}

func (c *cache) remove(n name) {
	e := c.entries[n]
	if e == nil {
		return
	}
	delete(c.entries, n)
	c.order.Remove(e)
	c.bytes -= n.cost()
	e.Value.(*entry).list.release()
}

// clear forgets all lists.
func (c *cache) clear() {
	for c.order.Len() > 0 {
		c.remove(c.order.Back().Value.(*entry).name)
	}
}
