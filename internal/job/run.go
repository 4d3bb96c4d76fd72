package job

import (
	"slices"
	"strings"
	"time"
)

// Run says how the work is cut and how long it goes on.
type Run struct {
	// Epochs is the number of passes over the training rows. Time grows in
	// proportion.
	Epochs int `yaml:"epochs" json:"epochs" jsonschema:"minimum=1,maximum=1000000,default=5" jsonschema_description:"Passes over the training rows."`
	// Tolerance ends lbfgs when the norm of the gradient is this share of what it
	// was at the beginning; 0 for the other methods, which have no such end.
	Tolerance float64 `yaml:"tolerance" json:"tolerance,omitempty" jsonschema:"exclusiveMinimum=0,exclusiveMaximum=1" jsonschema_description:"Share of the first gradient's norm at which lbfgs ends; 1e-6 by default."`
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
	// MaxServers is the number of parameter servers that have ranges, at most; 0 is
	// all that there are and those that come. It is not part of the result.
	MaxServers int `yaml:"max_servers" json:"max_servers,omitempty" jsonschema:"minimum=0,maximum=65536,default=0" jsonschema_description:"Parameter servers that the job uses at most; 0 is all."`
	// MaxTrainers is the number of trainers that host workers, at most; 0 is all
	// that there are and those that come. It is not part of the result.
	MaxTrainers int `yaml:"max_trainers" json:"max_trainers,omitempty" jsonschema:"minimum=0,maximum=65536,default=0" jsonschema_description:"Trainers that the job uses at most; 0 is all."`
	// Seed chooses all random numbers: same job, same seed, same bits.
	Seed uint64 `yaml:"seed" json:"seed" jsonschema:"minimum=0,maximum=18446744073709551615,default=1" jsonschema_description:"Chooses all random numbers."`
	// Consistency says what a round may read. bsp: what all have written in the
	// round before, and the result is the same bits on any number of nodes. ssp:
	// what is at most Staleness rounds older. asp: what is there. With these two a
	// slow worker holds up others less or never, and the bits hang on timing.
	Consistency string `yaml:"consistency" json:"consistency" jsonschema:"enum=bsp,enum=ssp,enum=asp,default=bsp" jsonschema_description:"What a round may read: bsp all of the round before, ssp what is at most staleness rounds older, asp what is there."`
	// Staleness is the number of rounds that a worker may run ahead of the
	// slowest: at least 1 with ssp, and 0 with bsp and asp, which have no such
	// bound to choose.
	Staleness int `yaml:"staleness" json:"staleness" jsonschema:"minimum=0,maximum=1000000,default=0" jsonschema_description:"Rounds that a worker may run ahead of the slowest, for ssp, where the default is 4."`
	// Replicas is the number of servers that hold each range: 1.
	Replicas int `yaml:"replicas" json:"replicas" jsonschema:"minimum=1,maximum=1,default=1" jsonschema_description:"Servers that hold each range."`
	// Wire is what the values of pulls and pushes are encoded as: shorter ones
	// halve or quarter the traffic and round what is sent.
	Wire string `yaml:"wire" json:"wire" jsonschema:"enum=f32,enum=f16,enum=bf16,enum=int8,default=f32" jsonschema_description:"Encoding of the numbers between trainers and servers; part of the result."`
	// Checkpoint says when the state is saved; Parse sets it always, and nil is
	// never.
	Checkpoint *Checkpoint `yaml:"checkpoint" json:"checkpoint,omitempty" jsonschema_description:"When and where the state of the run is saved, or off."`
	// Stop ends the run early; nil runs all epochs.
	Stop *Stop `yaml:"stop" json:"stop,omitempty" jsonschema_description:"Ends the run when the model gets no better."`
}

