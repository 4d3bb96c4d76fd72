"""bsp, ssp and asp over links with delay, losses and little bandwidth. README.md tells of it."""
from figure import bars, chart
from harness import CLUSTER, Cluster, Job, embedded, expect, main, say, write, write_results

EPOCHS = 30
FILE = CLUSTER + "/job.yaml"
MODES = ["bsp", "ssp", "asp"]
# What a link does in each direction.
NETWORKS = [
    ("none", {}),
    ("5 ms", {"DELAY": "5ms"}),
    ("25 ms", {"DELAY": "25ms"}),
    ("5 ms, 0.5% lost", {"DELAY": "5ms", "LOSS": "0.005"}),
    ("5 ms, 10 Mbit/s", {"DELAY": "5ms", "MBIT": "10"}),
    ("25 ms, 0.5%, 10 Mbit/s", {"DELAY": "25ms", "LOSS": "0.005", "MBIT": "10"}),
]
WORST = NETWORKS[-1][0]
# What 25 ms each way may add to a round of bsp: it has one round trip, and the machine may be busy.
MOST_ADDED = 0.150
# What ssp and asp have to give over bsp in the worst network, and may cost in logloss on the test data anywhere.
LEAST_GAIN, MOST_LOSS = 1.15, 0.005


def run(network, link, overrides):
    """Trains in all modes over one network and returns the runs, with the samples of each."""
    cluster = Cluster(["../slownet/links.yml"], **{"PARLEY_LINK_" + k: v for k, v in link.items()})
    # Nodes look the names of their links up when they start.
    cluster.up("link-coordinator", "link-ps-1", "link-ps-2")
    cluster.up("coordinator", "ps-1", "ps-2", "trainer-1", "trainer-2", "trainer-3", "trainer-4")
    runs = []
    for mode in MODES:
        job = Job(cluster, FILE, "%s-%d" % (mode, [n for n, _ in NETWORKS].index(network)), *overrides, "run.consistency=" + mode)
        r = job.end(within=120)
        runs.append({"network": network, "mode": mode, "rows_per_second": round(r["rows_per_second"]), "seconds": round(r["seconds"]["train"], 2), "rounds": r["rounds"],
                     "logloss": round(r["metrics"]["test"]["logloss"], 5), "restarts": r["restarts"], "bytes": r["bytes"], "model_sha256": r["model_sha256"], "samples": job.samples,
                     "epochs": [(job.when(e), round(e["metrics"]["progressive_loss"], 5)) for e in job.events() if e["kind"] == "epoch"]})
        say("%s, %s: %.0f rows/s" % (network, mode, r["rows_per_second"]))
    cluster.down()
    return runs


def experiment():
    overrides = ["run.epochs=%d" % EPOCHS, "run.checkpoint.every=1h", "model.kind=fm", "model.loss=logistic", "model.rank=16", "model.init_scale=0.03", "optimizer.rate=0.05"]
    want = embedded(FILE, *overrides)["model_sha256"]
    runs = [r for network, link in NETWORKS for r in run(network, link, overrides)]
    of = {(r["network"], r["mode"]): r for r in runs}
    curves = {mode: {"rounds": [(s["seconds"], s["round"]) for s in of[WORST, mode]["samples"]], "losses": of[WORST, mode]["epochs"]} for mode in MODES}
    for r in runs:
        del r["samples"], r["epochs"]
    write_results("slownet", {"epochs": EPOCHS, "embedded_sha256": want, "networks": dict(NETWORKS), "runs": runs, "curves": {WORST: curves}},
                  ["network", "mode", "rows/s", "seconds", "test logloss", "restarts"],
                  [(r["network"], r["mode"], r["rows_per_second"], r["seconds"], r["logloss"], r["restarts"]) for r in runs])
    write("slownet", "figure.svg", bars("What slow links to the servers cost", [n for n, _ in NETWORKS],
          [("rows per second", [(m, [of[n, m]["rows_per_second"] for n, _ in NETWORKS]) for m in MODES]),
           ("milliseconds a round", [(m, [1000 * of[n, m]["seconds"] / of[n, m]["rounds"] for n, _ in NETWORKS]) for m in MODES])]))
    losses = [y for m in MODES for _, y in curves[m]["losses"][3:]]
    write("slownet", "curves.svg", chart("25 ms, 0.5% lost, 10 Mbit/s", "seconds since the job was submitted",
          [("rounds that all parameters have", [(m, curves[m]["rounds"]) for m in MODES], {"low": 0}),
           ("progressive loss of each epoch", [(m, curves[m]["losses"]) for m in MODES], {"low": min(losses) - 0.001, "high": max(losses) + 0.001})]))
    check(of, want)


def check(of, want):
    for (network, mode), r in of.items():
        expect(r["restarts"] == 0, "%s, %s: %d restarts: a slow node was taken for a lost one" % (network, mode, r["restarts"]))
        expect(mode != "bsp" or r["model_sha256"] == want, "%s: the hash of bsp is %s, want that of one process, %s" % (network, r["model_sha256"], want))
        expect(r["logloss"] <= of[network, "bsp"]["logloss"] + MOST_LOSS, "%s: the logloss of %s is %.4f, of bsp %.4f" % (network, mode, r["logloss"], of[network, "bsp"]["logloss"]))
    a_round = lambda network: of[network, "bsp"]["seconds"] / of[network, "bsp"]["rounds"]
    added = a_round("25 ms") - a_round("none")
    expect(added <= MOST_ADDED, "25 ms each way cost a round of bsp %.0f ms, want at most %.0f" % (1000 * added, 1000 * MOST_ADDED))
    for mode in MODES[1:]:
        gain = of[WORST, mode]["rows_per_second"] / of[WORST, "bsp"]["rows_per_second"]
        expect(gain >= LEAST_GAIN, "%s: %s is %.2f times as fast as bsp, want %.2f" % (WORST, mode, gain, LEAST_GAIN))


main(experiment)
