package job

import (
	"bytes"
	"encoding/json"

	"parley/internal/param"
)

// Canonical returns the job as JSON: every key, in a fixed order, so equal jobs
// have equal bytes. The job must be valid.
func (j *Job) Canonical() []byte {
	text, err := json.Marshal(j)
	if err != nil { // NaN and Inf alone, which Validate refuses
		panic("job: canonical: " + err.Error())
	}
	return text
}

// Decode returns the job that Canonical encoded as b. It accepts nothing else:
// other keys, missing keys, other orders and invalid jobs are errors of kind
// param.Invalid.
func Decode(b []byte) (*Job, error) {
	if len(b) > maxBytes {
		return nil, param.Errorf(param.Invalid, "decode job: larger than 1 MiB")
	}
	j := new(Job)
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(j); err != nil {
		return nil, param.Errorf(param.Invalid, "decode job: %w", err)
	}
	if err := j.Validate(); err != nil {
		return nil, err
	}
	if !bytes.Equal(j.Canonical(), b) {
		return nil, param.Errorf(param.Invalid, "decode job: not in canonical form; the sender runs another version of Parley, or is not Parley")
	}
	return j, nil
}
