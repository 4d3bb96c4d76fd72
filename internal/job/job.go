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
