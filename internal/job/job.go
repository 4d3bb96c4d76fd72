// Package job is the typed job file: its defaults, its strict reading and its
// validation. A Job is plain data and immutable after it was read.
package job

// Job is one training run: data, model, optimizer and run settings.
type Job struct {
	Name      string    `yaml:"name" json:"name"`
	Data      Data      `yaml:"data" json:"data"`
	Model     Model     `yaml:"model" json:"model"`
	Optimizer Optimizer `yaml:"optimizer" json:"optimizer"`
	Run       Run       `yaml:"run" json:"run"`
	Output    string    `yaml:"output" json:"output"`
}

// Data says what is trained on and what is tested on.
type Data struct {
	Train   Source  `yaml:"train" json:"train"`
	Test    *Source `yaml:"test" json:"test,omitempty"`
	Holdout float64 `yaml:"holdout" json:"holdout,omitempty"`
}

// Source is a dataset: a file, a directory or a glob.
type Source struct {
	Path   string `yaml:"path" json:"path"`
	Format string `yaml:"format" json:"format"`
}

// Model says what is learned.
type Model struct {
	Kind         string  `yaml:"kind" json:"kind"`
	L2           float64 `yaml:"l2" json:"l2"`
	PenalizeBias bool    `yaml:"penalize_bias" json:"penalize_bias"`
}

// Optimizer says how the parameters are updated.
type Optimizer struct {
	Kind string  `yaml:"kind" json:"kind"`
	Rate float64 `yaml:"rate" json:"rate"`
}

// Run says how the work is cut and how long it goes on.
type Run struct {
	Epochs      int    `yaml:"epochs" json:"epochs"`
	Batch       int    `yaml:"batch" json:"batch"`
	Workers     int    `yaml:"workers" json:"workers"`
	Ranges      int    `yaml:"ranges" json:"ranges"`
	Seed        uint64 `yaml:"seed" json:"seed"`
	Consistency string `yaml:"consistency" json:"consistency"`
	Staleness   int    `yaml:"staleness" json:"staleness"`
	Replicas    int    `yaml:"replicas" json:"replicas"`
}
