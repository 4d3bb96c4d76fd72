package datashard

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"

	"parley/internal/param"
	"parley/internal/table"
)

// place is where a file of a dataset is.
type place struct {
	path   string   // or the name of the object
	object Object   // nil for a file of this machine
	keys   []string // of the key=value folders on the way to it
	values []string
}

var isURL = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)

// resolve returns the files that a source's path stands for, sorted by name. A
// name that exists is taken as it is, even if it holds characters of a glob.
func resolve(ctx context.Context, path string, remote Remote) ([]place, error) {
	if path == "" {
		return nil, param.Errorf(param.Invalid, "no path of data given")
	}
	if isURL.MatchString(path) {
		return objects(ctx, path, remote)
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return inDirectory(path)
	case err == nil && !info.Mode().IsRegular():
		return nil, param.Errorf(param.Invalid, "%s: is not a regular file: data is read more than once, so copy it into a file", path)
	case err == nil:
		return places("", []string{path})
	case errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(path, "*?["):
		return matches(path)
	}
	return nil, openError(path, err)
}

// objects lists a URL.
func objects(ctx context.Context, url string, remote Remote) ([]place, error) {
	if remote == nil {
		return nil, param.Errorf(param.Invalid, "%s: URLs cannot be read here: give a file", url)
	}
	found, err := remote.List(ctx, url)
	if err != nil {
		return nil, err
	}
	root, _, _ := strings.Cut(url, "*")
	var all []place
	for _, o := range found {
		p := place{path: o.Name(), object: o}
		p.keys, p.values = hiveKeys(strings.TrimPrefix(p.path, root))
		all = append(all, p)
	}
	return sameKeys(all)
}

// inDirectory returns the data files of a directory and of its key=value folders.
// Links are followed.
func inDirectory(path string) ([]place, error) {
	names, err := walk(path)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, param.Errorf(param.Invalid, "%s: the directory holds no data files (hidden files and subdirectories that are not named key=value do not count): put some into it, or give a file or a glob", path)
	}
	return places(path, names)
}

func walk(path string) ([]string, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, openError(path, err)
	}
	var names []string
	for _, e := range entries {
		name := filepath.Join(path, e.Name())
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			return nil, openError(name, err)
		}
		if info.IsDir() && strings.Contains(e.Name(), "=") {
			below, err := walk(name)
			if err != nil {
				return nil, err
			}
			names = append(names, below...)
		}
		if info.Mode().IsRegular() {
			names = append(names, name)
		}
	}
	return names, nil
}

// matches returns the files that match a glob; like a shell's, it gives hidden
// files only if the pattern's last part begins with a dot.
func matches(pattern string) ([]place, error) {
	found, err := filepath.Glob(pattern)
	if err != nil {
		return nil, param.Errorf(param.Invalid, "%s: malformed glob: %w", pattern, err)
	}
	hidden := strings.HasPrefix(filepath.Base(pattern), ".")
	var names []string
	for _, name := range found {
		info, err := os.Stat(name)
		if err != nil {
			return nil, openError(name, err)
		}
		if info.Mode().IsRegular() && (hidden || !strings.HasPrefix(filepath.Base(name), ".")) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, param.Errorf(param.Invalid, "%s: no file matches: correct the pattern", pattern)
	}
	root, _, _ := strings.Cut(pattern, "*")
	return places(filepath.Dir(root+"x"), names)
}

// places notes the keys of the folders below root.
func places(root string, names []string) ([]place, error) {
	slices.Sort(names)
	var all []place
	for _, name := range names {
		p := place{path: name}
		if root != "" {
			p.keys, p.values = hiveKeys(strings.TrimPrefix(name, root))
		}
		all = append(all, p)
	}
	return sameKeys(all)
}

// hiveKeys reads the key=value folders of a path.
func hiveKeys(path string) (keys, values []string) {
	parts := strings.Split(filepath.ToSlash(path), "/")
	for _, part := range parts[:len(parts)-1] {
		if key, value, ok := strings.Cut(part, "="); ok && key != "" {
			keys, values = append(keys, unescape(key)), append(values, unescape(value))
		}
	}
	return keys, values
}

// unescape reads the %XX that stand for characters which file names cannot have.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// sameKeys refuses files that are below folders of different keys: their rows
// would have different columns. Nor may a key be there twice, or a value be no
// text.
func sameKeys(all []place) ([]place, error) {
	for _, p := range all {
		for i, key := range p.keys {
			if slices.Contains(p.keys[:i], key) {
				return nil, param.Errorf(param.Invalid, "%s: two folders have the key %s: rename one of them", p.path, table.Quote(key))
			}
			if !utf8.ValidString(key + p.values[i]) {
				return nil, param.Errorf(param.Invalid, "%s: the name of the folder %s is not UTF-8: rename it", p.path, table.Quote(key+"="+p.values[i]))
			}
		}
	}
	for _, p := range all[1:] {
		if !slices.Equal(p.keys, all[0].keys) {
			return nil, param.Errorf(param.Invalid, "%s: its key=value folders are %q, those of %s are %q: move the files to folders of the same keys", p.path, p.keys, all[0].path, all[0].keys)
		}
	}
	return all, nil
}

// openError says why a path cannot be opened, naming it once.
func openError(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
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
