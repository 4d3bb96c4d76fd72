package job

// Data says what is trained on and what is tested on, and how features are made
// of it.
type Data struct {
	// Train is the dataset that the model learns from.
	Train Source `yaml:"train" json:"train" jsonschema:"required" jsonschema_description:"The rows to learn from."`
	// Test is a dataset that the model is measured on after every epoch and at
	// the end, nil for none. It costs a pass over its rows each time.
	Test *Source `yaml:"test" json:"test,omitempty" jsonschema_description:"The rows to measure the model on; not together with holdout."`
	// Holdout is the fraction of the training rows, in (0, 1), that is kept out
	// of training to measure the model on; 0 is none. The rows are chosen by
	// their position, so they stay the same from run to run. More give a surer
	// measure and less to learn from.
	Holdout float64 `yaml:"holdout" json:"holdout,omitempty" jsonschema:"exclusiveMinimum=0,exclusiveMaximum=1" jsonschema_description:"Fraction of the training rows kept out to measure the model on; not together with test."`
	// Hash is feature hashing, nil for none. Of vw, which always hashes, nil means
	// 18 bits.
	Hash *Hash `yaml:"hash" json:"hash,omitempty" jsonschema_description:"Feature hashing instead of a dictionary."`
	// Text is how documents become features, nil where rows are no documents. It
	// is never nil for format text.
	Text *Text `yaml:"text" json:"text,omitempty" jsonschema_description:"How documents become features."`
	// Label is the column with the label. If it is nil, the label is Text.Label or
	// the column that the data calls label, target or y.
	Label *Label `yaml:"label" json:"label,omitempty" jsonschema_description:"The column with the label; the default is the one called label, target or y."`
	// Weight is the column with the weight of the row, nil for 1.
	Weight *Column `yaml:"weight" json:"weight,omitempty" jsonschema_description:"The column with the weight of a row."`
	// Exposure is the column with the exposure of a row, nil for 1: poisson alone.
	Exposure *Column `yaml:"exposure" json:"exposure,omitempty" jsonschema_description:"The column with the exposure of a row, for poisson."`
	// Features are made of the columns; none makes a feature of each column that
	// has no other use.
	Features []Feature `yaml:"features" json:"features,omitempty" jsonschema_description:"Columns of the model, made of columns of the data."`
	// Scale multiplies all values of features, 1/255 to bring bytes to [0, 1].
	Scale float64 `yaml:"scale" json:"scale" jsonschema:"exclusiveMinimum=0,default=1" jsonschema_description:"Factor of all values of features."`
	// Cache is on or off: whether parsed rows are kept on disk. It costs disk of
	// about the size of the data, and spares parsing in later epochs and runs.
	Cache string `yaml:"cache" json:"cache" jsonschema:"enum=on,enum=off,default=on" jsonschema_description:"Whether parsed rows are kept on disk."`
	// Quality says what the data must be like, nil for no more than readable.
	Quality *Quality `yaml:"quality" json:"quality,omitempty" jsonschema_description:"What the data must be like."`
}

// Source is a dataset: a file, a directory, a glob or a URL.
type Source struct {
	// Path is a file, a directory of files or a glob, absolute after Load, or a
	// URL of http, https or s3. Suffixes .gz, .zst and .bz2 say how a file is
	// compressed.
	Path string `yaml:"path" json:"path" jsonschema:"required,minLength=1" jsonschema_description:"File, directory or glob, relative to the job file, or a URL of http, https or s3; .gz .zst .bz2 by suffix."`
	// Format names the layout of a row. The default is told by the suffix of the
	// path (see FormatOf).
	Format string `yaml:"format" json:"format" jsonschema:"enum=libsvm,enum=vw,enum=csv,enum=tsv,enum=jsonl,enum=text,enum=uci-bow,enum=arrow,enum=parquet,enum=idx" jsonschema_description:"Layout of the rows; the default is told by the suffix, and libsvm without one."`
	// Columns names the columns of csv and tsv files that have no header.
	Columns []string `yaml:"columns" json:"columns,omitempty" jsonschema:"minLength=1" jsonschema_description:"Names of the columns of csv and tsv files without a header."`
	// Labels is a file with the labels of uci-bow or idx; a path as Path.
	Labels string `yaml:"labels" json:"labels,omitempty" jsonschema:"minLength=1" jsonschema_description:"File with the labels, for uci-bow and idx."`
	// Vocab is a file with the words of uci-bow, one a line; a path as Path.
	Vocab string `yaml:"vocab" json:"vocab,omitempty" jsonschema:"minLength=1" jsonschema_description:"File with the words, for uci-bow."`
}

// Hash maps feature names to a fixed number of columns, so that no dictionary is
// needed.
type Hash struct {
	// Bits is the logarithm of the number of columns. More make collisions rarer
	// and the model larger.
	Bits int `yaml:"bits" json:"bits" jsonschema:"required,minimum=1,maximum=28" jsonschema_description:"Logarithm of the number of columns."`
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

// Quality says what a dataset must be like.
type Quality struct {
	// MaxBadRows is the number of rows that may be set aside before the job fails.
	MaxBadRows int64 `yaml:"max_bad_rows" json:"max_bad_rows" jsonschema:"minimum=0,default=0" jsonschema_description:"Bad rows that are set aside before the job fails."`
	MinRows    int64 `yaml:"min_rows" json:"min_rows,omitempty" jsonschema:"minimum=0,default=0" jsonschema_description:"Rows that there must be."`
	// MaxMissing is, by column, the largest fraction of rows without a value.
	MaxMissing map[string]float64 `yaml:"max_missing" json:"max_missing,omitempty" jsonschema:"minimum=0,maximum=1" jsonschema_description:"Largest fraction of missing values, by column."`
	// Range is, by column, the least and the largest number allowed.
	Range map[string][]float64 `yaml:"range" json:"range,omitempty" jsonschema:"minItems=2,maxItems=2" jsonschema_description:"Least and largest number allowed, by column."`
	// Labels are the labels allowed.
	Labels []float64 `yaml:"labels" json:"labels,omitempty" jsonschema_description:"Labels allowed."`
	// Unique is a column whose values must differ.
	Unique string `yaml:"unique" json:"unique,omitempty" jsonschema:"minLength=1" jsonschema_description:"Column whose values must all differ."`
}
