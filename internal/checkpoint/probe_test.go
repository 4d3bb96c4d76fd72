package checkpoint

import "testing"

// TestProbeNames: a job's name may have dots, and so its probe.
func TestProbeNames(t *testing.T) {
	for token, want := range map[string]bool{"a.b-1f": true, "": false, "a/b": false, "a b": false} {
		if _, err := probeFile(token); (err == nil) != want {
			t.Errorf("%q: %v", token, err)
		}
	}
}
