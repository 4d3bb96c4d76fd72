// Package job is the typed job file: its defaults, its strict reading and its
// validation. Load and Parse turn YAML text and command line overrides into a
// Job, or into Faults that name every mistake with its file, line and key. The
// commands call them; every other package only reads the Job, which is plain
// data, complete (no field waits for a default) and immutable after it was
// read. Canonical and Decode carry it between nodes. Schema describes the file
// to editors.
//
// The struct tags below are the one list of keys, bounds, choices and defaults:
// the decoder, Validate and Schema all read them (see field.go), and docs/job.md
// explains them at length.
package job

// Job is one training run: data, model, optimizer and run settings.
type Job struct {
	// Name labels the run in status, logs and metrics. It is not part of the
	// result. The default comes from the file's name (see defaultName).
	Name string `yaml:"name" json:"name" jsonschema:"minLength=1,maxLength=64,pattern=^[A-Za-z0-9][A-Za-z0-9._-]*$" jsonschema_description:"Label of the run; the default is the file's name, or its folder's for job.yaml."`
	// Data says what is trained on and tested on.
	Data Data `yaml:"data" json:"data" jsonschema:"required" jsonschema_description:"What is trained on and what is tested on."`
	// Model says what is learned.
	Model Model `yaml:"model" json:"model" jsonschema:"required" jsonschema_description:"What is learned."`
	// Optimizer says how the parameters are updated.
	Optimizer Optimizer `yaml:"optimizer" json:"optimizer" jsonschema_description:"How the parameters are updated."`
	// Run says how the work is cut and how long it goes on.
	Run Run `yaml:"run" json:"run" jsonschema_description:"How the work is cut and how long it goes on."`
	// Output is the folder, or the s3:// URL, that the model and the report are
	// written to. A folder is absolute after Load.
	Output string `yaml:"output" json:"output" jsonschema:"required,minLength=1" jsonschema_description:"Folder for the model and the report, relative to the job file, or an s3:// URL."`
}

// Model says what is learned.
type Model struct {
	// Kind is the model: logistic for two classes, linear for numbers.
	Kind string `yaml:"kind" json:"kind" jsonschema:"required,enum=logistic,enum=linear" jsonschema_description:"logistic for two classes or linear for numbers."`
	// L2 weighs the penalty l2/2 · ‖w‖² against the mean loss of a row. More
	// keeps weights small and generalises from few rows; too much underfits.
	L2 float64 `yaml:"l2" json:"l2" jsonschema:"minimum=0,default=0" jsonschema_description:"Weight of the penalty l2/2 · ‖w‖² beside the mean row loss."`
	// PenalizeBias applies the penalty to the bias too, as liblinear does.
	PenalizeBias bool `yaml:"penalize_bias" json:"penalize_bias" jsonschema:"default=false" jsonschema_description:"Whether the penalty holds for the bias too."`
}

// Optimizer says how the parameters are updated.
type Optimizer struct {
	// Kind is the update rule. adagrad scales each step by the key's own
	// history, which suits sparse data; sgd keeps no state beside the weights.
	Kind string `yaml:"kind" json:"kind" jsonschema:"enum=adagrad,enum=sgd,default=adagrad" jsonschema_description:"The update rule."`
	// Rate scales every step; it has no unit. A larger one learns in fewer
	// epochs until it diverges. The default is 0.5 for adagrad, 0.05 for sgd.
	Rate float64 `yaml:"rate" json:"rate" jsonschema:"exclusiveMinimum=0,maximum=1e9" jsonschema_description:"Scale of a step; the default is 0.5 for adagrad and 0.05 for sgd."`
}

// Run says how the work is cut and how long it goes on.
type Run struct {
	// Epochs is the number of passes over the training rows. Time grows in
	// proportion.
	Epochs int `yaml:"epochs" json:"epochs" jsonschema:"minimum=1,maximum=1000000,default=5" jsonschema_description:"Passes over the training rows."`
	// Batch is the number of rows in a worker's contribution. Larger ones mean
	// fewer rounds and less traffic, smaller ones learn more from an epoch.
	Batch int `yaml:"batch" json:"batch" jsonschema:"minimum=1,maximum=1048576,default=1024" jsonschema_description:"Rows of one contribution of one worker."`
	// Workers is the number of logical workers. It is part of the plan, so of
	// the result: more allow more trainers and cores, and average more
	// contributions a round.
	Workers int `yaml:"workers" json:"workers" jsonschema:"minimum=1,maximum=4096,default=8" jsonschema_description:"Logical workers, the bound on parallelism; part of the result."`
	// Ranges is the number of slices of the key space that servers own. It is
	// not part of the result: more balance better over more servers, and cost a
	// message each a round.
	Ranges int `yaml:"ranges" json:"ranges" jsonschema:"minimum=1,maximum=65536,default=4" jsonschema_description:"Slices of the key space, the bound on servers; not part of the result."`
	// Seed chooses all random numbers: same job, same seed, same bits.
	Seed uint64 `yaml:"seed" json:"seed" jsonschema:"minimum=0,maximum=18446744073709551615,default=1" jsonschema_description:"Chooses all random numbers."`
	// Consistency is bsp: every worker reads what all have written in the round
	// before, and the result is the same bits on any number of nodes.
	Consistency string `yaml:"consistency" json:"consistency" jsonschema:"enum=bsp,default=bsp" jsonschema_description:"What a round may read: bsp reads all of the round before."`
	// Staleness is the number of rounds that a worker may run ahead: 0.
	Staleness int `yaml:"staleness" json:"staleness" jsonschema:"minimum=0,maximum=0,default=0" jsonschema_description:"Rounds that a worker may run ahead of the slowest."`
	// Replicas is the number of servers that hold each range: 1.
	Replicas int `yaml:"replicas" json:"replicas" jsonschema:"minimum=1,maximum=1,default=1" jsonschema_description:"Servers that hold each range."`
}
