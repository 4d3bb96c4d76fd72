// Package bow reads UCI's bags of words, files docword.txt and vocab.txt, and
// writes them as libsvm text: a document a row, a word a column. datashard calls
// Convert with opened files and keeps what it writes. docs/formats/uci-bow.md has the
// format. Memory is bounded by one document. Calls are independent of each other.
package bow

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"

	"parley/internal/decimal"
	"parley/internal/param"
)

// maxDocuments bounds the rows that a header can ask for: documents without
// words take no bytes of the file, so its length does not.
const maxDocuments = 1<<31 - 1

// A header of more than manyDocuments must say a count for every emptyDocuments of
// them: documents without words cost rows, but no bytes of the file.
const (
	manyDocuments  = 1 << 20
	emptyDocuments = 1024
)

// flushBytes is how much text is collected before it is written.
const flushBytes = 1 << 16

// Convert reads docword, a bag of words, and writes one line of libsvm text a
// document to dst, documents without words too: the label, and word:count with
// the words ascending from 1. labels has one number a line, as many as there are
// documents; nil makes all labels 0. name and labelsName name the files in
// errors, which say the line and are param.Invalid; those of reading and writing
// are wrapped. When there is an error, dst has got some of the rows.
func Convert(dst io.Writer, docword io.Reader, name string, labels io.Reader, labelsName string) error {
	c := &converter{dst: dst, in: newLines(docword, name), document: 1, ascending: true}
	if labels != nil {
		c.labels = newLines(labels, labelsName)
	}
	if err := c.header(); err != nil {
		return err
	}
	for {
		line, err := c.in.next()
		if err == io.EOF {
			return c.finish()
		}
		if err == nil && !blank(line) {
			err = c.add(line)
		}
		if err != nil {
			return err
		}
	}
}

// converter is the state of a Convert.
type converter struct {
	dst    io.Writer
	out    []byte // not yet written
	in     *lines
	labels *lines // or nil

	documents, words, counts uint64 // as the header says

	document  uint64 // of the counts to come, from 1
	bag       []count
	ascending bool   // the words of the bag
	read      uint64 // counts until now
}

// count is a line of docword.
type count struct {
	word, times uint64
	line        int64
}

func (c *converter) header() error {
	for _, h := range []struct {
		what string
		dst  *uint64
	}{{"documents", &c.documents}, {"words", &c.words}, {"counts", &c.counts}} {
		line, err := c.in.nextFull()
		if err == io.EOF {
			return c.in.errorf("ends within the header: the first three lines are the numbers of documents, words and counts")
		}
		if err != nil {
			return err
		}
		var numbers [1]uint64
		if !parse(line, numbers[:]) {
			return c.in.errorf("%s", explainHeader(line, h.what))
		}
		*h.dst = numbers[0]
	}
	if c.documents > maxDocuments {
		return c.in.errorf("the header says %d documents, more than the limit of %d", c.documents, maxDocuments)
	}
	if c.documents > manyDocuments && c.documents/emptyDocuments > c.counts {
		return c.in.errorf("the header says %d documents, but only %d counts, so nearly all documents were empty: correct the header", c.documents, c.counts)
	}
	return nil
}

// add takes a line that is not blank.
func (c *converter) add(line []byte) error {
	var n [3]uint64
	parsed := parse(line, n[:])
	document, word, times := n[0], n[1], n[2]
	if !parsed || document < c.document || document > c.documents || word-1 >= c.words || times == 0 || c.read == c.counts {
		return c.in.errorf("%s", c.explain(line))
	}
	for c.document < document {
		if err := c.row(); err != nil {
			return err
		}
	}
	if n := len(c.bag); n > 0 && c.bag[n-1].word >= word {
		c.ascending = false
	}
	c.bag = append(c.bag, count{word, times, c.in.number})
	c.read++
	if uint64(len(c.bag)) > c.words { // so one is there twice: don't read on
		return c.sort()
	}
	return nil
}

// finish writes the documents that are left.
func (c *converter) finish() error {
	if c.read < c.counts {
		return param.Errorf(param.Invalid, "%s: has %d counts, but the header says %d: copy or download it again, or correct the header", c.in.name, c.read, c.counts)
	}
	for c.document <= c.documents {
		if err := c.row(); err != nil {
			return err
		}
	}
	if c.labels != nil {
		switch _, err := c.labels.nextFull(); {
		case err == nil:
			return c.labels.errorf("has more labels than %s has documents, which is %d", c.in.name, c.documents)
		case err != io.EOF:
			return err
		}
	}
	return c.flush()
}

// row writes the row of the document and begins the next one.
func (c *converter) row() error {
	if !c.ascending {
		if err := c.sort(); err != nil {
			return err
		}
	}
	if err := c.label(); err != nil {
		return err
	}
	for _, e := range c.bag {
		c.out = strconv.AppendUint(append(c.out, ' '), e.word, 10)
		if e.times < 10 { // as most are
			c.out = append(c.out, ':', '0'+byte(e.times))
		} else {
			c.out = strconv.AppendUint(append(c.out, ':'), e.times, 10)
		}
	}
	c.out = append(c.out, '\n')
	c.document, c.bag, c.ascending = c.document+1, c.bag[:0], true
	if len(c.out) >= flushBytes {
		return c.flush()
	}
	return nil
}

// sort puts the words of the bag in order and refuses one that is there twice.
func (c *converter) sort() error {
	slices.SortFunc(c.bag, func(a, b count) int {
		return cmp.Or(cmp.Compare(a.word, b.word), cmp.Compare(a.line, b.line))
	})
	for i := 1; i < len(c.bag); i++ {
		if a, b := c.bag[i-1], c.bag[i]; a.word == b.word {
			return param.Errorf(param.Invalid, "%s:%d: word %d of document %d is repeated, it is in line %d too: add the two counts up", c.in.name, b.line, b.word, c.document, a.line)
		}
	}
	return nil
}

// label appends the document's label.
func (c *converter) label() error {
	if c.labels == nil {
		c.out = append(c.out, '0')
		return nil
	}
	line, err := c.labels.nextEntry("label")
	if err == io.EOF {
		return param.Errorf(param.Invalid, "%s: has %d labels, but %s has %d documents: give one label for each", c.labels.name, c.document-1, c.in.name, c.documents)
	}
	if err != nil {
		return err
	}
	begin := len(c.out)
	c.out = append(append(c.out, line...), '\n')
	end := len(c.out) - 1
	if _, next := decimal.Float32(c.out, begin); next != end {
		return c.labels.errorf("%s", explainLabel(string(line)))
	}
	c.out = c.out[:end]
	return nil
}

func (c *converter) flush() error {
	_, err := c.dst.Write(c.out)
	c.out = c.out[:0]
	if err != nil {
		return fmt.Errorf("write the rows of %s: %w", c.in.name, err)
	}
	return nil
}
