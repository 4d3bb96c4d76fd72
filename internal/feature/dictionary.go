package feature

import "slices"

// dictionary counts how often names occur. Beyond limit distinct names it is
// full: it forgets them, whatever the order in which they came.
type dictionary struct {
	limit  int
	full   bool
	index  map[string]uint32 // into names and counts
	names  []string
	counts []int64
}

func newDictionary(limit int) dictionary {
	return dictionary{limit: limit, index: map[string]uint32{}}
}

// add counts n more of a name, which is copied if it is new.
func (d *dictionary) add(name []byte, n int64) {
	if i, ok := d.index[string(name)]; ok {
		d.counts[i] += n
		return
	}
	d.insert(string(name), n)
}

func (d *dictionary) insert(name string, n int64) {
	if d.full {
		return
	}
	if len(d.names) == d.limit {
		d.forget()
		return
	}
	d.index[name] = uint32(len(d.names))
	d.names, d.counts = append(d.names, name), append(d.counts, n)
}

func (d *dictionary) forget() {
	d.full, d.index, d.names, d.counts = true, nil, nil, nil
}

func (d *dictionary) merge(e *dictionary) {
	if e.full {
		d.forget()
	}
	for i, name := range e.names {
		if j, ok := d.index[name]; ok {
			d.counts[j] += e.counts[i]
			continue
		}
		d.insert(name, e.counts[i])
	}
}

// sorted returns the positions of the names in bytewise order.
func (d *dictionary) sorted() []uint32 {
	order := make([]uint32, len(d.names))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(i, j uint32) int {
		switch {
		case d.names[i] < d.names[j]:
			return -1
		case d.names[i] > d.names[j]:
			return 1
		}
		return 0
	})
	return order
}
