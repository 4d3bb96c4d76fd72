// Package text makes rows of numbers from documents: words are cut, counted and
// weighted as scikit-learn's CountVectorizer, TfidfVectorizer and
// HashingVectorizer do it.
//
// A fit has two steps. Counters count the terms of the training documents, each
// some of them; they are sent in binary form, merged in any order, and finished
// into one Vectorizer, which is part of the model. Encoders of the Vectorizer
// then turn any document into columns and values. A bag of words, whose columns
// are terms already, passes the same steps (AddCounts, Weigh).
//
// internal/feature calls it. Nothing here starts goroutines; a Counter and an
// Encoder serve one goroutine at a time, a Vectorizer any number.
package text

import (
	"math"

	"parley/internal/param"
)

// Options say how documents become rows. The fields are those of job.Text.
type Options struct {
	Lowercase bool    // fold letters before words are cut
	Stop      string  // words that are left out: "none" or "english"
	NGramMin  int     // least number of words in a term, from 1
	NGramMax  int     // largest number, up to 8
	MinDF     float64 // documents a term must be in: a fraction below 1, else a count
	MaxDF     float64 // documents a term may be in: a fraction up to 1, else a count
	MaxTerms  int     // keep those that occur most; 0 for all
	Weight    string  // "count", "binary" or "tfidf"
	IDF       string  // "smooth": ln((1+N)/(1+df))+1, or "plain": ln(N/df)
	Sublinear bool    // 1+ln(tf) in place of tf
	Normalize bool    // rows of L2 norm 1
	HashBits  int     // columns are 2^HashBits hashes; 0: a dictionary
}

const (
	maxWords    = 8
	maxHashBits = 28
)

// check returns what is wrong with the options. Sublinear has no effect on
// binary weights, nor IDF on others than tfidf; both may be set.
func (o Options) check() error {
	switch {
	case o.Stop != "none" && o.Stop != "english":
		return param.Errorf(param.Invalid, "stop words %q are not known: write none or english", o.Stop)
	case o.NGramMin < 1 || o.NGramMax < o.NGramMin || o.NGramMax > maxWords:
		return param.Errorf(param.Invalid, "terms of %d to %d words: the least must be at least 1, and the largest not below it and at most %d", o.NGramMin, o.NGramMax, maxWords)
	case !(o.MinDF >= 0) || math.IsInf(o.MinDF, 0):
		return param.Errorf(param.Invalid, "min_df %v: write a count of documents, or a fraction below 1", o.MinDF)
	case !(o.MaxDF > 0) || math.IsInf(o.MaxDF, 0):
		return param.Errorf(param.Invalid, "max_df %v: write a fraction up to 1, or a count of documents above 1", o.MaxDF)
	case o.MaxTerms < 0:
		return param.Errorf(param.Invalid, "max_terms %d: write a count, or 0 for all terms", o.MaxTerms)
	case o.Weight != "count" && o.Weight != "binary" && o.Weight != "tfidf":
		return param.Errorf(param.Invalid, "weight %q is not known: write count, binary or tfidf", o.Weight)
	case o.IDF != "smooth" && o.IDF != "plain":
		return param.Errorf(param.Invalid, "idf %q is not known: write smooth or plain", o.IDF)
	case o.HashBits < 0 || o.HashBits > maxHashBits:
		return param.Errorf(param.Invalid, "2^%d hashed columns: write 1 to %d bits, or 0 for a dictionary", o.HashBits, maxHashBits)
	}
	return nil
}

// NeedsFit reports whether documents must be counted before they can be
// encoded. Hashed counts and hashed binary weights need none, unless terms are
// left out by how often they occur.
func (o Options) NeedsFit() bool { return o.HashBits == 0 || o.CountsNeedFit() }

// CountsNeedFit is NeedsFit for bags of words, which need no dictionary.
func (o Options) CountsNeedFit() bool {
	return o.Weight == "tfidf" || !o.keepsRare() || o.MaxDF != 1
}

// keepsRare reports that a term is kept however rare it is.
func (o Options) keepsRare() bool { return (o.MinDF == 0 || o.MinDF == 1) && o.MaxTerms == 0 }
