package datashard

import (
	"bytes"
	"context"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"parley/internal/batch"
)

// sizes are constants but for tests.
type sizes struct {
	// chunk is the piece of a file that is parsed at once: large enough that
	// hand-over costs nothing, small enough to stay in the processor's cache.
	chunk int64
	// line is the longest line allowed: each core holds one at a time. It is no
	// less than chunk, so only the last line of a chunk can be longer.
	line int64
}

var usual = sizes{chunk: 1 << 20, line: 64 << 20}

// chunk is the work on the lines that begin in [lo, hi) of a file. Chunks are
// used again and again; what they hold is that of the last run.
type chunk struct {
	file   int
	lo, hi int64
	done   chan struct{} // one value when the results below are there

	lines     lines
	rows      *batch.CSR // may be taken away: then the next run makes a new one
	at        places
	canonical []byte // the rows' text as the dataset's hash sees it
	labels    labelTable
	columns   int64 // 1 + the largest id
	hasZero   bool  // an id is 0
	bad       *rowError
	err       error

	buffer, copied []byte
}

// scanner parses all rows of files over the cores.
type scanner struct {
	files []*file
	parser
	sizes
}

// run calls merge with every chunk in logical order, one at a time.
// Chunks are cut by size alone, so merge sees the same whatever the number of
// cores. Memory is bounded by the number of chunks under way.
func (s *scanner) run(ctx context.Context, merge func(*chunk) error) error {
	workers := runtime.GOMAXPROCS(0)
	depth := workers + 2 // one is merged, one waits for the merge
	free, todo, order := make(chan *chunk, depth), make(chan *chunk, depth), make(chan *chunk, depth)
	for range depth {
		free <- &chunk{done: make(chan struct{}, 1)}
	}
	g, inner := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(todo)
		defer close(order)
		return s.deal(inner, free, todo, order)
	})
	for range workers {
		g.Go(func() error {
			for c := range todo {
				if c.err = inner.Err(); c.err == nil {
					s.work(c)
				}
				c.done <- struct{}{}
			}
			return nil
		})
	}
	g.Go(func() error {
		for c := range order {
			<-c.done
			if c.err != nil {
				return c.err
			}
			if err := merge(c); err != nil {
				return err
			}
			free <- c
		}
		return nil
	})
	err := g.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// deal cuts the files into chunks and hands each to a worker and, in order, to
// the merger. The channels hold all chunks there are, so only free ever blocks.
func (s *scanner) deal(ctx context.Context, free <-chan *chunk, todo, order chan<- *chunk) error {
	for i, f := range s.files {
		for lo := int64(0); lo < f.size; lo += s.chunk {
			select {
			case c := <-free:
				c.file, c.lo, c.hi = i, lo, min(lo+s.chunk, f.size)
				todo <- c
				order <- c
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

// work reads and parses a chunk.
func (s *scanner) work(c *chunk) {
	c.reset()
	if c.err = c.lines.read(s.files[c.file], &c.buffer, c.lo, c.hi, s.line); c.err != nil {
		return
	}
	c.bad = s.parse(c.rows, &c.at, c.lines.text)
	if c.bad == nil && c.lines.tooLong {
		c.bad = &rowError{line: c.at.total + 1, reason: fmt.Sprintf("the line is longer than %d bytes", s.line)}
	}
	if c.bad == nil {
		c.canonicalise()
		c.summarise()
	}
}

func (c *chunk) reset() {
	if c.rows == nil {
		c.rows = new(batch.CSR)
	}
	r := c.rows
	r.Labels, r.Offsets, r.Columns, r.Values = r.Labels[:0], r.Offsets[:0], r.Columns[:0], r.Values[:0]
	c.at.starts, c.at.lines, c.at.total = c.at.starts[:0], c.at.lines[:0], 0
	c.labels.reset()
	c.columns, c.hasZero, c.bad = 0, false, nil
}

// canonicalise sets the text that is hashed: the lines that are rows, each
// ended by \n. Mostly that is the text itself.
func (c *chunk) canonicalise() {
	text := c.lines.text
	if len(c.at.starts) == c.at.total && bytes.IndexByte(text, '\r') < 0 {
		c.canonical = text
		return
	}
	c.copied = c.copied[:0]
	for _, start := range c.at.starts {
		line := text[start:]
		line = bytes.TrimSuffix(line[:bytes.IndexByte(line, '\n')], []byte{'\r'})
		c.copied = append(append(c.copied, line...), '\n')
	}
	c.canonical = c.copied
}

// summarise collects labels and columns.
func (c *chunk) summarise() {
	r := c.rows
	for i, label := range r.Labels {
		c.labels.add(label, 1, c.file, int64(c.at.lines[i]))
		lo, hi := r.Offsets[i], r.Offsets[i+1]
		if lo < hi {
			c.columns = max(c.columns, int64(r.Columns[hi-1])+1)
			c.hasZero = c.hasZero || r.Columns[lo] == 0
		}
	}
}
