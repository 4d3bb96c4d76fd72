package agent

import (
	"sync"

	"parley/datashard"
)

// Library shares opened datasets between the agents of one process, so that an
// embedded cluster of several trainers decompresses and parses its data once. It
// is safe for concurrent use.
type Library struct {
	mu struct {
		sync.Mutex
		books map[string]*book
	}
}

// book is a dataset that somebody uses.
type book struct {
	users   int // guarded by the library
	opening sync.Mutex
	dataset *datashard.Dataset // nil before it was opened
}

// NewLibrary returns an empty library.
func NewLibrary() *Library {
	l := &Library{}
	l.mu.books = map[string]*book{}
	return l
}

// borrow returns the dataset of a name and opens it if nobody has. Whoever has
// borrowed it gives it back.
func (l *Library) borrow(name string, open func() (*datashard.Dataset, error)) (*datashard.Dataset, error) {
	l.mu.Lock()
	b := l.mu.books[name]
	if b == nil {
		b = &book{}
		l.mu.books[name] = b
	}
	b.users++
	l.mu.Unlock()
	b.opening.Lock()
	defer b.opening.Unlock()
	if b.dataset != nil {
		return b.dataset, nil
	}
	d, err := open()
	if err != nil {
		l.giveBack(name)
		return nil, err
	}
	b.dataset = d
	return d, nil
}

// giveBack closes the dataset when nobody else uses it.
func (l *Library) giveBack(name string) {
	l.mu.Lock()
	b := l.mu.books[name]
	b.users--
	last := b.users == 0
	if last {
		delete(l.mu.books, name)
	}
	l.mu.Unlock()
	if last && b.dataset != nil {
		b.dataset.Close() // temporary files of our own: nothing to be done about an error
	}
}
