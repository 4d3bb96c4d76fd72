// Package export writes trained models as files that other tools read. A format
// has a file of its own and is one function; parley model export calls Find, then
// Write. Models come as internal/artifact reads them, piece by piece, so memory is
// bounded by the names of columns. Nothing is kept between calls, which may be
// concurrent. docs/models.md says what each format holds and how it is read.
package export

import (
	"io"
	"strings"

	"parley/internal/artifact"
	"parley/internal/param"
)

// Format is one that models are written in.
type Format struct {
	Name  string
	write func(w io.Writer, m *artifact.Model) error
}

var formats = []Format{
	{"liblinear", liblinear},
	{"npz", numpy},
	{"onnx", onnx},
	{"csv", table},
	{"safetensors", safetensors},
}

// vw is why there is no format of that name. That there is no way back from a
// readable model says https://github.com/VowpalWabbit/vowpal_wabbit/issues/1046.
const vw = "Vowpal Wabbit loads binary models of its own alone (-i), whose layout is not documented; " +
	"the text that it writes (--readable_model, --invert_hash) it cannot read"

// Names returns the names of the formats.
func Names() (names []string) {
	for _, f := range formats {
		names = append(names, f.Name)
	}
	return names
}

// Find returns the format of a name. The error is param.Invalid and names those
// that there are.
func Find(name string) (Format, error) {
	for _, f := range formats {
		if f.Name == name {
			return f, nil
		}
	}
	choose := "choose one of " + strings.Join(Names(), ", ")
	if name == "vw" {
		return Format{}, param.Errorf(param.Invalid, "%s: %s", vw, choose)
	}
	return Format{}, param.Errorf(param.Invalid, "unknown format %q: %s", name, choose)
}

// Write writes m to w. A model that the format has no place for is refused with
// param.Invalid before anything is written; damage is param.Corrupt.
func (f Format) Write(w io.Writer, m *artifact.Model) error { return f.write(w, m) }
