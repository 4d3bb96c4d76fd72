"""A job that goes on while containers are killed, paused and cut off. README.md tells of it."""
import time

from figure import chart
from harness import CLUSTER, Cluster, Job, embedded, expect, main, rates, say, write, write_results

EPOCHS = 4200
FILE = CLUSTER + "/job.yaml"
# The longest time without a new round that any of the faults may cause.
LONGEST_STOP = 30.0


def script(cluster):
    """(seconds, what it is called, what to do). Loss of a node and its return come in pairs."""
    container = {s: cluster.container(s) for s in ("coordinator", "ps-1", "ps-2", "trainer-1", "trainer-2", "trainer-3")}
    do = lambda *args: lambda: cluster.docker(*args)
    off = lambda s: do("network", "disconnect", cluster.network(), container[s])
    on = lambda s: do("network", "connect", "--alias", s, cluster.network(), container[s])
    return [
        (5, "trainer-2 killed", do("kill", container["trainer-2"])), (10, "trainer-2 started again", do("start", container["trainer-2"])),
        (15, "ps-2 killed", do("kill", container["ps-2"])), (20, "ps-2 started again", do("start", container["ps-2"])),
        (26, "trainer-3 paused", do("pause", container["trainer-3"])), (34, "trainer-3 goes on", do("unpause", container["trainer-3"])),
        (40, "ps-1 paused", do("pause", container["ps-1"])), (48, "ps-1 goes on", do("unpause", container["ps-1"])),
        (54, "trainer-1 cut off the network", off("trainer-1")), (62, "trainer-1 back on it", on("trainer-1")),
        (68, "ps-2 cut off the network", off("ps-2")), (76, "ps-2 back on it", on("ps-2")),
        (84, "coordinator killed", do("kill", container["coordinator"])), (88, "coordinator started again", do("start", container["coordinator"])),
    ]


def standstill(samples, at, until):
    """The longest time without a new round from a fault to the next, and how many rounds the job went back."""
    most = max([s["round"] for s in samples if s["seconds"] <= at], default=0)
    since, longest, back = at, 0.0, 0
    for s in samples:
        if at < s["seconds"] <= until:
            back = max(back, most - s["round"])
            longest = max(longest, s["seconds"] - since)
            if s["round"] > most:
                most, since = s["round"], s["seconds"]
    return longest, back


def experiment():
    overrides = ["run.epochs=%d" % EPOCHS]
    want = embedded(FILE, *overrides)["model_sha256"]
    cluster = Cluster()
    cluster.up("coordinator", "ps-1", "ps-2", "trainer-1", "trainer-2", "trainer-3", "trainer-4")
    faults = script(cluster)
    job = Job(cluster, FILE, "faults", *overrides)
    job.training()
    marks = []
    for at, what, do in faults:
        while job.now() < at and job.running():
            time.sleep(0.05)
        expect(job.running(), "the job was over before: %s; raise EPOCHS: %s" % (what, job.said()))
        marks.append((round(job.now(), 2), what))
        do()
        say(what)
    r = job.end(within=240)
    events = [{"seconds": e["time"], "kind": e["kind"], "message": e["message"]} for e in job.events() if e["kind"] in ("failure", "recovery", "restore")]
    members = sorted(cluster.members())
    cluster.down()
    longest, rows = 0.0, []
    for i, (at, what) in enumerate(marks):
        until = marks[i + 1][0] if i + 1 < len(marks) else job.samples[-1]["seconds"]
        stop, back = standstill(job.samples, at, until)
        longest = max(longest, stop)
        rows.append((what, "%.1f" % at, "%.1f" % stop, back))
    write_results("faults", {"epochs": EPOCHS, "model_sha256": r["model_sha256"], "embedded_sha256": want, "restarts": r["restarts"], "longest_stop_seconds": round(longest, 2),
                             "faults": [{"seconds": at, "what": what} for at, what in marks], "events": events, "samples": job.samples},
                  ["fault", "at s", "longest time without a new round, s", "rounds gone back"], rows)
    say("restarts %d, the longest time without a new round %.1f s" % (r["restarts"], longest))
    losses = [(s["seconds"], s["loss"]) for s in job.samples if s["loss"]]
    settled = [y for _, y in losses[8:]] or [y for _, y in losses]
    write("faults", "figure.svg", chart("Containers killed, paused and cut off", "seconds since the job was submitted",
          [("rows per second", [("", rates(job.samples))], {"low": 0}),
           ("rounds that all parameters have", [("", [(s["seconds"], s["round"]) for s in job.samples])], {"low": 0}),
           ("progressive loss of the epoch", [("", losses)], {"low": min(settled) - 0.0002, "high": max(settled) + 0.0004})], marks))
    expect(r["model_sha256"] == want, "the hash is %s, want that of one process, %s" % (r["model_sha256"], want))
    expect(len(members) == 7, "not all nodes are back: %s" % members)
    expect(longest <= LONGEST_STOP, "no new round for %.1f s, want at most %.0f" % (longest, LONGEST_STOP))


main(experiment)
