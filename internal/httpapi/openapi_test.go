package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// document is the OpenAPI document that a node serves.
func document(t *testing.T) (text []byte, operations map[string]operation) {
	t.Helper()
	w := ask(cluster().handler(), "GET", "/v1/openapi.json", "")
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]operation
	}
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || w.Code != 200 || doc.OpenAPI != "3.1.0" {
		t.Fatalf("%d %v: OpenAPI %q", w.Code, err, doc.OpenAPI)
	}
	operations = map[string]operation{}
	for path, methods := range doc.Paths {
		for method, o := range methods {
			operations[strings.ToUpper(method)+" "+path] = o
		}
	}
	return w.Body.Bytes(), operations
}

type operation struct {
	Summary    string
	Parameters []struct{ Name, In string }
	Responses  map[string]json.RawMessage
}

// TestRoutesAreDocumented: each route is in the document, and the reverse. Pages
// for people are not among them.
func TestRoutesAreDocumented(t *testing.T) {
	_, documented := document(t)
	var served []string
	for _, r := range (&api{metrics: newMetrics(Config{Reporter: cluster()})}).routes() {
		served = append(served, r.pattern)
	}
	for _, s := range served {
		o, ok := documented[s]
		if !ok || o.Summary == "" {
			t.Errorf("openapi.json says nothing of %s", s)
		}
		if named := slices.ContainsFunc(o.Parameters, func(p struct{ Name, In string }) bool { return p.Name == "id" && p.In == "path" }); named != strings.Contains(s, "{id}") {
			t.Errorf("%s: the id is a parameter: %t", s, named)
		}
	}
	for d := range documented {
		if !slices.Contains(served, d) {
			t.Errorf("openapi.json describes %s, which is not served", d)
		}
	}
}

// TestAnswersAreDocumented checks answers against the schemas of their code.
func TestAnswersAreDocumented(t *testing.T) {
	text, documented := document(t)
	root, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("openapi.json", root); err != nil {
		t.Fatal(err)
	}
	check := func(at string, answer []byte) {
		t.Helper()
		schema, err := compiler.Compile("openapi.json#" + at)
		if err != nil {
			t.Fatal(err)
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(answer))
		if err == nil {
			err = schema.Validate(v)
		}
		if err != nil {
			t.Errorf("%s: %v\n%s", at, err, answer)
		}
	}
	for _, c := range []struct{ method, path, asked, body, kind, code string }{
		{"GET", "/v1/members", "", "", "", "200"},
		{"GET", "/v1/jobs", "", "", "", "200"},
		{"GET", "/v1/jobs", "", "", "Origin: http://evil.example", "403"},
		{"GET", "/v1/jobs/{id}", "/v1/jobs/j-1", "", "", "200"},
		{"GET", "/v1/jobs/{id}", "/v1/jobs/none", "", "", "404"},
		{"GET", "/v1/jobs/{id}/events", "/v1/jobs/none/events", "", "", "404"},
		{"GET", "/v1/jobs/{id}/events", "/v1/jobs/j-1/events", "", "Last-Event-ID: x", "400"},
		{"POST", "/v1/jobs", "", jobJSON, asJSON, "201"},
		{"POST", "/v1/jobs", "", "a: 1", asYAML, "422"},
		{"POST", "/v1/jobs", "", "", "", "415"},
		{"POST", "/v1/jobs/{id}/stop", "/v1/jobs/j-1/stop", "{}", asJSON, "202"},
		{"POST", "/v1/jobs/{id}/stop", "/v1/jobs/j-1/stop", "[]", asJSON, "400"},
		{"POST", "/v1/jobs/{id}/resume", "/v1/jobs/j-1/resume", "{}", asJSON, "409"},
		{"POST", "/v1/jobs/{id}/scale", "/v1/jobs/j-1/scale", `{"servers": 2}`, asJSON, "202"},
		{"POST", "/v1/jobs/{id}/scale", "/v1/jobs/j-1/scale", "{}", asJSON, "400"},
	} {
		asked := c.asked
		if asked == "" {
			asked = c.path
		}
		w := ask(cluster().handler(), c.method, asked, c.body, c.kind)
		if http.StatusText(w.Code) == "" || documented[c.method+" "+c.path].Responses[c.code] == nil || !strings.HasPrefix(c.code, strings.Split(w.Result().Status, " ")[0]) {
			t.Errorf("%s %s: %d, want %s, which openapi.json must have", c.method, asked, w.Code, c.code)
			continue
		}
		at := "/paths/" + strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(c.path) + "/" + strings.ToLower(c.method) + "/responses/" + c.code + "/content/application~1json/schema"
		if w.Code >= 400 {
			at = "/components/schemas/Problem"
		}
		check(at, w.Body.Bytes())
	}
	for line := range strings.Lines(ask(story().handler(), "GET", "/v1/jobs/j-1/events", "").Body.String()) {
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			kind := "Event"
			if strings.HasPrefix(data, `{"job"`) {
				kind = "Job"
			} else if strings.HasPrefix(data, `{"phase"`) {
				kind = "Outcome"
			}
			check("/components/schemas/"+kind, []byte(data))
		}
	}
}

func TestProfiles(t *testing.T) {
	f := cluster()
	h := New(Config{Reporter: f, Director: f, Follower: f, Leads: func() bool { return false }, Pprof: true})
	if w := ask(h, "GET", "/debug/pprof/goroutine?debug=1", ""); w.Code != 200 || !strings.Contains(w.Body.String(), "goroutine profile") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	checkProblem(t, ask(h, "GET", "/debug/pprof/", "", "Host: evil.example"), 403, "evil.example")
}
