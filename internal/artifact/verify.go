package artifact

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"parley/internal/param"
)

// Verify opens a model as Open does and checks all of it: the SHA-256 of every
// file, the tensors of the parameter file, the hash of the job. The error names
// every fault, a line each, and is param.Corrupt when there is one.
func Verify(path string) (*Model, error) {
	m, err := Open(path)
	if err != nil {
		return nil, err
	}
	faults := []error{m.verifyJob()}
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		faults = append(faults, verifyFile(filepath.Join(m.dir, name), m.Files[name]))
	}
	params, err := m.Params()
	if err == nil {
		err = params.Close()
	}
	if _, missing := os.Stat(filepath.Join(m.dir, ParamsFile)); missing == nil { // else verifyFile said so
		faults = append(faults, err)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, param.Errorf(param.Corrupt, "%w", err)
	}
	return m, nil
}

func (m *Model) verifyJob() error {
	job, err := json.Marshal(m.Job)
	if err == nil && hexSHA256(job) != m.JobSHA256 {
		err = fmt.Errorf("the job has the SHA-256 %s, job_sha256 says %s", hexSHA256(job), m.JobSHA256)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(m.dir, ModelFile), err)
	}
	return nil
}

// verifyFile compares the SHA-256 of a file.
func verifyFile(path, want string) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is missing", path)
	}
	if err != nil {
		return err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		return fmt.Errorf("%s was changed: its SHA-256 is %s, %s says %s", path, got, ModelFile, want)
	}
	return nil
}
