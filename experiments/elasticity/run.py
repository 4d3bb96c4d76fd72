"""A cluster that grows from 1 server and 1 trainer to 3 and 4, and shrinks again, under one job. README.md tells of it."""
import threading
import time

from figure import chart
from harness import CLUSTER, Cluster, Job, embedded, expect, main, rates, say, write, write_results

EPOCHS = 2600
FILE = CLUSTER + "/job.yaml"
GROW = [(8, "trainer-2"), (14, "ps-2"), (20, "trainer-3"), (24, "trainer-4"), (30, "ps-3")]
SHRINK = [(44, "trainer-4"), (48, "ps-3"), (52, "trainer-3"), (56, "ps-2"), (60, "trainer-2")]


def experiment():
    overrides = ["run.epochs=%d" % EPOCHS]
    want = embedded(FILE, *overrides)["model_sha256"]
    cluster = Cluster()
    cluster.up("coordinator", "ps-1", "trainer-1")
    job = Job(cluster, FILE, "elasticity", *overrides)
    job.training()
    members, over = [], threading.Event()

    def watch():
        while not over.wait(0.25):
            found = list(cluster.members().values())
            if found:
                members.append((round(job.now(), 2), sum("ps" in r for r in found), sum("trainer" in r for r in found)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    marks = []
    try:
        for at, service in GROW + SHRINK:
            grow = (at, service) in GROW
            while job.now() < at and job.running():
                time.sleep(0.05)
            expect(job.running(), "the job was over before %s; raise EPOCHS: %s" % (service, job.said()))
            marks.append((round(job.now(), 2), service + (" joins" if grow else " is drained")))
            say(marks[-1][1])
            if grow:
                cluster.up(service)
            else:
                cluster.compose("stop", service)
        r = job.end(within=180)
    finally:
        over.set()
        watcher.join()
    cluster.down()
    speed = rates(job.samples, 2.0)

    def between(low, high):
        found = [y for x, y in speed if low <= x < high]
        return round(sum(found) / len(found)) if found else 0

    edges = [1.5] + [at for at, _ in marks] + [job.samples[-1]["seconds"]]
    rows, servers, trainers = [], 1, 1
    for i, what in enumerate(["begin"] + [text for _, text in marks]):
        if i:
            service, step = marks[i - 1][1].split()[0], 1 if "joins" in what else -1
            servers, trainers = servers + step * service.startswith("ps"), trainers + step * service.startswith("trainer")
        rows.append((what, "%.1f" % edges[i], servers, trainers, between(edges[i] + 2, edges[i + 1])))
    write_results("elasticity", {"epochs": EPOCHS, "model_sha256": r["model_sha256"], "embedded_sha256": want, "restarts": r["restarts"],
                                 "changes": [{"seconds": at, "what": what} for at, what in marks], "members": members, "samples": job.samples},
                  ["from", "at s", "servers", "trainers", "rows/s"], rows)
    write("elasticity", "figure.svg", chart("A cluster that grows and shrinks under one job", "seconds since the job was submitted",
          [("rows per second", [("", speed)], {"low": 0}),
           ("members", [("trainers", [(x, t) for x, _, t in members]), ("servers", [(x, s) for x, s, _ in members])], {"low": 0, "high": 5, "step": True})], marks))
    expect(r["model_sha256"] == want, "the hash is %s, want that of one process, %s" % (r["model_sha256"], want))
    expect(r["restarts"] == 0, "%d restarts: a node that joins or drains costs no round" % r["restarts"])
    small, large = rows[0][4], rows[len(GROW)][4]
    expect(large >= 1.3 * small, "%d rows/s with 3 servers and 4 trainers, %d with 1 and 1" % (large, small))


main(experiment)
