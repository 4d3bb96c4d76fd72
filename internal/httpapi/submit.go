package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"parley/internal/job"
	"parley/internal/param"
)

// maxBody bounds the body of a request, which is as much as a job file may have.
const maxBody = 1 << 20

// jobTypes are the content types of a job file. No form of a web page can send
// them.
var jobTypes = []string{"application/json", "application/yaml", "application/x-yaml", "text/yaml"}

// jsonAlone is of what else is posted.
var jsonAlone = []string{"application/json"}

// runID is what clients may call a run.
var runID = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,128}$`)

// submit starts the job whose file is the body.
func (a *api) submit(w http.ResponseWriter, q *http.Request) {
	text, ok := body(w, q, jobTypes)
	if !ok {
		return
	}
	j, err := parseJob(text)
	if err != nil {
		refuse(w, err, http.StatusUnprocessableEntity)
		return
	}
	a.begin(w, q, j, false)
}

// begin submits a job and answers with its id.
func (a *api) begin(w http.ResponseWriter, q *http.Request, j *job.Job, resume bool) {
	run := strings.Trim(q.Header.Get("Idempotency-Key"), `"`)
	if run != "" && !runID.MatchString(run) {
		problem(w, http.StatusBadRequest, "Idempotency-Key must be 1 to 128 of A-Z a-z 0-9 . _ : -")
		return
	}
	ctx, cancel := context.WithTimeout(q.Context(), askWithin)
	defer cancel()
	id, known, err := a.Director.Submit(ctx, j, resume, run)
	if err != nil {
		refuse(w, err, http.StatusUnprocessableEntity)
		return
	}
	code := http.StatusCreated
	if known {
		code = http.StatusOK
	}
	w.Header().Set("Location", "/v1/jobs/"+id)
	writeJSON(w, code, map[string]string{"job": id})
}

// parseJob reads a job file that comes from no folder.
func parseJob(text []byte) (*job.Job, error) {
	j, err := job.Parse("job.yaml", text, nil)
	if err != nil {
		return nil, err
	}
	if j.Model.Init != "" {
		return nil, param.Errorf(param.Invalid, "model.init: a job that goes on from an earlier model is submitted with parley train, which looks at the model first")
	}
	return j, j.CheckPlaces()
}

// stop asks a job to end.
func (a *api) stop(w http.ResponseWriter, q *http.Request) {
	id, err := idOf(q)
	if err != nil {
		refuse(w, err, http.StatusNotFound)
		return
	}
	text, ok := body(w, q, jsonAlone)
	if !ok {
		return
	}
	var order struct {
		Reason string `json:"reason"`
	}
	if err := json.Unmarshal(text, &order); err != nil || len(order.Reason) > 200 {
		problem(w, http.StatusBadRequest, `the body must be {} or {"reason": "..."}, of 200 characters at most`)
		return
	}
	if order.Reason == "" {
		order.Reason = "on request"
	}
	ctx, cancel := context.WithTimeout(q.Context(), askWithin)
	defer cancel()
	if err := a.Director.Stop(ctx, id, order.Reason); err != nil {
		refuse(w, err, http.StatusNotFound)
		return
	}
	writeJSON(w, http.StatusAccepted, map[string]string{"job": id})
}

// body reads a body of one of the content types, or answers why not.
func body(w http.ResponseWriter, q *http.Request, types []string) ([]byte, bool) {
	kind, _, err := mime.ParseMediaType(q.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(types, kind) {
		problem(w, http.StatusUnsupportedMediaType, "the Content-Type must be "+strings.Join(types, " or "))
		return nil, false
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, q.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		problem(w, http.StatusRequestEntityTooLarge, "the body is larger than 1 MiB")
	case err != nil:
		problem(w, http.StatusBadRequest, "the body did not come: "+err.Error())
	}
	return text, err == nil
}
