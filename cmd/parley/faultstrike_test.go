package main

import (
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// strike does what a fault says. One that finds nothing to do is noted, and not
// counted.
func (r *loopRun) strike(f fault) {
	verb, role, _ := strings.Cut(string(f.kind), " ")
	switch {
	case f.kind == killEverything || r.address == "": // one process: nothing else can happen to it
		r.killEverything(f)
		r.counts[killEverything]++
		return
	case f.kind == killServers:
		r.killServers(f)
		return
	case verb == "add":
		r.counts[f.kind]++
		r.note("%s: %s", f.kind, r.start(role).name)
		return
	}
	nodes := r.alive(role)
	if len(nodes) == 0 {
		r.note("%s: there is none", f.kind)
		return
	}
	r.counts[f.kind]++
	n := nodes[f.target%len(nodes)]
	r.note("%s: %s", f.kind, n.name)
	n.fault = f
	switch verb {
	case "kill":
		n.kill()
		r.replace(n, f.back)
	case "stop":
		n.cmd.Process.Signal(syscall.SIGSTOP)
		r.later(f.stopped, func() {
			r.note("%s goes on", n.name)
			n.cmd.Process.Signal(syscall.SIGCONT)
		})
	case "drain":
		n.cmd.Process.Signal(syscall.SIGTERM)
		n.leaving = true
	}
}

func (r *loopRun) killServers(f fault) {
	nodes := r.alive(roleServer)
	if len(nodes) == 0 {
		r.note("%s: there is none", f.kind)
		return
	}
	r.counts[f.kind]++
	r.note("%s", f.kind)
	for _, n := range nodes {
		n.kill()
		r.replace(n, f.back)
	}
}

// killEverything ends all processes and goes on from the last checkpoint, if there
// is one: in one process, or with a new cluster, which knows nothing of the old.
func (r *loopRun) killEverything(f fault) {
	r.note("%s", f)
	r.client().cmd.Process.Kill()
	<-r.client().done
	for _, n := range r.nodes {
		if !n.gone {
			n.kill()
		}
	}
	var rest []action // those of the faults stay, and replacements are void
	r.due, rest = nil, r.due
	for _, a := range rest {
		if a.fault {
			r.due = append(r.due, a)
		}
	}
	shape := []string{"--servers", strconv.Itoa(f.servers), "--trainers", strconv.Itoa(f.trainers)}
	if r.address == "" || f.embedded {
		r.address = ""
	} else {
		r.startCluster(f.servers, f.trainers)
		shape = []string{"--cluster", r.address}
	}
	r.train(append(r.goOn(), shape...)...)
}

// goOn is the command that goes on with the job.
func (r *loopRun) goOn() []string {
	found, _ := filepath.Glob(filepath.Join(r.output(), "checkpoints", "*", "manifest.json"))
	if len(found) > 0 {
		// The model may have been on its way when the client was killed.
		return []string{"resume", r.output(), "--json", "--force"}
	}
	r.note("there is no checkpoint yet: the job starts anew")
	return append(r.trainArgs(), "--force")
}
