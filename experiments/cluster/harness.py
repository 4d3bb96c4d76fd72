"""What the experiments share: a cluster of containers, jobs on it, and what becomes of them.

scripts/experiments.sh sets the environment and cleans up. Only the standard library of Python is used.
"""
import calendar
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EXPERIMENTS = os.path.join(ROOT, "experiments")
CLUSTER = os.path.join(EXPERIMENTS, "cluster")
WORK = os.environ["PARLEY_WORK"]
PROJECT = os.environ["PARLEY_PROJECT"]
PARLEY = os.environ["PARLEY"]
READY_WITHIN = 30.0


class Missed(Exception):
    """A hash or a bar was missed, or the experiment itself went wrong."""


def expect(ok, text):
    if not ok:
        raise Missed(text)


def say(text):
    print(time.strftime("%H:%M:%S"), text, flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Cluster:
    """Containers of the compose files of experiments/cluster, and of more if an experiment has them."""

    def __init__(self, more=(), **environment):
        self.port, self.http = free_port(), free_port()
        self.files = ["docker-compose.yml", "experiment.yml", *more]
        # compose takes PWD for the folder of the data, as in README.md.
        self.environment = dict(os.environ, PWD=CLUSTER, PARLEY_PORT=str(self.port), PARLEY_HTTP_PORT=str(self.http), **environment)

    def compose(self, *args, timeout=120):
        command = [*os.environ["PARLEY_COMPOSE"].split(), "-p", PROJECT]
        for f in self.files:
            command += ["-f", f]
        done = subprocess.run([*command, *args], cwd=CLUSTER, env=self.environment, timeout=timeout, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        expect(done.returncode == 0, "docker-compose %s: %s" % (" ".join(args), done.stdout[-2000:]))
        return done.stdout

    def up(self, *services):
        """Starts services, without what they depend on, and waits until the cluster has them all."""
        began = time.monotonic()
        self.compose("up", "-d", "--no-deps", *services)
        nodes = [s for s in services if not s.startswith("link-")]
        while not set(nodes) <= set(self.members()):
            expect(time.monotonic() < began + READY_WITHIN, "%s are not members after %d s" % (services, READY_WITHIN))
            time.sleep(0.1)
        return time.monotonic() - began

    def down(self):
        self.compose("down", "-v", "--timeout", "1")

    def container(self, service):
        return self.compose("ps", "-q", service).strip()

    def docker(self, *args):
        done = subprocess.run(["docker", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        expect(done.returncode == 0, "docker %s: %s" % (" ".join(args), done.stdout[-2000:]))
        return done.stdout.strip()

    def network(self):
        return PROJECT + "_default"

    def get(self, path):
        """Asks the coordinator's HTTP endpoint; None when it does not answer."""
        try:
            with urllib.request.urlopen("http://127.0.0.1:%d%s" % (self.http, path), timeout=2) as reply:
                return json.load(reply)
        except (OSError, ValueError, urllib.error.URLError):
            return None

    def members(self):
        """Services that are members, with the roles of each; some advertise the link before them."""
        found = self.get("/v1/members")
        return {} if not found else {m["node"].split(":")[0].removeprefix("link-"): m["roles"] for m in found["members"]}


class Job:
    """One run of a job file on the cluster, sampled while it goes on."""

    def __init__(self, cluster, file, name, *overrides):
        self.output = os.path.join(WORK, name)
        self.log = open(self.output + ".log", "w+")
        self.samples, self.cluster = [], cluster
        self.began, self.submitted = time.monotonic(), time.time()
        self.process = subprocess.Popen(
            [PARLEY, "train", file, "output=" + self.output, "name=" + name, "run.checkpoint.to=/checkpoints/" + name, *overrides,
             "--json", "--cluster", "127.0.0.1:%d" % cluster.port], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log)
        self.name, self.over = name, threading.Event()
        self.thread = threading.Thread(target=self.sample, daemon=True)
        self.thread.start()

    def sample(self):
        while not self.over.wait(0.25):
            at, jobs = time.monotonic() - self.began, self.cluster.get("/v1/jobs")
            for j in (jobs or {}).get("jobs", []):
                # A coordinator that takes the job over has asked no server yet: round 0 is none of the job's.
                if j["name"] == self.name and (j["round"] > 0 or not self.samples or self.samples[-1]["round"] == 0):
                    self.samples.append({"seconds": round(at, 2), "phase": j["phase"], "rows": j["rows"], "loss": j["loss"], "round": j["round"], "rounds": j["rounds"]})

    def now(self):
        return time.monotonic() - self.began

    def running(self):
        return self.process.poll() is None

    def training(self, within=30):
        """Waits until the first round is there."""
        while not any(s["round"] > 0 for s in self.samples):
            expect(self.running() and self.now() < within, "the job does not train: " + self.said())
            time.sleep(0.05)

    def said(self):
        self.log.flush()
        with open(self.log.name) as f:
            return f.read()[-2000:]

    def end(self, within):
        """Waits for the end of the job and returns report.json, with the seconds that all took."""
        try:
            self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.process.terminate()
            self.process.wait(30)
            raise Missed("the job %s is not done after %d s: %s" % (self.name, self.now(), self.said()))
        finally:
            self.over.set()
            self.thread.join()
        expect(self.process.returncode == 0, "the job %s ended with exit code %d: %s" % (self.name, self.process.returncode, self.said()))
        return read_report(self.output)

    def events(self):
        with open(os.path.join(self.output, "events.jsonl")) as f:
            return [json.loads(line) for line in f]

    def when(self, event):
        """Seconds from the submission to an event."""
        text = event["time"]
        return round(calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) + float("0" + text[19:-1]) - self.submitted, 2)


def read_report(output):
    with open(os.path.join(output, "report.json")) as f:
        return json.load(f)


def embedded(file, *overrides):
    """The report of the same job in one process."""
    output = os.path.join(WORK, "embedded")
    done = subprocess.run([PARLEY, "train", file, "output=" + output, "run.checkpoint.to=" + output + "-checkpoints", *overrides, "--force", "--json"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=300)
    expect(done.returncode == 0, "the job in one process: " + done.stderr[-2000:])
    return read_report(output)


def rates(samples, window=1.0):
    """Rows per second over the last window of each sample, by its rounds; what a job goes back over counts as nothing."""
    out, first = [], 0
    each = samples[-1]["rows"] / max(1, samples[-1]["round"])
    for i, s in enumerate(samples):
        while samples[first]["seconds"] < s["seconds"] - window and first < i - 1:
            first += 1
        passed = s["seconds"] - samples[first]["seconds"]
        if passed > 0:
            out.append((s["seconds"], max(0.0, (s["round"] - samples[first]["round"]) * each / passed)))
    return out


def write(folder, name, text):
    with open(os.path.join(EXPERIMENTS, folder, name), "w") as f:
        f.write(text)


def write_results(folder, results, columns, rows):
    """results.json has all; results.tsv is the table."""
    machine = {"cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1)}
    write(folder, "results.json", json.dumps(dict(machine=machine, **results), separators=(",", ":")) + "\n")
    table = "\t".join(columns) + "\n" + "".join("\t".join(str(x) for x in r) + "\n" for r in rows)
    write(folder, "results.tsv", table)
    print(table, end="")


def main(experiment):
    """Runs an experiment; the exit code says whether all was as it should be."""
    try:
        experiment()
    except (Missed, subprocess.TimeoutExpired) as e:
        print("failed:", e, file=sys.stderr)
        sys.exit(1)
    say("all as it should be")
