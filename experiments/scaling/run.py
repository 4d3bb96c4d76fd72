"""1, 2 and 4 trainers with 1, 2 and 3 servers, each container with a quarter of a core. README.md tells of it."""
from figure import chart
from harness import CLUSTER, Cluster, Job, embedded, expect, main, say, write, write_results

EPOCHS = 150
# What 4 trainers have to give over 1, with the same servers.
LEAST_SPEEDUP = 1.5
FILE = CLUSTER + "/job.yaml"


def experiment():
    overrides = ["run.epochs=%d" % EPOCHS, "run.checkpoint.every=1h"]
    want = embedded(FILE, *overrides)["model_sha256"]
    runs = []
    for servers in (1, 2, 3):
        cluster = Cluster()
        cluster.up("coordinator", *["ps-%d" % i for i in range(1, servers + 1)])
        for trainers in (1, 2, 4):
            cluster.up(*["trainer-%d" % i for i in range(1, trainers + 1)])
            job = Job(cluster, FILE, "s%dt%d" % (servers, trainers), *overrides)
            r = job.end(within=120)
            expect(r["model_sha256"] == want, "%d servers, %d trainers: the hash is %s, want %s" % (servers, trainers, r["model_sha256"], want))
            bytes_of = r["bytes"]
            runs.append({"servers": servers, "trainers": trainers, "rows_per_second": round(r["rows_per_second"]), "bytes": bytes_of})
            say("%d servers, %d trainers: %.0f rows/s" % (servers, trainers, r["rows_per_second"]))
        cluster.down()
    rate = {(r["servers"], r["trainers"]): r["rows_per_second"] for r in runs}
    for r in runs:
        r["efficiency"] = round(rate[r["servers"], r["trainers"]] / rate[r["servers"], 1] / r["trainers"], 2)
    rows = [(r["trainers"], r["servers"], r["rows_per_second"], r["efficiency"], r["bytes"]["pushed"], r["bytes"]["pulled"]) for r in runs]
    write_results("scaling", {"epochs": EPOCHS, "model_sha256": want, "runs": runs},
                  ["trainers", "servers", "rows/s", "efficiency", "bytes pushed", "bytes pulled"], rows)
    lines = [("%d server%s" % (s, "s"[:s > 1]), [(t, rate[s, t]) for t in (1, 2, 4)]) for s in (1, 2, 3)]
    ideal = ("ideal", [(t, rate[1, 1] * t) for t in (1, 2, 4)])
    efficiency = [(name, [(t, y / points[0][1] / t) for t, y in points]) for name, points in lines]
    write("scaling", "figure.svg", chart("Containers of a quarter of a core each", "trainers",
          [("rows per second", lines + [ideal], {"low": 0, "dots": True}), ("efficiency: speed-up over one trainer / trainers", efficiency, {"low": 0, "high": 1.2, "dots": True})],
          x_ticks=[1, 2, 4]))
    for s in (1, 2, 3):
        expect(rate[s, 4] >= LEAST_SPEEDUP * rate[s, 1], "with %d servers, 4 trainers are %.2f times as fast as 1; want %.1f" % (s, rate[s, 4] / rate[s, 1], LEAST_SPEEDUP))


main(experiment)
