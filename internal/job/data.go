package job

// Hash maps feature names to a fixed number of columns, so that no dictionary is
// needed.
type Hash struct {
	// Bits is the logarithm of the number of columns. More make collisions rarer
	// and the model larger.
	Bits int `yaml:"bits" json:"bits" jsonschema:"required,minimum=1,maximum=28" jsonschema_description:"Logarithm of the number of columns."`
}

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

// Label says which column is the label and how it is read.
type Label struct {
	Column string `yaml:"column" json:"column" jsonschema:"required,minLength=1" jsonschema_description:"Name of the column."`
	// Above makes the label 1 where the number is above it and 0 elsewhere.
	Above *float64 `yaml:"above" json:"above,omitempty" jsonschema_description:"Label 1 where the column is above, else 0; not together with map."`
	// Map gives labels by the cell as it is written; "*" stands for all others.
	Map map[string]float64 `yaml:"map" json:"map,omitempty" jsonschema_description:"Labels by cell; * for all other cells."`
}

// Column names a column.
type Column struct {
	Column string `yaml:"column" json:"column" jsonschema:"required,minLength=1" jsonschema_description:"Name of the column."`
}

// Feature makes columns of the model from columns of the data. Exactly one of
// Numeric, Category, Time, Cross and Ignore is set.
type Feature struct {
	Numeric string `yaml:"numeric" json:"numeric,omitempty" jsonschema:"minLength=1" jsonschema_description:"Column of numbers."`
	// Transform is applied to a numeric column in this order.
	Transform []string `yaml:"transform" json:"transform,omitempty" jsonschema:"enum=log,enum=log1p,enum=standardize" jsonschema_description:"What is done to the numbers, in this order."`
	// Scale multiplies a numeric column, before Transform.
	Scale float64 `yaml:"scale" json:"scale,omitempty" jsonschema:"default=1" jsonschema_description:"Factor of the numbers."`
	// Bins makes a category of a numeric column: quantile bins.
	Bins int `yaml:"bins" json:"bins,omitempty" jsonschema:"minimum=2,maximum=65536" jsonschema_description:"Number of quantile bins."`
	// Missing says what a missing number is.
	Missing  string `yaml:"missing" json:"missing,omitempty" jsonschema:"enum=mean,enum=refuse,default=mean" jsonschema_description:"Missing numbers: the mean and an indicator column, or a bad row."`
	Category string `yaml:"category" json:"category,omitempty" jsonschema:"minLength=1" jsonschema_description:"Column of names."`
	// MinCount is how often a name must occur to have a column of its own; rarer
	// ones share one.
	MinCount int64 `yaml:"min_count" json:"min_count,omitempty" jsonschema:"minimum=1,default=1" jsonschema_description:"Rows that a name must be in to have a column of its own; the others share one."`
	Time     string   `yaml:"time" json:"time,omitempty" jsonschema:"minLength=1" jsonschema_description:"Column of times."`
	Parts    []string `yaml:"parts" json:"parts,omitempty" jsonschema:"enum=hour,enum=weekday,enum=month,enum=day,enum=minute,enum=year" jsonschema_description:"Categories made of a time: COLUMN.PART."`
	Cross    []string `yaml:"cross" json:"cross,omitempty" jsonschema_description:"Categories, bins or time parts whose combination is a category."`
	Ignore   string   `yaml:"ignore" json:"ignore,omitempty" jsonschema:"minLength=1" jsonschema_description:"Column that is no feature, where no others are named."`
}

// Quality says what a dataset must be like.
type Quality struct {
	// MaxBadRows is the number of rows that may be set aside before the job fails.
	MaxBadRows int64 `yaml:"max_bad_rows" json:"max_bad_rows" jsonschema:"minimum=0,default=0" jsonschema_description:"Bad rows that are set aside before the job fails."`
	MinRows    int64 `yaml:"min_rows" json:"min_rows,omitempty" jsonschema:"minimum=0,default=0" jsonschema_description:"Rows that there must be."`
	// MaxMissing is, by column, the largest fraction of rows without a value.
	MaxMissing map[string]float64 `yaml:"max_missing" json:"max_missing,omitempty" jsonschema_description:"Largest fraction of missing values, by column."`
	// Range is, by column, the least and the largest number allowed.
	Range map[string][]float64 `yaml:"range" json:"range,omitempty" jsonschema_description:"Least and largest number allowed, by column."`
	// Labels are the labels allowed.
	Labels []float64 `yaml:"labels" json:"labels,omitempty" jsonschema_description:"Labels allowed."`
	// Unique is a column whose values must differ.
	Unique string `yaml:"unique" json:"unique,omitempty" jsonschema:"minLength=1" jsonschema_description:"Column whose values must all differ."`
}
