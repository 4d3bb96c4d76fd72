package layers

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// requirement matches a direct requirement of go.mod: the path and the version
// with no comment behind.
var requirement = regexp.MustCompile(`(?m)^(?:require)?\s+(\S+\.\S+/\S+) v\S+$`)

// TestDependenciesHaveReasons holds go.mod to docs/adr/0001-dependencies.md.
func TestDependenciesHaveReasons(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	adr, err := os.ReadFile("../../docs/adr/0001-dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	found := requirement.FindAllSubmatch(mod, -1)
	for _, m := range found {
		if !strings.Contains(string(adr), "| "+string(m[1])+" |") {
			t.Errorf("go.mod requires %s, but docs/adr/0001-dependencies.md has no line that says why", m[1])
		}
	}
	for _, d := range dependencies {
		if !strings.Contains(string(adr), "| "+d.path) {
			t.Errorf("the table allows %s, but docs/adr/0001-dependencies.md has no line that says why", d.path)
		}
	}
}
