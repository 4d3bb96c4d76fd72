package linalg

import (
	"os"
	"os/exec"
	"regexp"
	"testing"
)

// TestNothingIsFused reads what the compiler makes of the package where it may
// fuse: a fused instruction means bits that differ from those of plain amd64.
func TestNothingIsFused(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the package for other targets")
	}
	fused := regexp.MustCompile(`(?m)^.*\.go:\d+\)\s+(VFN?M(ADD|SUB)\w+|FN?M(ADD|SUB)[SD])\s.*$`)
	for _, target := range []string{"GOARCH=arm64", "GOARCH=amd64 GOAMD64=v3"} {
		cmd := exec.Command("sh", "-c", "CGO_ENABLED=0 GOOS=linux "+target+" go build -gcflags=-S .")
		cmd.Env = os.Environ()
		listing, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", target, err, listing)
		}
		if len(listing) < 10_000 {
			t.Fatalf("%s: the listing has %d bytes only", target, len(listing))
		}
		for _, line := range fused.FindAllString(string(listing), 5) {
			t.Errorf("%s: %s", target, line)
		}
	}
}
