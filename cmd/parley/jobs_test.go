package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// TestJobCommands goes through the commands about jobs against one agent.
func TestJobCommands(t *testing.T) {
	t.Parallel()
	p, c := newPlace(t), startCluster(t, "coordinator,ps,trainer")
	at := func(args ...string) []string { return append(args, "--cluster", c.address()) }
	if out := p.ok(at("status")...); !strings.Contains(out, c.nodes[0].Node) || !strings.Contains(out, "no jobs\n") {
		t.Errorf("status:\n%s", out)
	}
	p.ok("train", "job.yaml")
	id := strings.TrimSpace(p.ok(at("train", "job.yaml", "--detach")...))
	if out := p.ok(at("wait", id)...); out != "job "+id+" is done\n" {
		t.Errorf("wait: %s", out)
	}

	out := p.ok(at("job", "fetch", id, "fetched")...)
	if r := p.report("fetched"); r.ModelSHA256 != p.report("out").ModelSHA256 || !strings.Contains(out, "fetched/model  (SHA-256 "+r.ModelSHA256+")\n") {
		t.Errorf("the model that was fetched has another hash:\n%s", out)
	}
	p.ok("model", "verify", "fetched")
	checkEvents(t, p.read("fetched/events.jsonl"))
	p.refused(exitUsage, "fetched/model already holds a finished model: choose another output, or replace it with --force", at("job", "fetch", id, "fetched")...)
	p.ok(at("job", "fetch", id, "fetched", "--force")...)

	for _, call := range []struct{ name, want string }{
		{"show", "phase     done\n"}, {"show", "epoch     2 of 2\n"}, {"show", "  saved "},
		{"why", "job " + id + " is done: it waits for nobody\nrestarts: 0\n"},
		{"profile", "job " + id + ": milliseconds of a round, by worker\n"}, {"profile", "\nan epoch has "}, {"profile", "straggler"},
		{"stop", "job " + id + " was over before: it is done\n"},
	} {
		if out := p.ok(at("job", call.name, id)...); !strings.Contains(out, call.want) {
			t.Errorf("job %s: no %q in\n%s", call.name, call.want, out)
		}
		p.refused(exitUsage, `no job "nobody-0" here: parley status lists the jobs that this cluster remembers`, at("job", call.name, "nobody-0")...)
	}
	p.refused(exitUsage, "job "+id+" is over (done): there is nothing to scale", at("job", "scale", id, "--servers", "1")...)
	p.refused(exitUsage, `no job "nobody-0" here: parley status lists the jobs that this cluster remembers`, at("job", "scale", "nobody-0", "--servers", "1")...)
	for _, args := range [][]string{at("status"), at("job", "show", id), at("job", "why", id)} {
		var s struct {
			Members []struct{ Node string }
			Jobs    []struct {
				Job, Phase string
				Events     []struct{ Kind string }
			}
		}
		if err := json.Unmarshal([]byte(p.ok(append(args, "--json")...)), &s); err != nil || len(s.Members) != 1 || len(s.Jobs) != 1 || s.Jobs[0].Job != id || s.Jobs[0].Phase != "done" || len(s.Jobs[0].Events) == 0 && args[0] == "job" {
			t.Errorf("%v --json: %v, %+v", args, err, s)
		}
	}

	var profile jobProfile
	if err := json.Unmarshal([]byte(p.ok(at("job", "profile", id, "--json")...)), &profile); err != nil || profile.Job != id || len(profile.Workers) == 0 {
		t.Fatalf("profile: %v, %+v", err, profile)
	}
	for _, w := range profile.Workers {
		if s := w.Seconds; w.Node != c.nodes[0].Node || w.Rounds != 2*profile.PerEpoch || s.Read <= 0 || s.Compute <= 0 || s.Push <= 0 || s.Wait <= 0 || s.Pull < 0 {
			t.Errorf("profile of a worker: %+v", w)
		}
	}

	id = strings.TrimSpace(p.ok(at("train", "job.yaml", "--detach", "run.epochs=1000000")...))
	c.poll(t, 20*time.Second, "training", reached(3))
	if o := p.run(at("job", "fetch", id, "early")...); o.code != exitFailed || o.stderr != "parley: job "+id+" is training: only a job that is done has a model\n" || p.exists("early") {
		t.Errorf("fetch of a job that runs: exit code %d: %s", o.code, o.stderr)
	}
	p.refused(exitUsage, "how many? give --servers, --trainers or both", at("job", "scale", id)...)
	p.refused(exitUsage, "--servers and --trainers must be 0 to 65536", at("job", "scale", id, "--servers", "-1")...)
	if out := p.ok(at("job", "scale", id, "--servers", "1", "--trainers", "2")...); out != "job "+id+" uses at most 1 server, 2 trainers\n" {
		t.Errorf("scale: %s", out)
	}
	if out := p.ok(at("job", "show", id)...); !strings.Contains(out, "scale       the job uses at most 1 server and at most 2 trainers\n") {
		t.Errorf("show:\n%s", out)
	}
	if o := p.run(at("wait", id, "--timeout", "300ms")...); o.code != exitFailed || !strings.Contains(o.stderr, "parley: job "+id+" is not over after 300ms: ") {
		t.Errorf("wait for a job that runs: exit code %d: %s", o.code, o.stderr)
	}
	p.refused(exitUsage, "give the IDs of jobs, which parley status lists (see parley wait --help)", at("wait")...)
	p.refused(exitUsage, `no job "nobody-0" here: parley status lists the jobs that this cluster remembers`, at("wait", "nobody-0")...)
	p.refused(exitUsage, `no job "nobody-0" here: parley status lists the jobs that this cluster remembers`, at("wait", "nobody-0", "--json")...)
	if out := p.ok(at("job", "stop", id)...); out != "job "+id+" is stopped\n" {
		t.Errorf("stop: %s", out)
	}
	if o := p.run(at("wait", id)...); o.code != exitFailed || o.stdout != "job "+id+" is stopped: stopped: on request\n" || o.stderr != "parley: 1 of 1 jobs are not done\n" {
		t.Errorf("wait for a job that was stopped: exit code %d: %s%s", o.code, o.stdout, o.stderr)
	}
	if out := p.ok(at("job", "why", id)...); !strings.HasPrefix(out, "job "+id+" is over: stopped: on request\n") {
		t.Errorf("why:\n%s", out)
	}
	if out := p.ok(at("status")...); !strings.Contains(out, "stopped: on request") {
		t.Errorf("status:\n%s", out)
	}
}
