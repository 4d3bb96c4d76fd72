#!/usr/bin/env python3
"""Finds topics of the 20 newsgroups by Parley, scipy's svds and scikit-learn's
randomized_svd (and gensim's LsiModel where it can be imported) from the same file, each
a process of its own, in turn. Compares time, memory and the error of the singular
values, and how well the five nearest documents in topic space tell the newsgroup.
Writes results.tsv, decay.svg, tools.svg and documents.svg beside itself.

    compare.py DATA [RUNS]

DATA is a folder with docword.20news-train.txt.gz, docword.20news-test.txt.gz,
labels.20news-train.txt.gz, labels.20news-test.txt.gz and vocab.20news.txt.gz; README.md
says how they were made. PARLEY names the binary (default: parley). RUNS is how often
each tool runs, 3 by default; the median time counts.
"""
import gzip
import json
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
PARLEY = os.path.abspath(p) if os.path.exists(p := os.environ.get("PARLEY", "parley")) else p
TOPICS = 100

# What the peers run: argv is the tool, the docword file and where the result goes.
PEER = '''
import sys, numpy as np, scipy.sparse as sp
tool, path, out = sys.argv[1:]
with open(path) as f:
    n, d = int(f.readline()), int(f.readline())
    f.readline()
    a = np.array(f.read().split(), dtype=np.int64).reshape(-1, 3)
A = sp.csr_matrix((a[:, 2].astype(float), (a[:, 0] - 1, a[:, 1] - 1)), shape=(n, d))
A = A.multiply(np.log(n / np.maximum(np.bincount(A.indices, minlength=d), 1))).tocsr()
A = (sp.diags(1 / np.sqrt(A.multiply(A).sum(1)).A1) @ A).tocsr()
if tool == "svds":
    from scipy.sparse.linalg import svds
    _, s, vt = svds(A, k=%d)
    s, vt = s[::-1], vt[::-1]
elif tool == "randomized":
    from sklearn.utils.extmath import randomized_svd
    _, s, vt = randomized_svd(A, %d, n_iter=5, random_state=0)
else:
    from gensim.matutils import Sparse2Corpus
    from gensim.models import LsiModel
    m = LsiModel(Sparse2Corpus(A, documents_columns=False), num_topics=%d)
    s, vt = m.projection.s, m.projection.u.T
np.savez(out, s=s, vt=vt)
''' % (TOPICS, TOPICS, TOPICS)


def measured(*args):
    """Runs a program under GNU time; returns its seconds and peak memory in MB."""
    with tempfile.NamedTemporaryFile() as note:
        child = subprocess.run(["/usr/bin/time", "-o", note.name, "-f", "%e %M", *args], capture_output=True, text=True)
        if child.returncode != 0:
            return None
        seconds, kilobytes = note.read().split()[-2:]
    return float(seconds), float(kilobytes) / 1024


def tensors(path):
    with open(path, "rb") as f:
        head = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    return {k: np.frombuffer(data[v["data_offsets"][0]:v["data_offsets"][1]], np.float32).reshape(v["shape"]).astype(float)
            for k, v in head.items() if k != "__metadata__"}


def labels(path):
    with gzip.open(path, "rt") as f:
        return np.array(f.read().split("\n")[:-1])


def nearest5(train, train_labels, test, test_labels):
    """Accuracy of a vote of the five training rows with the largest cosine."""
    norm = lambda x: x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-300)
    near = np.argsort(-(norm(test) @ norm(train).T), axis=1, kind="stable")[:, :5]
    right = 0
    for votes, label in zip(train_labels[near], test_labels):
        names, counts = np.unique(votes, return_counts=True)
        right += names[counts.argmax()] == label
    return right / len(test_labels)


def svg(name, width, height, body):
    style = "text{font:12px sans-serif;fill:#333}.axis{stroke:#999;fill:none}"
    with open(f"{HERE}/{name}", "w") as f:
        f.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
                f'<style>{style}</style><rect width="{width}" height="{height}" fill="#fff"/>{body}</svg>\n')


def draw_decay(values, peers):
    w, h, left, top = 640, 360, 56, 30
    x = lambda i: left + i * (w - left - 20) / (TOPICS - 1)
    low, high = np.log10(min(v.min() for v in peers.values())) - 0.02, np.log10(values[0]) + 0.02
    y = lambda v: top + (high - np.log10(v)) / (high - low) * (h - top - 50)
    body = f'<path class="axis" d="M{left} {top}V{h - 50}H{w - 20}"/><text x="{left}" y="18">singular values of 20 newsgroups, tf-idf (logarithmic)</text>'
    for v in (3, 4, 6, 8, 10):
        body += f'<text x="{left - 24}" y="{y(v) + 4:.1f}">{v}</text><path class="axis" d="M{left - 4} {y(v):.1f}h4"/>'
    for i in (0, 19, 39, 59, 79, 99):
        body += f'<text x="{x(i) - 6:.1f}" y="{h - 34}">{i + 1}</text>'
    for n, (tool, v) in enumerate(peers.items()):
        color = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd"][n]
        points = " ".join(f"{x(i):.1f},{y(s):.1f}" for i, s in enumerate(v))
        body += f'<polyline fill="none" stroke="{color}" stroke-width="1.5" points="{points}"/><text x="{left + 8 + 150 * n}" y="{h - 10}" style="fill:{color}">{tool}</text>'
    svg("decay.svg", w, h, body)


