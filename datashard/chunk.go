package datashard

import (
	"bytes"
	"context"
	"runtime"

	"golang.org/x/sync/errgroup"

	"parley/datashard/libsvm"
	"parley/internal/table"
)

// sizes are constants but for tests.
type sizes struct {
	// chunk is the piece of a file that is looked at at once: large enough that
	// hand-over costs nothing, small enough to stay in the processor's cache.
	chunk int64
	// line is the longest row allowed: each core holds one at a time. It is no
	// less than chunk, so only the last row of a chunk can be longer.
	line int64
	// block is how much text is parsed and kept together, if shards are smaller: to
	// make a file costs as much as to parse some hundred KB. More would be read in
	// vain, as shards are asked for in random order.
	block int64
	// bomb is what a file of no size may become when it is unpacked.
	bomb int64
}

var usual = sizes{chunk: 1 << 20, line: 64 << 20, block: 512 << 10, bomb: 1 << 30}

// chunk is the work on the rows that begin in [lo, hi) of a file. Chunks are
// used again and again; what they hold is that of the last run.
type chunk struct {
	file   int
	lo, hi int64
	done   chan struct{} // one value when the results below are there

	lines     lines
	at        table.Places
	canonical []byte // the rows' text as the dataset's hash sees it
	ends      []int  // of each row in it
	peek      libsvm.Peek
	labels    labelTable
	quotes    bool // there are some in the text
	err       error

	buffer, copied []byte
}

// scanner looks at all rows of files over the cores.
type scanner struct {
	d *Dataset
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
			r := s.d.newReader()
			for c := range todo {
				if c.err = inner.Err(); c.err == nil {
					s.work(r, c)
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
	for i, f := range s.d.files {
		for lo, n := f.begin, 0; lo < f.size; n++ {
			hi := min(lo+s.d.sizes.chunk, f.size)
			if f.cuts != nil {
				hi = f.cuts[n+1]
			}
			select {
			case c := <-free:
				c.file, c.lo, c.hi = i, lo, hi
				todo <- c
				order <- c
			case <-ctx.Done():
				return ctx.Err()
			}
			lo = hi
		}
	}
	return nil
}

// work reads a chunk and finds its rows.
func (s *scanner) work(r *reader, c *chunk) {
	c.at.Reset()
	c.labels.reset()
	f, sizes := s.d.files[c.file], s.d.sizes
	if c.err = c.lines.read(f, &c.buffer, c.lo, c.hi, sizes.line); c.err != nil {
		return
	}
	c.quotes = s.d.format.quotes && bytes.IndexByte(c.lines.text, '"') >= 0
	s.d.format.rows(r, c)
	c.canonicalise(c.quotes)
}

// canonicalise sets the text that is hashed: the rows, each ended by \n. Mostly
// that is the text itself.
func (c *chunk) canonicalise(quotes bool) {
	text := c.lines.text
	c.ends = c.ends[:0]
	if len(c.at.Starts) == c.at.Total && bytes.IndexByte(text, '\r') < 0 {
		c.canonical = text
		for i := range c.at.Starts {
			c.ends = append(c.ends, c.rowEnd(i))
		}
		return
	}
	c.copied = c.copied[:0]
	for i, start := range c.at.Starts {
		row := text[start:c.rowEnd(i)]
		if quotes { // a row may have several lines, and blank ones behind it
			row = bytes.TrimRight(row, "\r\n")
		} else {
			row = bytes.TrimSuffix(row[:bytes.IndexByte(row, '\n')], []byte{'\r'})
		}
		c.copied = append(append(c.copied, row...), '\n')
		c.ends = append(c.ends, len(c.copied))
	}
	c.canonical = c.copied
}

// rowEnd returns where row i's text ends, with the lines behind it that are no
// rows.
func (c *chunk) rowEnd(i int) int {
	if i+1 < len(c.at.Starts) {
		return int(c.at.Starts[i+1])
	}
	return len(c.lines.text)
}
