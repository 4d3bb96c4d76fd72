package layers

import (
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// pkg is what the files of one folder import and mention, on any platform.
type pkg struct {
	path        string            // within the module
	imports     map[string]string // where each path is imported first, file:line
	testImports map[string]string // of the tests
	uses        []use
}

// use is a mention of a name of an imported package.
type use struct{ importPath, name, where string }

// load reads the packages of the module at root, without nested modules.
func load(root fs.FS) ([]*pkg, error) {
	found := map[string]*pkg{}
	var packages []*pkg
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return enter(root, name)
		}
		if !strings.HasSuffix(name, ".go") || path.Dir(name) == "internal/layers" {
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		dir := path.Dir(name)
		if found[dir] == nil {
			found[dir] = &pkg{path: dir}
			packages = append(packages, found[dir])
		}
		return found[dir].parse(name, text)
	})
	return packages, err
}

// enter returns fs.SkipDir for folders that are not of the module.
func enter(root fs.FS, dir string) error {
	base := path.Base(dir)
	if dir == "." {
		return nil
	}
	if base == "testdata" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return fs.SkipDir
	}
	if _, err := fs.Stat(root, path.Join(dir, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

// parse adds a file to the package.
func (p *pkg) parse(name string, text []byte) error {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	if ignored(file) {
		return nil
	}
	where := func(n ast.Node) string {
		at := set.Position(n.Pos())
		return fmt.Sprintf("%s:%d", at.Filename, at.Line)
	}
	test := strings.HasSuffix(name, "_test.go")
	local := map[string]string{} // import path by local name
	for _, spec := range file.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		p.addImport(test, path, where(spec))
		local[localName(spec, path)] = path
		if spec.Name != nil && spec.Name.Name == "." && !test {
			p.uses = append(p.uses, use{path, ".", where(spec)})
		}
	}
	if test {
		return nil
	}
	ast.Inspect(file, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if id, ok := s.X.(*ast.Ident); ok && local[id.Name] != "" {
			p.uses = append(p.uses, use{local[id.Name], s.Sel.Name, where(s)})
		}
		return true
	})
	return nil
}

func (p *pkg) addImport(test bool, path, where string) {
	to := &p.imports
	if test {
		to = &p.testImports
	}
	if *to == nil {
		*to = map[string]string{}
	}
	if (*to)[path] == "" {
		(*to)[path] = where
	}
}

// localName is the name of an import within the file. For packages of the
// standard library, which the forbidden names are of, it is the last element.
func localName(spec *ast.ImportSpec, importPath string) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	return path.Base(importPath)
}

// ignored reports a file that no build includes, such as a generator.
func ignored(file *ast.File) bool {
	for _, group := range file.Comments {
		for _, c := range group.List {
			if c.Pos() > file.Package || !constraint.IsGoBuild(c.Text) {
				continue
			}
			if expr, err := constraint.Parse(c.Text); err == nil && expr.String() == "ignore" {
				return true
			}
		}
	}
	return false
}
