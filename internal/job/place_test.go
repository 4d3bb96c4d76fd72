package job

import (
	"strings"
	"testing"

	"parley/internal/param"
)

func TestCheckPlaces(t *testing.T) {
	check := func(train, test, output, to string) error {
		t.Helper()
		j, err := Parse("job.yaml", []byte("data: {train: {path: "+train+"}, test: {path: "+test+"}}\nmodel: {kind: logistic}\nrun: {checkpoint: {to: "+to+"}}\noutput: "+output+"\n"), nil)
		if err != nil {
			t.Fatal(err)
		}
		return j.CheckPlaces()
	}
	if err := check("/a.svm", "s3://b/c.svm", "/out", "/elsewhere"); err != nil {
		t.Error(err)
	}
	err := check("a.svm", "../b.svm", "out", "later")
	if param.KindOf(err) != param.Invalid {
		t.Fatalf("error %v", err)
	}
	for _, key := range []string{"output", "run.checkpoint.to", "data.train.path", "data.test.path"} {
		if !strings.Contains(err.Error(), key+": must be an absolute path or a URL") {
			t.Errorf("no word of %s in\n%v", key, err)
		}
	}
	if err := check("/a.svm", "/b.svm", "out", "out/checkpoints"); err == nil || strings.Contains(err.Error(), "checkpoint") {
		t.Errorf("of an output alone: %v", err)
	}
}