// Checkpoint says when and where the state of a run is saved.
type Checkpoint struct {
	// Every is the time from one checkpoint to the next, a duration such as 30s,
	// from 1s to 24h, or "off" for none. Interval reads it.
	Every string `yaml:"every" json:"every" jsonschema:"default=30s" jsonschema_description:"Time from one checkpoint to the next, such as 30s or 5m, from 1s to 24h, or off."`
	// Keep is how many complete checkpoints are kept; older ones are deleted.
	Keep int `yaml:"keep" json:"keep" jsonschema:"minimum=1,maximum=1000,default=3" jsonschema_description:"Checkpoints that are kept."`
	// To is the folder or the s3:// URL that they are written to, which all
	// servers must see. A folder is absolute after Load.
	To string `yaml:"to" json:"to,omitempty" jsonschema:"minLength=1" jsonschema_description:"Folder that all servers see, relative to the job file, or an s3:// URL; checkpoints in the output by default."`
}

// The bounds of Checkpoint.Every, and its word for no checkpoints.
const (
	mostOften, leastOften = time.Second, 24 * time.Hour
	off                   = "off"
)

// Interval returns the time from one checkpoint to the next: 0 when there are
// none, which is so of nil too. The job must be valid.
func (c *Checkpoint) Interval() time.Duration {
	if c == nil || c.Every == off {
		return 0
	}
	every, err := time.ParseDuration(c.Every)
	if err != nil {
		panic("job: interval of an invalid checkpoint: " + err.Error())
	}
	return every
}

// shortest returns a duration in its shortest notation, so that equal jobs have
// equal bytes: 1m for 1m0s.
func shortest(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Stop ends a run before its last epoch. The metric is measured after each epoch,
// on the test data or the rows held out.
type Stop struct {
	// Metric is the one that must get better. The default is logloss for logistic and softmax,
	// hinge_loss for hinge, rmse for linear and poisson_deviance for poisson; that of fm and mlp is their loss's.
	Metric string `yaml:"metric" json:"metric" jsonschema:"enum=logloss,enum=accuracy,enum=auc,enum=precision,enum=recall,enum=f1,enum=mse,enum=rmse,enum=mae,enum=r2,enum=ece,enum=hinge_loss,enum=poisson_deviance,enum=d2" jsonschema_description:"Metric that must get better; the default is logloss for logistic and softmax, hinge_loss for hinge, rmse for linear and poisson_deviance for poisson; fm and mlp have that of their loss."`
	// Patience is the number of epochs in a row without a better value that end
	// the run.
	Patience int `yaml:"patience" json:"patience" jsonschema:"minimum=1,maximum=1000000,default=2" jsonschema_description:"Epochs in a row that may be no better before the run ends."`
	// MinDelta is what a value must be better than the best one by to count, in
	// the metric's unit.
	MinDelta float64 `yaml:"min_delta" json:"min_delta" jsonschema:"minimum=0,default=0" jsonschema_description:"What a value must be better than the best one by to count."`
}

// HigherIsBetter reports whether a larger value of the metric is a better one, as
// of accuracy, rather than a smaller one, as of losses and errors.
func (s *Stop) HigherIsBetter() bool { return HigherIsBetter(s.Metric) }

// HigherIsBetter reports the same of any metric of a report.
func HigherIsBetter(metric string) bool {
	return slices.Contains([]string{"accuracy", "auc", "precision", "recall", "f1", "r2", "d2", "explained"}, metric)
}

// lossOf returns the kind of the model that has the same metrics.
func lossOf(m *Model) string {
	switch {
	case !m.Factorizes() && !m.IsDeep():
		return m.Kind
	case m.Loss == "squared" || m.Loss == "mse":
		return "linear"
	}
	return m.Loss
}

// metricsOf are the metrics of each kind of model (see lossOf); the first is the one that
// stops a run unless the job names another.
var metricsOf = map[string][]string{
	"logistic": {"logloss", "accuracy", "auc", "precision", "recall", "f1", "ece"},
	"hinge":    {"hinge_loss", "accuracy", "auc", "precision", "recall", "f1"},
	"poisson":  {"poisson_deviance", "mae", "d2"},
	"softmax":  {"logloss", "accuracy", "precision", "recall", "f1"},
	"linear":   {"rmse", "mse", "mae", "r2"},
}
