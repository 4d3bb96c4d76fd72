package node

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"parley/internal/artifact"
	"parley/internal/httpapi"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
)

// web asks the HTTP endpoint of a node.
type web struct {
	t    *testing.T
	base string
}

func (w web) do(method, path, body string, headers ...string) *http.Response {
	w.t.Helper()
	q, err := http.NewRequestWithContext(w.t.Context(), method, w.base+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		q.Header.Set(headers[i], headers[i+1])
	}
	reply, err := http.DefaultClient.Do(q)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { reply.Body.Close() })
	return reply
}

// text returns the body of an answer that has to have this code.
func (w web) text(code int, reply *http.Response) string {
	w.t.Helper()
	text, err := io.ReadAll(reply.Body)
	if err != nil || reply.StatusCode != code {
		w.t.Fatalf("%s, want %d: %v %s", reply.Status, code, err, text)
	}
	return string(text)
}

// submit posts the job file of a job and returns the id.
func (w web) submit(code int, spec []byte, run string) string {
	w.t.Helper()
	var submitted struct{ Job string }
	text := w.text(code, w.do("POST", "/v1/jobs", string(spec), "Content-Type", "application/json", "Idempotency-Key", run))
	if err := json.Unmarshal([]byte(text), &submitted); err != nil || submitted.Job == "" {
		w.t.Fatalf("%v: %s", err, text)
	}
	return submitted.Job
}

// follow reads the events of a job from the one after last to the end.
func (w web) follow(id, last string) (ids, kinds []string, outcome httpapi.Outcome) {
	w.t.Helper()
	lines := bufio.NewScanner(w.do("GET", "/v1/jobs/"+id+"/events", "", "Last-Event-ID", last).Body)
	lines.Buffer(nil, 1<<20)
	message := ""
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "id":
			ids = append(ids, value)
		case "event":
			message = value
		case "data":
			var e artifact.Event
			var err error
			switch message {
			case "event":
				err = json.Unmarshal([]byte(value), &e)
				kinds = append(kinds, string(e.Kind))
			case "outcome":
				err = json.Unmarshal([]byte(value), &outcome)
			}
			if err != nil {
				w.t.Fatalf("%s: %v: %s", message, err, value)
			}
		}
	}
	if err := lines.Err(); err != nil {
		w.t.Fatal(err)
	}
	return ids, kinds, outcome
}

// TestHTTP submits jobs to a node that is not the coordinator, follows one to its
// end and stops the other.
func TestHTTP(t *testing.T) {
	c := startClusterWith(t, rpc.NewInProcess(), "127.0.0.1:0", "coordinator,ps", "trainer")
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	leader, other := web{t, "http://" + c.nodes["0"].HTTP()}, web{t, "http://" + c.nodes["1"].HTTP()}
	path := dataset(t, 400)
	spec := []byte(`{"name": "web", "data": {"train": {"path": "` + path + `"}}, "model": {"kind": "logistic"}, "run": {"epochs": 3, "batch": 16, "workers": 2}, "output": "` + t.TempDir() + `"}`)
	id := other.submit(201, spec, "run-1")
	if again := leader.submit(200, spec, "run-1"); again != id {
		t.Errorf("the run was submitted again as %s, not %s", again, id)
	}
	ids, kinds, outcome := other.follow(id, "")
	if told := strings.Join(kinds, " "); outcome.Phase != "done" || !strings.HasPrefix(told, "profile assignment") || !strings.HasSuffix(told, "saved end") || strings.Count(told, "epoch") != 3 {
		t.Errorf("%+v after %s", outcome, told)
	}
	var report artifact.Report
	if err := json.Unmarshal(outcome.Report, &report); err != nil || report.Rows != 400 || len(report.ModelSHA256) != 64 {
		t.Errorf("report %+v: %v", report, err)
	}
	if later, _, _ := leader.follow(id, ids[2]); strings.Join(later, " ") != strings.Join(ids[3:], " ") {
		t.Errorf("after event %s: %v, want %v", ids[2], later, ids[3:])
	}

	var j httpapi.Job
	if err := json.Unmarshal([]byte(other.text(200, other.do("GET", "/v1/jobs/"+id, ""))), &j); err != nil {
		t.Fatal(err)
	}
	if j.Phase != "done" || j.Rows != 1200 || j.Loss == nil || j.Pushed != report.Bytes.Pushed || j.Pulled != report.Bytes.Pulled || j.Pushed == 0 || len(j.Events) == 0 || len(j.Spec) == 0 {
		t.Errorf("job %+v", j)
	}
	if text := leader.text(200, leader.do("GET", "/metrics", "")); !strings.Contains(text, `parley_job_rows{parley_job="`+id+`"} 1200`) || !strings.Contains(text, `parley_cluster_members{role="trainer"} 1`) ||
		!strings.Contains(text, `parley_job_checkpoint_interval_seconds{parley_job="`+id+`"} 30`) || !strings.Contains(text, "parley_node_disk_free_bytes ") && runtime.GOOS == "linux" {
		t.Errorf("metrics of the coordinator:\n%s", text)
	}
	if text := other.text(200, other.do("GET", "/metrics", "")); strings.Contains(text, "parley_job_") || !strings.Contains(text, "parley_node_ready 1") {
		t.Errorf("metrics of another node:\n%s", text)
	}

	endless := other.submit(201, []byte(strings.Replace(string(spec), `"epochs": 3`, `"epochs": 1000000`, 1)), "run-2")
	trains := func(id string) {
		t.Helper()
		if err := until(t.Context(), c.connect(), func(jobs map[string]*parleyv1.JobStatus) bool { return jobs[id].GetRows() > 0 }); err != nil {
			t.Fatal(err)
		}
	}
	stop := func(id string) {
		t.Helper()
		other.text(202, other.do("POST", "/v1/jobs/"+id+"/stop", `{"reason": "seen enough"}`, "Content-Type", "application/json"))
		if _, _, outcome := leader.follow(id, ""); outcome.Phase != "stopped" || !strings.Contains(outcome.Cause, "seen enough") {
			t.Errorf("outcome %+v", outcome)
		}
	}
	trains(endless)
	other.text(202, other.do("POST", "/v1/jobs/"+endless+"/scale", `{"servers": 1, "trainers": 1}`, "Content-Type", "application/json"))
	other.text(409, other.do("POST", "/v1/jobs/"+endless+"/resume", `{}`, "Content-Type", "application/json"))
	stop(endless)
	other.text(409, other.do("POST", "/v1/jobs/"+endless+"/scale", `{"servers": 1}`, "Content-Type", "application/json"))
	var resumed struct{ Job string }
	if err := json.Unmarshal([]byte(other.text(201, other.do("POST", "/v1/jobs/"+endless+"/resume", `{}`, "Content-Type", "application/json"))), &resumed); err != nil || resumed.Job == endless {
		t.Fatalf("resumed as %q: %v", resumed.Job, err)
	}
	trains(resumed.Job)
	stop(resumed.Job)
	if text := other.text(200, other.do("GET", "/v1/jobs/"+resumed.Job, "")); !strings.Contains(text, "from round ") || strings.Contains(text, "from round 0") {
		t.Errorf("a job that is resumed begins anew: %s", text)
	}
	other.text(422, other.do("POST", "/v1/jobs", string(spec[:40]), "Content-Type", "application/json"))
	other.text(404, other.do("GET", "/v1/jobs/nobody-0", ""))
	other.text(404, other.do("GET", "/v1/jobs/nobody-0/events", ""))
}
