package text

// Counter counts what a fit needs to know of documents.
type Counter struct{ o Options }

// NewCounter returns a Counter that has seen no document.
func NewCounter(o Options) (*Counter, error) { return &Counter{o}, o.check() }

// Add counts one document.
func (c *Counter) Add(doc []byte) { panic("text: not yet") }

// AddCounts counts one document of a bag of words.
func (c *Counter) AddCounts(columns []uint32, values []float32) { panic("text: not yet") }

// Merge adds what d counted.
func (c *Counter) Merge(d *Counter) error { panic("text: not yet") }

// MarshalBinary writes c.
func (c *Counter) MarshalBinary() ([]byte, error) { panic("text: not yet") }

// UnmarshalBinary reads what MarshalBinary wrote.
func (c *Counter) UnmarshalBinary(data []byte) error { panic("text: not yet") }

// Finish returns the Vectorizer.
func (c *Counter) Finish() (*Vectorizer, error) { panic("text: not yet") }

// Vectorizer turns documents into rows.
type Vectorizer struct{ o Options }

// NewVectorizer returns a Vectorizer where no fit is needed.
func NewVectorizer(o Options) (*Vectorizer, error) { return &Vectorizer{o}, o.check() }

// MarshalJSON writes v.
func (v *Vectorizer) MarshalJSON() ([]byte, error) { panic("text: not yet") }

// UnmarshalJSON reads what MarshalJSON wrote.
func (v *Vectorizer) UnmarshalJSON(data []byte) error { panic("text: not yet") }

// Columns returns the number of columns.
func (v *Vectorizer) Columns() int64 { panic("text: not yet") }

// Terms returns the terms by column.
func (v *Vectorizer) Terms() []string { panic("text: not yet") }

// NewEncoder returns an Encoder.
func (v *Vectorizer) NewEncoder() *Encoder { panic("text: not yet") }

// Encoder encodes documents, for one goroutine.
type Encoder struct{ v *Vectorizer }

// Append appends the columns of doc, strictly ascending, and their values.
func (e *Encoder) Append(columns []uint32, values []float32, doc []byte) ([]uint32, []float32) {
	panic("text: not yet")
}

// Weigh turns the counts of a bag of words into weights, in place.
func (e *Encoder) Weigh(columns []uint32, values []float32) ([]uint32, []float32) {
	panic("text: not yet")
}
