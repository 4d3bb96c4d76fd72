package job

import "testing"

func TestParentOf(t *testing.T) {
	for path, want := range map[string]string{
		"": "", "name": "", "run.epochs": "run", "data.features[2]": "data.features",
		"data.features[2].bins": "data.features[2]", "data.features[2].parts[10]": "data.features[2].parts",
		"]": "", "a.b]": "a",
	} {
		if got := parentOf(path); got != want {
			t.Errorf("parentOf(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestSplitIsUndoneByUnsplit(t *testing.T) {
	for _, path := range []string{
		"", "name", "run..epochs", "data.features[2].parts[0]", "data.features[0][1]", "data.features[0", "data.features[x]",
		"data.label.map.a.b[0].", "data.quality.range.", "nothing.at[3].all", "[1]", "data.features[9999999]",
	} {
		if got := unsplit(split(path)); got != path {
			t.Errorf("%q becomes %q", path, got)
		}
	}
	if steps := split("data.label.map.a.b[0]"); len(steps) != 4 || steps[3].key != "a.b[0]" {
		t.Errorf("a name of the data is split: %+v", steps)
	}
}
