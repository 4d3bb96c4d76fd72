package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"parley/coordinator"
	"parley/internal/job"
)

// resume submits a job that is over, and not done, again: it goes on from its last
// checkpoint.
func (a *api) resume(w http.ResponseWriter, q *http.Request) {
	if _, ok := body(w, q, jsonAlone); !ok {
		return
	}
	found, err := a.find(q)
	if err != nil {
		refuse(w, err, http.StatusNotFound)
		return
	}
	switch {
	case !found.Over():
		problem(w, http.StatusConflict, fmt.Sprintf("job %s is %s: only a job that has failed or was stopped can be resumed", found.ID, found.Phase))
		return
	case coordinator.Phase(found.Phase) == coordinator.Done:
		problem(w, http.StatusConflict, fmt.Sprintf("job %s is done: there is nothing to resume", found.ID))
		return
	}
	j, err := job.Decode(found.Spec)
	if err != nil {
		refuse(w, err, http.StatusUnprocessableEntity)
		return
	}
	a.begin(w, q, j, true)
}

// maxScale is the most nodes that can be asked for.
const maxScale = 1 << 16

// scale bounds how many nodes a job uses.
func (a *api) scale(w http.ResponseWriter, q *http.Request) {
	text, ok := body(w, q, jsonAlone)
	if !ok {
		return
	}
	var to struct {
		Servers  int `json:"servers"`
		Trainers int `json:"trainers"`
	}
	if err := json.Unmarshal(text, &to); err != nil || min(to.Servers, to.Trainers) < 0 || max(to.Servers, to.Trainers) > maxScale || to.Servers+to.Trainers == 0 {
		problem(w, http.StatusBadRequest, `the body must be {"servers": N, "trainers": N}, one of them at least, of 1 to 65536`)
		return
	}
	found, err := a.find(q)
	if err != nil {
		refuse(w, err, http.StatusNotFound)
		return
	}
	ctx, cancel := context.WithTimeout(q.Context(), askWithin)
	defer cancel()
	if err := a.Director.Scale(ctx, found.ID, to.Servers, to.Trainers); err != nil {
		refuse(w, err, http.StatusConflict) // it is over
		return
	}
	writeJSON(w, http.StatusAccepted, map[string]string{"job": found.ID})
}
