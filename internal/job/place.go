package job

import (
	"path/filepath"

	"parley/internal/param"
)

// place is a path in a job, and the key that gives it.
type place struct {
	key  string
	path *string
}

// places returns all paths of the job.
func (j *Job) places() []place {
	all := append([]place{{"output", &j.Output}, {"model.init", &j.Model.Init}, {"run.checkpoint.to", &j.Run.Checkpoint.To}}, j.Data.Train.places("data.train")...)
	if j.Data.Test != nil {
		all = append(all, j.Data.Test.places("data.test")...)
	}
	return all
}

func (s *Source) places(at string) []place {
	return []place{{at + ".path", &s.Path}, {at + ".labels", &s.Labels}, {at + ".vocab", &s.Vocab}}
}

// settled reports whether the place is not seen from a folder: it is a URL, or was
// not given.
func (p place) settled() bool { return *p.path == "" || scheme.MatchString(*p.path) }

// CheckPlaces refuses paths that are neither absolute nor URLs: those of a job that
// does not come from a file are seen from nowhere. The job must be valid.
func (j *Job) CheckPlaces() error {
	var faults Faults
	for _, p := range j.places() {
		if !p.settled() && !filepath.IsAbs(*p.path) && *p.path != DefaultCheckpoints(j.Output) {
			faults = append(faults, Fault{Key: p.key, Text: "must be an absolute path or a URL, not " + plain(*p.path) + ": there is no job file whose folder it could be seen from"})
		}
	}
	if faults == nil {
		return nil
	}
	return &param.Error{Kind: param.Invalid, Err: faults}
}
