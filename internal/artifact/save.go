package artifact

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"parley/internal/param"
)

// Save writes a model to output/model and returns it with the keys that Save
// sets. m.Tensors says which tensors there are and fill hands their values to
// the Writer, in that order; files are further files by name. Everything goes to a folder beside, is synced and
// takes its name as the last step, so that a reader finds all of it or nothing.
// A finished model in that place is refused with param.Invalid, or with force
// exchanged in one step. After an error the output folder is as it was.
func Save(output string, m *Model, files map[string][]byte, fill func(*Writer) error, force bool) (*Model, error) {
	saved := *m
	saved.dir = filepath.Join(output, ModelDir)
	err := place(output, force, func(dir string) error { return saved.write(dir, files, fill) })
	if err != nil {
		return nil, fmt.Errorf("save model: %w", err)
	}
	return &saved, nil
}

// place has a model written to a folder beside output/model and gives it that
// name. After an error all is as before.
func place(output string, force bool, write func(dir string) error) error {
	undo, err := makeOutput(output)
	if err != nil {
		return err
	}
	temp := filepath.Join(output, tempPrefix+rand.Text()+tempSuffix)
	err = os.Mkdir(temp, 0o755)
	if err == nil {
		err = write(temp)
	}
	if err == nil {
		err = install(temp, filepath.Join(output, ModelDir), force)
	}
	os.RemoveAll(temp) // the model that was replaced, or what there is of this one
	if err != nil {
		undo()
		return err
	}
	removeLeftovers(output)
	return nil
}

// Models that are being written are output/.model-XXXX.tmp.
const (
	tempPrefix = ".model-"
	tempSuffix = ".tmp"
)

// removeLeftovers removes what runs into this output left when they were
// killed. Errors are no reason to fail a run whose model is in place.
func removeLeftovers(output string) {
	entries, _ := os.ReadDir(output)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), tempPrefix) && strings.HasSuffix(e.Name(), tempSuffix) {
			os.RemoveAll(filepath.Join(output, e.Name()))
		}
	}
}

// write fills the folder dir with the model's files, model.json last.
func (m *Model) write(dir string, files map[string][]byte, fill func(*Writer) error) error {
	job, err := json.Marshal(m.Job)
	if err != nil {
		return param.Errorf(param.Invalid, "job: %w", err)
	}
	sum, err := writeParams(filepath.Join(dir, ParamsFile), m.Tensors, fill)
	if err != nil {
		return err
	}
	m.Format, m.Job, m.JobSHA256 = Format, job, hexSHA256(job)
	m.Files = map[string]string{ParamsFile: sum}
	for name, text := range files {
		if err := writeSynced(filepath.Join(dir, name), text); err != nil {
			return err
		}
		m.Files[name] = hexSHA256(text)
	}
	if err := m.validate(); err != nil {
		return param.Errorf(param.Invalid, "%w", err)
	}
	text, err := marshal(m)
	if err != nil {
		return err
	}
	if err := writeSynced(filepath.Join(dir, ModelFile), text); err != nil {
		return err
	}
	return syncDir(dir)
}

// writeParams writes the parameter file and returns its SHA-256.
func writeParams(path string, tensors []Tensor, fill func(*Writer) error) (string, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return "", err
	}
	defer file.Close() // once more after an error
	w, err := NewWriter(file, tensors)
	if err != nil {
		return "", err
	}
	if err := fill(w); err != nil {
		return "", err
	}
	sum, err := w.Close()
	if err != nil {
		return "", err
	}
	return sum, errors.Join(file.Sync(), file.Close())
}

// writeSynced creates a file; a failure to reach the disk is an error.
func writeSynced(path string, text []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Sync(), file.Close())
}

// syncDir makes the names in a folder durable.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// install gives the folder temp the name final. A finished model that has the
// name is exchanged if force is set: temp is then the old one.
func install(temp, final string, force bool) error {
	if err := checkPlace(final, force); err != nil {
		return err
	}
	_, err := os.Lstat(final)
	if err == nil {
		err = exchange(temp, final)
	} else {
		err = os.Rename(temp, final)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(final))
}

// exchangeByRenames is exchange where the system cannot swap two names at once:
// for a moment there is no model, but never half of one.
func exchangeByRenames(temp, final string) error {
	aside := filepath.Join(filepath.Dir(temp), tempPrefix+rand.Text()+tempSuffix)
	if err := os.Rename(final, aside); err != nil {
		return err
	}
	if err := os.Rename(temp, final); err != nil {
		return errors.Join(err, os.Rename(aside, final))
	}
	return os.Rename(aside, temp)
}

// marshal returns v as indented JSON that ends with a newline.
func marshal(v any) ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return text.Bytes(), err
}

func hexSHA256(p []byte) string {
	sum := sha256.Sum256(p)
	return hex.EncodeToString(sum[:])
}
