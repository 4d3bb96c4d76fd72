package main

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"parley/internal/artifact"
	"parley/internal/job"
	"parley/internal/param"
)

// beginWith opens the model that a job goes on from, refuses one that cannot fit,
// and notes the SHA-256 of its parameters in the job. What hangs on the data, such
// as columns and labels, is looked at when the data has been read; and each server
// opens the model by itself.
func beginWith(ctx context.Context, j *job.Job) error {
	if j.Model.Init == "" {
		return nil
	}
	dir, end, err := localModel(ctx, j.Model.Init)
	if err != nil {
		return exit(exitUsage, fmt.Errorf("model.init: %w", err))
	}
	defer end()
	m, err := artifact.Open(dir)
	if err == nil {
		err = fits(m, j)
	}
	if err != nil {
		return exit(exitUsage, fmt.Errorf("model.init: %w", err))
	}
	j.Model.InitSHA256 = m.SHA256()
	return nil
}

// fits compares what the job files of a model and of a job say of kind and
// features.
func fits(m *artifact.Model, j *job.Job) error {
	name := j.Model.Init
	if m.Kind != j.Model.Kind {
		return param.Errorf(param.Invalid, "%s is a %s model, and model.kind is %s: set the kind, or give another model", name, m.Kind, j.Model.Kind)
	}
	var earlier job.Job
	if err := json.Unmarshal(m.Job, &earlier); err != nil {
		return param.Errorf(param.Corrupt, "the job of %s: %w", name, err)
	}
	was, is := &earlier.Data, &j.Data
	for _, x := range []struct {
		key  string
		same bool
	}{
		{"data.hash", reflect.DeepEqual(was.Hash, is.Hash)},
		{"data.text", reflect.DeepEqual(termsOf(was.Text), termsOf(is.Text))},
		{"data.scale", was.Scale == is.Scale},
	} {
		if !x.same {
			return param.Errorf(param.Invalid, "%s was trained with another %s, so its columns are others: give the job the same, or another model", name, x.key)
		}
	}
	return fitFeatures(name, was.Features, is.Features)
}

// termsOf returns what a term and its weight are. Which terms there are is for the
// vocabulary to say.
func termsOf(t *job.Text) job.Text {
	if t == nil {
		return job.Text{}
	}
	u := *t
	u.Field, u.Label, u.MinDF, u.MaxDF, u.MaxTerms = "", "", 0, 0, 0
	return u
}

// fitFeatures refuses features that are made otherwise of a column than before.
// Those that were not there before begin at 0.
func fitFeatures(name string, was, is []job.Feature) error {
	for i, f := range is {
		for _, g := range was {
			if madeOf(f) == madeOf(g) && !sameFeature(f, g) {
				return param.Errorf(param.Invalid, "%s was trained with another data.features[%d] (%s): give the job the same, or another model", name, i, madeOf(f))
			}
		}
	}
	return nil
}

func madeOf(f job.Feature) string {
	return fmt.Sprint(append([]string{f.Numeric + f.Category + f.Time + f.Ignore}, f.Cross...))
}

func sameFeature(f, g job.Feature) bool {
	return f.Numeric == g.Numeric && slices.Equal(f.Transform, g.Transform) && f.Scale == g.Scale && f.Bins == g.Bins && f.Missing == g.Missing
}
