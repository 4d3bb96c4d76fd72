package job

import (
	"math"
	"slices"
)

// Text says how documents become features.
type Text struct {
	// Field is the column with the document, for formats with columns. Format text
	// has no columns: a line is the document.
	Field string `yaml:"field" json:"field,omitempty" jsonschema:"minLength=1,default=text" jsonschema_description:"Column with the document."`
	// Label is the column with the label, as data.label.column.
	Label string `yaml:"label" json:"label,omitempty" jsonschema:"minLength=1" jsonschema_description:"Column with the label; the same as data.label.column."`
	// MinDF is the least number of documents that a term must be in: a fraction
	// of the documents if below 1, else a count.
	MinDF float64 `yaml:"min_df" json:"min_df" jsonschema:"minimum=0,default=1" jsonschema_description:"Documents that a term must be in: a count, or a fraction if below 1."`
	// MaxDF is the largest number of documents that a term may be in: a fraction
	// up to 1, a count above it.
	MaxDF float64 `yaml:"max_df" json:"max_df" jsonschema:"exclusiveMinimum=0,default=1" jsonschema_description:"Documents that a term may be in: a fraction up to 1, a count above."`
	// MaxTerms bounds the vocabulary to the terms that occur most; 0 is no bound.
	MaxTerms int `yaml:"max_terms" json:"max_terms,omitempty" jsonschema:"minimum=0,default=0" jsonschema_description:"Largest vocabulary: the terms that occur most; 0 for all."`
	// Stop names the list of words to leave out: none or english (scikit-learn's).
	Stop string `yaml:"stop" json:"stop" jsonschema:"enum=none,enum=english,default=none" jsonschema_description:"Words to leave out."`
	// Lowercase folds letters before words are cut.
	Lowercase bool `yaml:"lowercase" json:"lowercase" jsonschema:"default=true" jsonschema_description:"Whether letters are folded to lower case."`
	// NGrams are the least and the largest number of words in a term.
	NGrams []int `yaml:"ngrams" json:"ngrams" jsonschema:"minItems=2,maxItems=2,minimum=1,maximum=8,default=1 1" jsonschema_description:"Least and largest number of words in a term."`
	// Weight is what a term of a document weighs.
	Weight string `yaml:"weight" json:"weight" jsonschema:"enum=count,enum=binary,enum=tfidf,default=tfidf" jsonschema_description:"Weight of a term in a document."`
	// IDF is the inverse document frequency: smooth is ln((1+N)/(1+df))+1
	// (scikit-learn), plain is ln(N/df) (gensim, in another base).
	IDF string `yaml:"idf" json:"idf" jsonschema:"enum=smooth,enum=plain,default=smooth" jsonschema_description:"Inverse document frequency of tfidf."`
	// Sublinear takes 1+ln(tf) for tf.
	Sublinear bool `yaml:"sublinear" json:"sublinear,omitempty" jsonschema:"default=false" jsonschema_description:"Whether tf is 1+ln(tf)."`
	// Normalize scales documents to L2 norm 1. The default is true for tfidf and
	// false for count and binary.
	Normalize *bool `yaml:"normalize" json:"normalize,omitempty" jsonschema_description:"Whether documents have L2 norm 1; the default is true for tfidf alone."`
}

// text checks what no tag of data.text can say.
func (c *checker) text(d *Data) {
	const path = "data.text"
	t := d.Text
	if format := c.format("data.train", &d.Train); t.Field == "" && slices.Contains(columnFormats, format) {
		c.fault(path+".field", "is required; add it")
	}
	if n := t.NGrams; len(n) == 2 && n[0] > n[1] && !c.itemsAreBad(path+".ngrams", 2) {
		c.fault(path+".ngrams", "must be the least and the largest number of words, such as [1, 2], not [%d, %d]", n[0], n[1])
	}
	c.frequencies(t)
	if _, given := c.at[path+".idf"]; t.Weight != "tfidf" && !c.isBad(path+".weight") && (given || t.IDF != "smooth") {
		c.fault(path+".idf", "does nothing for weight %s, only for tfidf; remove it", t.Weight)
	}
	if t.Sublinear && t.Weight == "binary" {
		c.fault(path+".sublinear", "does nothing for weight binary; remove it")
	}
	if t.MaxTerms != 0 && d.Hash != nil {
		c.fault(path+".max_terms", "cannot be used together with data.hash, which bounds the features itself; keep one of them")
	}
}

// frequencies checks the bounds of the document frequency.
func (c *checker) frequencies(t *Text) {
	const low, high = "data.text.min_df", "data.text.max_df"
	if t.MinDF > 1 && t.MinDF != math.Trunc(t.MinDF) {
		c.fault(low, "must be a fraction below 1 or a whole number of documents, not %v", t.MinDF)
	}
	if t.MaxDF > 1 && t.MaxDF != math.Trunc(t.MaxDF) {
		c.fault(high, "must be a fraction up to 1 or a whole number of documents, not %v", t.MaxDF)
	}
	alike := (t.MinDF < 1) == (t.MaxDF <= 1) // two fractions or two counts
	if alike && t.MinDF > t.MaxDF && !c.isBad(high) {
		c.fault(low, "is more than data.text.max_df, %v: no term would be left", t.MaxDF)
	}
}
