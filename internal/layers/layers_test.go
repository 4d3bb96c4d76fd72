// Package layers holds the test that keeps the module's packages in their
// layers: imports go strictly down, cores know no sockets and no clocks, and
// every third-party module has its users and its reason. table_test.go is the
// table; check_test.go compares the module with it.
//
// The test reads source files rather than asking the go command, so that it
// sees the files of every platform at once.
package layers

import (
	"os"
	"strings"
	"testing"
)

func TestModuleKeepsItsLayers(t *testing.T) {
	packages, err := load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) < 5 {
		t.Fatalf("found %d packages: the test looks in the wrong place", len(packages))
	}
	for _, fault := range check(packages) {
		t.Error(fault)
	}
}

// TestCheckFinds holds the checker to each rule, on packages that break it.
func TestCheckFinds(t *testing.T) {
	for name, test := range map[string]struct {
		pkg  *pkg
		want string // in the only fault; empty for none
	}{
		"down":             {imports("trainer", "parley/internal/batch"), ""},
		"up":               {imports("internal/batch", "parley/trainer"), "internal/batch (layer 1a) imports trainer (layer 3)"},
		"sideways":         {imports("internal/batch", "parley/internal/job"), "imports internal/job (layer 1a)"},
		"unknown package":  {imports("internal/util"), "add it to the table"},
		"unknown import":   {imports("trainer", "parley/internal/util"), "imports internal/util, which is not in the table"},
		"trainer to ps":    {imports("trainer", "parley/ps"), "servers know parameters alone"},
		"below a ban":      {imports("trainer", "parley/ps/optim"), "servers know parameters alone"},
		"linear to optim":  {imports("trainer/linear", "parley/ps/optim"), "servers know parameters alone"},
		"ps to optim":      {imports("ps", "parley/ps/optim"), ""},
		"driver to core":   {imports("ps/psclient", "parley/trainer"), ""},
		"wire in a core":   {imports("ps", "parley/proto/parley/v1"), "generated types stay at the edge"},
		"wire in rpc":      {imports("internal/rpc", "parley/proto/parley/v1", "google.golang.org/grpc/codes"), ""},
		"grpc in cluster":  {imports("internal/cluster", "google.golang.org/grpc"), "gRPC belongs to drivers"},
		"net in a core":    {imports("coordinator", "net/netip"), "its driver owns the network"},
		"net in a driver":  {imports("ps/psserver", "net"), ""},
		"a like name":      {imports("trainer", "network"), ""},
		"rand":             {imports("trainer", "math/rand/v2"), "(seed, purpose, position)"},
		"signals":          {imports("internal/node", "os/signal"), "handles signals"},
		"cgo":              {imports("internal/linalg", "C"), "no cgo"},
		"node in sim":      {imports("internal/sim", "parley/internal/node"), "of cores alone"},
		"memberlist":       {imports("internal/node", "github.com/hashicorp/memberlist"), "may not import github.com/hashicorp/memberlist"},
		"unknown module":   {imports("trainer", "example.com/x"), "docs/adr"},
		"test module":      {tests("trainer", "github.com/google/go-cmp/cmp"), ""},
		"test module used": {imports("trainer", "github.com/google/go-cmp/cmp"), "for tests alone"},
		"unknown in tests": {tests("trainer", "example.com/x"), "docs/adr"},
		"clock in a core":  {source("ps", `import "time"; var _ = time.Now`), "time.Now"},
		"renamed clock":    {source("ps", `import t "time"; func f() { t.Sleep(1) }`), "time.Sleep"},
		"dot import":       {source("ps", `import . "time"; var _ = Now`), "dot import of time"},
		"duration":         {source("ps", `import "time"; const x = time.Second`), ""},
		"not the package":  {source("ps", `var time struct{ Now int }; var _ = time.Now`), ""},
		"clock in driver":  {source("ps/psserver", `import "time"; var _ = time.Now`), ""},
		"exit":             {source("internal/node", `import "os"; func f() { os.Exit(1) }`), "os.Exit"},
		"exit in cmd":      {source("cmd/parley", `import "os"; func f() { os.Exit(1) }`), ""},
	} {
		faults := check([]*pkg{test.pkg})
		switch {
		case test.want == "" && len(faults) > 0:
			t.Errorf("%s: unexpected faults %q", name, faults)
		case test.want != "" && (len(faults) != 1 || !strings.Contains(faults[0], test.want)):
			t.Errorf("%s: faults %q, want one with %q", name, faults, test.want)
		}
	}
}

// TestCheckFindsNeedlessException removes the use that an exception is for.
func TestCheckFindsNeedlessException(t *testing.T) {
	excepted["ps time.Now"] = "a test"
	defer delete(excepted, "ps time.Now")
	used := source("ps", `import "time"; var _ = time.Now`)
	if faults := check([]*pkg{used}); len(faults) > 0 {
		t.Errorf("unexpected faults %q", faults)
	}
	faults := check([]*pkg{imports("ps")})
	if len(faults) != 1 || !strings.Contains(faults[0], "not needed any more") {
		t.Errorf("faults %q, want one of the exception", faults)
	}
}

func imports(path string, imports ...string) *pkg {
	p := &pkg{path: path, imports: map[string]string{}}
	for _, i := range imports {
		p.imports[i] = path + "/x.go:3"
	}
	return p
}

func tests(path string, imports ...string) *pkg {
	p := &pkg{path: path, testImports: map[string]string{}}
	for _, i := range imports {
		p.testImports[i] = path + "/x_test.go:3"
	}
	return p
}

// source is a package of one file.
func source(path, text string) *pkg {
	p := &pkg{path: path}
	if err := p.parse(path+"/x.go", []byte("package x; "+text)); err != nil {
		panic(err)
	}
	return p
}
