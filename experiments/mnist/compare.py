#!/usr/bin/env python3
"""Trains the network 784-128-10 on MNIST with Parley and with scikit-learn's MLPClassifier at
equal settings, in turn, and compares a step of 784-256-10 with NumPy's. Writes results.tsv and
curves.svg beside itself.

    compare.py DATA [RUNS]

DATA is a folder with the four .gz files of MNIST. PARLEY names the binary (default: parley).
RUNS is how often each runs, 5 by default; the median time counts. What is timed is training
alone: `seconds.train` of Parley's report, and fit.
"""
import gzip
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PARLEY = os.path.abspath(p) if os.path.exists(p := os.environ.get("PARLEY", "parley")) else p
EPOCHS = 5

LOAD = '''
import gzip, json, resource, sys, time, warnings
import numpy as np
warnings.filterwarnings("ignore")
def images(name): return np.frombuffer(gzip.open(f"{sys.argv[1]}/{name}-images-idx3-ubyte.gz").read()[16:], np.uint8).reshape(-1, 784).astype(np.float32) / 255
def labels(name): return np.frombuffer(gzip.open(f"{sys.argv[1]}/{name}-labels-idx1-ubyte.gz").read()[8:], np.uint8)
'''

PEER = LOAD + '''
from sklearn.neural_network import MLPClassifier
x, y, u, v = images("train"), labels("train"), images("t10k"), labels("t10k")
m = MLPClassifier((128,), batch_size=128, max_iter=%d, alpha=0, learning_rate_init=0.001, random_state=1)
t = time.time()
m.fit(x, y)
print(json.dumps({"seconds": time.time() - t, "accuracy": m.score(u, v), "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
''' % EPOCHS

# A training step with its gradients, of 256 rows that are no zeros.
STEP = '''
import time
import numpy as np
g = np.random.default_rng(0)
X, W, V = (g.standard_normal(s, dtype=np.float32) for s in ((256, 784), (784, 256), (256, 10)))
b, c, y, rows = np.zeros(256, np.float32), np.zeros(10, np.float32), g.integers(0, 10, 256), np.arange(256)
def step():
    z = X @ W + b
    h = np.maximum(z, 0)
    o = h @ V + c
    p = np.exp(o - o.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    p[rows, y] -= 1
    dz = (p @ V.T) * (z > 0)
    return h.T @ p, p.sum(0), X.T @ dz, dz.sum(0)
for _ in range(50): step()
t = time.time()
for _ in range(300): step()
print(300 * 2 * 256 * (2 * 784 * 256 + 3 * 10 * 256) / (time.time() - t) / 1e9)
'''


def parley(work, *overrides):
    out = subprocess.run(["/usr/bin/time", "-f", "%M", PARLEY, "train", f"{work}/mnist.yaml", "--force", *overrides], capture_output=True, text=True)
    if out.returncode != 0:
        sys.exit(out.stderr)
    report = json.load(open(f"{work}/runs/mnist/report.json"))
    return {"seconds": report["seconds"]["train"], "accuracy": report["metrics"]["test"]["accuracy"], "megabytes": int(out.stderr.split()[-1]) / 1024,
            "hash": report["model_sha256"]}


def curve(work, *overrides):
    """Test accuracy after each epoch."""
    parley(work, "run.stop.metric=accuracy", "run.stop.patience=1000", *overrides)
    events = map(json.loads, open(f"{work}/runs/mnist/events.jsonl"))
    found = {}
    for e in events:
        if e["kind"] == "evaluation" and e.get("set") == "test" and "epoch" in e:
            found.setdefault(e["epoch"], e["metrics"]["accuracy"])
    return [found[k] for k in sorted(found)]


