package httpapi

import (
	"encoding/json"
	"slices"
	"testing"

	"parley/internal/param"
)

func TestResume(t *testing.T) {
	j, err := parseJob([]byte(jobYAML))
	if err != nil {
		t.Fatal(err)
	}
	over := func(phase string) *fake {
		f := cluster()
		f.job.Phase, f.job.Spec = phase, j.Canonical()
		return f
	}
	for _, phase := range []string{"failed", "stopped"} {
		f := over(phase)
		w := ask(f.handler(), "POST", "/v1/jobs/j-1/resume", "{}", asJSON, "Idempotency-Key: again")
		if w.Code != 201 || w.Header().Get("Location") != "/v1/jobs/j-1" || len(f.submitted) != 1 || !f.resumed[0] || f.runs[0] != "again" || f.submitted[0].Data.Train.Path != "/a.svm" {
			t.Errorf("%s: %d %s; submitted %+v, %v, %v", phase, w.Code, w.Body, f.submitted, f.resumed, f.runs)
		}
	}
	for _, c := range []struct {
		phase, path, kind, has string
		code                   int
	}{
		{"training", "/v1/jobs/j-1/resume", asJSON, "job j-1 is training: only a job that has failed or was stopped", 409},
		{"done", "/v1/jobs/j-1/resume", asJSON, "nothing to resume", 409},
		{"failed", "/v1/jobs/none/resume", asJSON, "no job", 404},
		{"failed", "/v1/jobs/..%2fj/resume", asJSON, "", 404},
		{"failed", "/v1/jobs/j-1/resume", "Content-Type: text/plain", "Content-Type", 415},
	} {
		f := over(c.phase)
		checkProblem(t, ask(f.handler(), "POST", c.path, "{}", c.kind), c.code, c.has)
		if f.submitted != nil {
			t.Errorf("%s of a job that is %s: submitted", c.path, c.phase)
		}
	}
	f := over("failed")
	f.job.Spec = json.RawMessage(`{}`)
	checkProblem(t, ask(f.handler(), "POST", "/v1/jobs/j-1/resume", "{}", asJSON), 422, "")
	checkProblem(t, ask(over("failed").handler(), "POST", "/v1/jobs/j-1/resume", "{}", asJSON, "Idempotency-Key: a b"), 400, "Idempotency-Key")
}

func TestScale(t *testing.T) {
	f := cluster()
	for _, body := range []string{`{"servers": 2}`, `{"trainers": 3}`, `{"servers": 1, "trainers": 65536}`} {
		if w := ask(f.handler(), "POST", "/v1/jobs/j-1/scale", body, asJSON); w.Code != 202 || w.Body.String() != `{"job":"j-1"}` {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	if want := []string{"j-1 2 0", "j-1 0 3", "j-1 1 65536"}; !slices.Equal(f.scaled, want) {
		t.Errorf("scaled %q, want %q", f.scaled, want)
	}
	f = cluster()
	for _, body := range []string{"", "[]", "{}", `{"servers": -1}`, `{"servers": -1, "trainers": 2}`, `{"trainers": 65537}`, `{"servers": 1.5}`, `{"servers": "2"}`} {
		checkProblem(t, ask(f.handler(), "POST", "/v1/jobs/j-1/scale", body, asJSON), 400, "one of them at least")
	}
	checkProblem(t, ask(f.handler(), "POST", "/v1/jobs/none/scale", `{"servers": 1}`, asJSON), 404, "no job")
	checkProblem(t, ask(f.handler(), "POST", "/v1/jobs/j-1/scale", `{"servers": 1}`, "Content-Type: text/plain"), 415, "")
	f.job.Phase = "done"
	checkProblem(t, ask(f.handler(), "POST", "/v1/jobs/j-1/scale", `{"servers": 1}`, asJSON), 409, "is over")
	f.err = param.Errorf(param.Retryable, "no coordinator")
	checkProblem(t, ask(f.handler(), "POST", "/v1/jobs/j-1/scale", `{"servers": 1}`, asJSON), 503, "no coordinator")
	if f.scaled != nil {
		t.Errorf("scaled %q", f.scaled)
	}
}
