package export

import (
	"io"
	"os"
	"path/filepath"

	"parley/internal/artifact"
)

// safetensors writes the parameters as the model has them.
func safetensors(w io.Writer, m *artifact.Model) error {
	f, err := os.Open(filepath.Join(m.Dir(), artifact.ParamsFile))
	if err != nil {
		return err
	}
	defer f.Close() // read only
	_, err = io.Copy(w, f)
	return err
}