def draw(curves):
    w, h, left, top = 640, 380, 60, 30
    n = max(len(c) for c in curves.values())
    low = min(min(c) for c in curves.values()) - 0.002
    high = max(max(c) for c in curves.values()) + 0.002
    x = lambda i: left + i * (w - left - 20) / max(1, n - 1)
    y = lambda v: top + (high - v) / (high - low) * (h - top - 66)
    body = f'<path class="axis" d="M{left} {top}V{h - 66}H{w - 20}"/><text x="{left}" y="18">accuracy on the test digits by epoch</text>'
    for k in range(int(low * 200) + 1, int(high * 200) + 1):
        body += f'<text x="10" y="{y(k / 200) + 4:.1f}">{k / 200:.3f}</text><path class="axis" d="M{left - 4} {y(k / 200):.1f}h4"/>'
    for i in range(n):
        body += f'<text x="{x(i) - 4:.1f}" y="{h - 48}">{i + 1}</text>'
    for k, (name, c) in enumerate(curves.items()):
        color = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd"][k]
        points = " ".join(f"{x(i):.1f},{y(v):.1f}" for i, v in enumerate(c))
        body += f'<polyline fill="none" stroke="{color}" stroke-width="1.5" points="{points}"/><text x="{left + 290 * (k % 2)}" y="{h - 24 + 16 * (k // 2)}" style="fill:{color}">{name}</text>'
    with open(f"{HERE}/curves.svg", "w") as f:
        f.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}">'
                f'<style>text{{font:12px sans-serif;fill:#333}}.axis{{stroke:#999;fill:none}}</style><rect width="{w}" height="{h}" fill="#fff"/>{body}</svg>\n')


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    data, runs = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) == 3 else 5
    with tempfile.TemporaryDirectory() as work:
        for name in os.listdir(data):
            if name.endswith("-ubyte.gz"):
                os.symlink(f"{data}/{name}", f"{work}/{name}")
        shutil.copy(f"{HERE}/mnist.yaml", work)
        four = ("run.workers=4", "run.batch=32")
        found = {"Parley, a worker of 128": [], "Parley, 4 workers of 32": [], "MLPClassifier, batches of 128": []}
        one, many, peer = found.values()
        for _ in range(runs):
            one.append(parley(work))
            many.append(parley(work, *four))
            out = subprocess.run([sys.executable, "-c", PEER, data], capture_output=True, text=True, check=True)
            peer.append(json.loads(out.stdout))
        curves = {"a worker of 128": curve(work, "run.epochs=15"), "4 workers of 32": curve(work, "run.epochs=15", *four),
                  "dropout 0.2, cosine": curve(work, "run.epochs=15", "model.dropout=0.2", "optimizer.schedule=cosine")}
        steps = []
        for _ in range(runs):
            bench = subprocess.run(["go", "test", "./trainer/mlp", "-run", "^$", "-bench", "Learn/256x784-256-10/share=1$"], cwd=f"{HERE}/../..", capture_output=True, text=True)
            ours = re.search(r"([\d.]+) GFLOP/s", bench.stdout)
            numpy = subprocess.run([sys.executable, "-c", STEP], capture_output=True, text=True, check=True)
            steps.append((float(ours.group(1)), float(numpy.stdout)))
    for rows in (one, many):
        assert len({r["hash"] for r in rows}) == 1, "hashes differ"
    with open(f"{HERE}/results.tsv", "w") as f:
        f.write("tool\tseconds of training\tpeak MB\ttest accuracy\n")
        for tool, rows in found.items():
            f.write(f"{tool}\t{statistics.median(r['seconds'] for r in rows):.2f}\t{max(r['megabytes'] for r in rows):.0f}\t{rows[0]['accuracy']:.4f}\n")
        ours, numpy = (statistics.median(s[k] for s in steps) for k in (0, 1))
        f.write(f"# a step of 256 x 784-256-10, no zeros: Parley {ours:.0f} GFLOP/s, NumPy {numpy:.0f}, {ours / numpy:.2f} of it\n")
    print(open(f"{HERE}/results.tsv").read(), end="")
    draw(curves)


main()
