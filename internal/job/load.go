package job

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"parley/internal/param"
)

// maxBytes bounds a job file. A job is some dozens of lines; a larger file is
// data given in a job's place.
const maxBytes = 1 << 20

// Load reads the job file at path and applies overrides, each key.path=value,
// over it. Paths in the job, those of overrides too, become absolute, relative
// to the folder of the job file; URLs stay as they are. An error is of kind param.Invalid and lists
// every fault of the job.
func Load(path string, overrides []string) (*Job, error) {
	text, err := read(path)
	if err != nil {
		return nil, err
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, unreadable(path, "its folder is unknown: "+err.Error())
	}
	j, err := parse(path, defaultName(full), text, overrides)
	if err != nil {
		return nil, err
	}
	folder := filepath.Dir(full)
	for _, p := range j.places() {
		if !p.settled() {
			*p.path = within(folder, *p.path)
		}
	}
	return j, nil
}

// Parse does what Load does to the text of a job file, and leaves the paths in
// it as they are. Messages call the file name.
func Parse(name string, text []byte, overrides []string) (*Job, error) {
	return parse(name, defaultName(name), text, overrides)
}

func parse(file, name string, text []byte, overrides []string) (*Job, error) {
	r := newReport(source{name: file, overrides: overrides})
	if len(text) > maxBytes {
		r.add(position{}, "", "is larger than 1 MiB, so it is not a job file; give the YAML file that names the data")
		return nil, r.err()
	}
	tree := r.parse(text)
	if tree == nil {
		return nil, r.err()
	}
	r.override(tree)
	j := &Job{Name: name}
	setDefaults(reflect.ValueOf(j).Elem())
	d := decoder{report: r, at: map[string]position{"": tree.at}}
	d.mapping("", tree, reflect.ValueOf(j).Elem())
	d.settle(j)
	c := checker{report: r, at: d.at}
	c.job(j)
	if err := r.err(); err != nil {
		return nil, err
	}
	settlePlaces(j)
	return j, nil
}

// defaultName returns the name of a job that gives none: that of the file
// without its suffix, or that of the folder when the file is called job.
// Characters that a name may not have become dashes.
func defaultName(path string) string {
	base := filepath.Base(path)
	base = strings.TrimSuffix(base, filepath.Ext(base))
	if folder := filepath.Base(filepath.Dir(path)); base == "job" && cleanName(folder) != "" {
		base = folder
	}
	if name := cleanName(base); name != "" {
		return name
	}
	return "job"
}

func cleanName(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
			return r
		}
		return '-'
	}, s)
	s = strings.TrimLeft(s, "._-")
	return s[:min(len(s), 64)]
}

// within returns path as it is seen from folder.
func within(folder, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(folder, path)
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, unreadable(path, "there is no such file; give the path of a job file")
	case errors.Is(err, fs.ErrPermission):
		return nil, unreadable(path, "may not be read by this user; change its permissions")
	case err != nil:
		return nil, unreadable(path, "cannot be opened: "+err.Error())
	}
	defer f.Close() // it is only read
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, unreadable(path, "is a folder; give the path of a job file")
	}
	text, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, unreadable(path, "cannot be read: "+err.Error())
	}
	return text, nil
}

func unreadable(path, text string) error {
	return &param.Error{Kind: param.Invalid, Err: Faults{{Where: plain(path), Text: text}}}
}
