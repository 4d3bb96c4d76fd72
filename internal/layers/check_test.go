package layers

import (
	"fmt"
	"slices"
	"strings"
)

// check returns what is wrong with the packages, a message each, in order. A
// message says where the fault is, what is wrong and what to do.
func check(packages []*pkg) []string {
	var faults []string
	used := map[string]bool{}
	for _, p := range packages {
		if _, ok := layers[p.path]; !ok {
			faults = append(faults, fmt.Sprintf("package %s has no layer: add it to the table in internal/layers/table_test.go, as low as its imports allow", p.path))
			continue
		}
		for path, where := range p.imports {
			if fault := checkImport(p.path, path); fault != "" {
				faults = append(faults, fmt.Sprintf("%s: %s", where, fault))
			}
		}
		for path, where := range p.testImports {
			if fault := checkModule(p.path, path, true); fault != "" {
				faults = append(faults, fmt.Sprintf("%s: %s", where, fault))
			}
		}
		faults = append(faults, checkUses(p, used)...)
	}
	faults = append(faults, checkExcepted(packages, used)...)
	slices.Sort(faults)
	return faults
}

// checkImport returns what is wrong with pkg importing path, or "".
func checkImport(pkg, path string) string {
	own, isOwn := strings.CutPrefix(path, module+"/")
	for _, b := range bans {
		if b.applies(pkg) && within(own, b.imports) && own != pkg {
			return fmt.Sprintf("%s imports %s: %s", pkg, own, b.reason)
		}
	}
	if !isOwn {
		return checkModule(pkg, path, false)
	}
	from, to := layers[pkg], layers[own]
	if to == "" {
		return fmt.Sprintf("%s imports %s, which is not in the table of internal/layers/table_test.go", pkg, own)
	}
	if to >= from {
		return fmt.Sprintf("%s (layer %s) imports %s (layer %s), but imports go strictly down: declare the interface that %s needs in %s and let internal/node wire it, or move what both need to a lower layer",
			pkg, from, own, to, pkg, pkg)
	}
	return ""
}

// checkModule returns what is wrong with pkg importing the third-party path, or
// "" for one that it may import and for the standard library.
func checkModule(pkg, path string, test bool) string {
	first, _, _ := strings.Cut(path, "/")
	if !strings.Contains(first, ".") {
		return ""
	}
	for _, d := range dependencies {
		if !within(path, d.path) {
			continue
		}
		if d.users(pkg) || test {
			return ""
		}
		return fmt.Sprintf("%s may not import %s (%s): see the dependencies in internal/layers/table_test.go for who may", pkg, path, d.reason)
	}
	for _, d := range testDependencies {
		if within(path, d) && test {
			return ""
		}
		if within(path, d) {
			return fmt.Sprintf("%s imports %s, which is for tests alone", pkg, path)
		}
	}
	return fmt.Sprintf("%s imports %s, a new dependency: add a line to docs/adr/0001-dependencies.md and one to the dependencies in internal/layers/table_test.go, or do without", pkg, path)
}

// checkUses reports forbidden names that p mentions and notes in used which
// exceptions were needed.
func checkUses(p *pkg, used map[string]bool) []string {
	var faults []string
	for _, u := range p.uses {
		for _, f := range forbiddenUses {
			if u.importPath != f.importPath || !f.applies(p.path) {
				continue
			}
			key := fmt.Sprintf("%s %s.%s", p.path, u.importPath, u.name)
			switch {
			case u.name == ".":
				faults = append(faults, fmt.Sprintf("%s: a dot import of %s hides what is used of it", u.where, u.importPath))
			case !slices.Contains(f.names, u.name):
			case excepted[key] != "":
				used[key] = true
			default:
				faults = append(faults, fmt.Sprintf("%s: %s uses %s.%s: %s", u.where, p.path, u.importPath, u.name, f.reason))
			}
		}
	}
	return faults
}

// checkExcepted reports exceptions of the given packages that nothing needs.
func checkExcepted(packages []*pkg, used map[string]bool) []string {
	var faults []string
	for key := range excepted {
		path, _, _ := strings.Cut(key, " ")
		known := slices.ContainsFunc(packages, func(p *pkg) bool { return p.path == path })
		if known && !used[key] {
			faults = append(faults, fmt.Sprintf("the exception %q is not needed any more: remove it from internal/layers/table_test.go", key))
		}
	}
	return faults
}

// within reports whether path is prefix or lies below it.
func within(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}
