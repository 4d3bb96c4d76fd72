package httpapi

import (
	"slices"
	"strings"
	"testing"

	"parley/internal/param"
)

const (
	jobYAML = "name: j\ndata: {train: {path: /a.svm}}\nmodel: {kind: logistic}\noutput: /out\n"
	jobJSON = `{"name": "j", "data": {"train": {"path": "/a.svm"}}, "model": {"kind": "logistic"}, "output": "/out"}`
	asJSON  = "Content-Type: application/json"
	asYAML  = "Content-Type: application/yaml; charset=utf-8"
)

func TestSubmit(t *testing.T) {
	f := cluster()
	h := f.handler()
	for i, c := range []struct {
		body    string
		headers []string
		code    int
		run     string
	}{
		{jobYAML, []string{asYAML}, 201, ""},
		{jobJSON, []string{asJSON, `Idempotency-Key: "nightly:1"`}, 200, "nightly:1"},
		{jobJSON, []string{asJSON, `Idempotency-Key: nightly:1`, "Origin: http://127.0.0.1:80"}, 200, "nightly:1"},
	} {
		w := ask(h, "POST", "/v1/jobs", c.body, c.headers...)
		if w.Code != c.code || w.Body.String() != `{"job":"j-1"}` || w.Header().Get("Location") != "/v1/jobs/j-1" {
			t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
		}
		if len(f.runs) != i+1 || f.runs[i] != c.run || f.submitted[i].Data.Train.Path != "/a.svm" {
			t.Errorf("submitted %+v as %q", f.submitted, f.runs)
		}
	}
}

func TestSubmitRefusals(t *testing.T) {
	for _, c := range []struct {
		name, body string
		headers    []string
		code       int
		has        string
	}{
		{"form", "name=j", []string{"Content-Type: application/x-www-form-urlencoded"}, 415, "Content-Type must be application/json or"},
		{"text", jobYAML, []string{"Content-Type: text/plain"}, 415, "Content-Type"},
		{"no type", jobYAML, nil, 415, "Content-Type"},
		{"another site", jobJSON, []string{asJSON, "Origin: https://evil.example"}, 403, "another site"},
		{"another site without its name", jobJSON, []string{asJSON, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"}, 403, "another site"},
		{"large", strings.Repeat("#", 10<<20), []string{asYAML}, 413, "1 MiB"},
		{"deep", strings.Repeat("[", 1<<20), []string{asJSON}, 422, ""},
		{"aliases", "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b]\n", []string{asYAML}, 422, ""},
		{"empty", "", []string{asYAML}, 422, ""},
		{"unknown key", jobYAML + "runn: {}\n", []string{asYAML}, 422, "job.yaml:5"},
		{"wrong type", strings.Replace(jobJSON, `"/out"`, "7", 1), []string{asJSON}, 422, "output"},
		{"a path that hangs on a folder", strings.Replace(jobYAML, "/a.svm", "../a.svm", 1), []string{asYAML}, 422, "data.train.path: must be an absolute path or a URL"},
		{"an earlier model", strings.Replace(jobYAML, "logistic", "logistic, init: /m", 1), []string{asYAML}, 422, "submitted with parley train"},
		{"run id", jobYAML, []string{asYAML, "Idempotency-Key: a b"}, 400, "Idempotency-Key"},
		{"long run id", jobYAML, []string{asYAML, "Idempotency-Key: " + strings.Repeat("x", 129)}, 400, "Idempotency-Key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := cluster()
			checkProblem(t, ask(f.handler(), "POST", "/v1/jobs", c.body, c.headers...), c.code, c.has)
			if f.submitted != nil {
				t.Error("it was submitted")
			}
		})
	}
	w := ask(cluster().handler(), "POST", "/v1/jobs", jobYAML+"runn: {}\n", asYAML)
	if !strings.Contains(w.Body.String(), `"faults":[{"key":"`) || !strings.Contains(w.Body.String(), `"where":"job.yaml:5"`) {
		t.Errorf("the faults of a job are not listed: %s", w.Body)
	}
	f := cluster()
	f.err = param.Errorf(param.Invalid, "run was submitted before with another job")
	checkProblem(t, ask(f.handler(), "POST", "/v1/jobs", jobYAML, asYAML), 422, "with another job")
	f.err = param.Errorf(param.Full, "the cluster has no room for another job")
	checkProblem(t, ask(f.handler(), "POST", "/v1/jobs", jobYAML, asYAML), 429, "no room")
}

func TestStop(t *testing.T) {
	f := cluster()
	for _, body := range []string{"{}", `{"reason":"too slow"}`} {
		if w := ask(f.handler(), "POST", "/v1/jobs/j-1/stop", body, asJSON); w.Code != 202 || w.Body.String() != `{"job":"j-1"}` {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	if want := []string{"j-1: on request", "j-1: too slow"}; !slices.Equal(f.stopped, want) {
		t.Errorf("stopped %q, want %q", f.stopped, want)
	}
	f = cluster()
	for _, c := range []struct {
		path, body, kind string
		code             int
	}{
		{"/v1/jobs/none/stop", "{}", asJSON, 404},
		{"/v1/jobs/..%2fj/stop", "{}", asJSON, 404},
		{"/v1/jobs/j-1/stop", "reason=x", "Content-Type: application/x-www-form-urlencoded", 415},
		{"/v1/jobs/j-1/stop", "", "Content-Type: text/plain", 415},
		{"/v1/jobs/j-1/stop", "", asJSON, 400},
		{"/v1/jobs/j-1/stop", "[]", asJSON, 400},
		{"/v1/jobs/j-1/stop", `{"reason":"` + strings.Repeat("x", 201) + `"}`, asJSON, 400},
	} {
		checkProblem(t, ask(f.handler(), "POST", c.path, c.body, c.kind), c.code, "")
	}
	if f.stopped != nil {
		t.Errorf("stopped %q", f.stopped)
	}
}
