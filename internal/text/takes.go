package text

// TakesDocuments reports whether encoders of v may Append: whoever reads a
// Vectorizer of unknown origin asks first.
func (v *Vectorizer) TakesDocuments() bool { return v.source != bags }

// TakesBags reports whether encoders of v may Weigh.
func (v *Vectorizer) TakesBags() bool { return v.source != documents && v.source != hashed }