def draw_tools(rows):
    w, left, bar = 640, 150, 26
    most = max(r["seconds"] for r in rows)
    body = f'<text x="10" y="18">seconds of the whole process (median), and the largest error of a singular value</text>'
    for n, r in enumerate(rows):
        y = 36 + n * (bar + 12)
        size = r["seconds"] / most * (w - left - 220)
        body += (f'<text x="10" y="{y + 17}">{r["tool"]}</text><rect x="{left}" y="{y}" width="{size:.1f}" height="{bar}" fill="#1f77b4"/>'
                 f'<text x="{left + size + 8:.1f}" y="{y + 17}">{r["seconds"]:.2f} s, error {r["error"]:.1e}</text>')
    svg("tools.svg", w, 44 + len(rows) * (bar + 12), body)


def draw_documents(vectors, names):
    """Documents by the angles of two topics that tell newsgroups apart."""
    w, h = 760, 560
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-300)
    pick = np.arange(0, len(unit), 4)
    a, b = unit[pick, 1], unit[pick, 2]
    groups = sorted(set(names))
    color = {g: f"hsl({360 * i / len(groups):.0f},70%,{[40, 55][i % 2]}%)" for i, g in enumerate(groups)}
    x = lambda v: 30 + (v - a.min()) / (a.max() - a.min()) * (w - 250)
    y = lambda v: h - 30 - (v - b.min()) / (b.max() - b.min()) * (h - 70)
    body = f'<text x="30" y="18">every fourth training document in topics 1 (across) and 2 (up), scaled to length 1</text>'
    for i, p, q in zip(pick, a, b):
        body += f'<circle cx="{x(p):.1f}" cy="{y(q):.1f}" r="2" fill="{color[names[i]]}" fill-opacity="0.6"/>'
    for n, g in enumerate(groups):
        body += f'<circle cx="{w - 195}" cy="{40 + 24 * n}" r="5" fill="{color[g]}"/><text x="{w - 182}" y="{44 + 24 * n}">{g}</text>'
    svg("documents.svg", w, h, body)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    data, runs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) == 3 else 3
    with tempfile.TemporaryDirectory() as work:
        for name, to in (("docword.20news-train.txt", "docword.train.txt"), ("docword.20news-test.txt", "docword.test.txt"), ("vocab.20news.txt", "vocab.txt")):
            with gzip.open(f"{data}/{name}.gz") as a, open(f"{work}/{to}", "wb") as b:
                shutil.copyfileobj(a, b)
        shutil.copy(f"{HERE}/20news.yaml", work)
        train = [PARLEY, "train", f"{work}/20news.yaml", "--force"]
        tools = {"parley": train, "parley, tolerance 1e-4": [*train, f"output={work}/coarse", "model.tolerance=1e-4"]}
        for peer in ("svds", "randomized", "gensim"):
            tools[peer] = [sys.executable, "-c", PEER, peer, f"{work}/docword.train.txt", f"{work}/{peer}.npz"]
        cost = {t: [] for t in tools}
        for _ in range(runs):
            for tool, command in tools.items():
                if cost[tool] is not None:
                    m = measured(*command)
                    cost[tool] = None if m is None else cost[tool] + [m]
        tools = [t for t in tools if cost[t]]
        if "parley" not in tools:
            sys.exit("parley failed: run it by hand to see why")
        found = {t: np.load(f"{work}/{t}.npz") for t in tools if not t.startswith("parley")}
        found = {t: (v["s"], v["vt"]) for t, v in found.items()}
        for tool, out in (("parley", "out"), ("parley, tolerance 1e-4", "coarse")):
            p = tensors(f"{work}/{out}/model/params.safetensors")
            found[tool] = (p["singular_values"], p["components"])
        exact = found["svds"][0]
        vectors = {}
        for part in ("train", "test"):
            out = subprocess.run([PARLEY, "transform", f"{work}/out", f"{work}/docword.{part}.txt"], capture_output=True, text=True, check=True)
            vectors[part] = np.array([line.split("\t") for line in out.stdout.splitlines()], dtype=float)
        marks = {part: labels(f"{data}/labels.20news-{part}.txt.gz") for part in ("train", "test")}
        accuracy = nearest5(vectors["train"], marks["train"], vectors["test"], marks["test"])
        # The peer's exact vectors on the same rows: Vᵀx is linear, so rotate Parley's into them.
        turn = found["parley"][1] @ found["svds"][1].T
        peer = nearest5(vectors["train"] @ turn, marks["train"], vectors["test"] @ turn, marks["test"])
        rows = []
        for tool in tools:
            values = found[tool][0]
            seconds, memory = zip(*cost[tool])
            rows.append({"tool": tool, "seconds": statistics.median(seconds), "memory": max(memory),
                         "error": float(np.max(np.abs(values - exact) / exact))})
    with open(f"{HERE}/results.tsv", "w") as f:
        f.write("tool\tseconds\tpeak MB\tlargest relative error of a singular value\n")
        for r in rows:
            f.write(f"{r['tool']}\t{r['seconds']:.2f}\t{r['memory']:.0f}\t{r['error']:.1e}\n")
        f.write(f"# accuracy of 5 nearest neighbours on the test documents: parley {accuracy:.4f}, in the basis of svds {peer:.4f}\n")
    print(open(f"{HERE}/results.tsv").read(), end="")
    draw_decay(exact, {t: found[t][0] for t in tools if "tolerance" not in t})
    draw_tools(rows)
    draw_documents(vectors["train"], marks["train"])


main()
