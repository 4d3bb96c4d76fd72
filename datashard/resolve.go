package datashard

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"parley/internal/param"
)

// resolve returns the files that a source's path stands for, sorted by name. A
// name that exists is taken as it is, even if it holds characters of a glob.
func resolve(path string) ([]string, error) {
	if path == "" {
		return nil, param.Errorf(param.Invalid, "no path of data given")
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return inDirectory(path)
	case err == nil && !info.Mode().IsRegular():
		return nil, param.Errorf(param.Invalid, "%s: is not a regular file: data is read more than once, so copy it into a file", path)
	case err == nil:
		return []string{path}, nil
	case errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(path, "*?["):
		return matches(path)
	}
	return nil, openError(path, err)
}

// inDirectory returns the data files of a directory. Links are followed.
func inDirectory(path string) ([]string, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, openError(path, err)
	}
	var names []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			names = append(names, filepath.Join(path, e.Name()))
		}
	}
	if names, err = regular(names); err == nil && len(names) == 0 {
		err = param.Errorf(param.Invalid, "%s: the directory holds no data files (hidden files and subdirectories do not count): put some into it, or give a file or a glob", path)
	}
	return names, err
}

// matches returns the files that match a glob; like a shell's, it gives hidden
// files only if the pattern's last part begins with a dot.
func matches(pattern string) ([]string, error) {
	names, err := filepath.Glob(pattern)
	if err != nil {
		return nil, param.Errorf(param.Invalid, "%s: malformed glob: %w", pattern, err)
	}
	if !strings.HasPrefix(filepath.Base(pattern), ".") {
		names = slices.DeleteFunc(names, func(name string) bool {
			return strings.HasPrefix(filepath.Base(name), ".")
		})
	}
	if names, err = regular(names); err == nil && len(names) == 0 {
		err = param.Errorf(param.Invalid, "%s: no file matches: correct the pattern", pattern)
	}
	return names, err
}

// regular keeps the names of regular files and sorts them.
func regular(names []string) ([]string, error) {
	kept := names[:0]
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return nil, openError(name, err)
		}
		if info.Mode().IsRegular() {
			kept = append(kept, name)
		}
	}
	slices.Sort(kept)
	return kept, nil
}

// openError says why a path cannot be opened, naming it once.
func openError(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return param.Errorf(param.Invalid, "%s: no such file or directory: correct the path", path)
	case errors.Is(err, fs.ErrPermission):
		return param.Errorf(param.Invalid, "%s: permission denied", path)
	}
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		err = pathError.Err
	}
	return param.Errorf(param.Invalid, "%s: %w", path, err)
}
