#!/usr/bin/env python3
"""Trains the jobs of this folder by Parley and by the tools that Debian ships
(python3-sklearn, liblinear-tools) on the same features, and compares objective,
test metric, time and memory. Writes results.tsv beside itself.

    compare.py DATA [SET...]

DATA is a folder with a9a/a9a.gz and a9a/a9a.t.gz, flights/flights-train.csv.gz and
-test, freMTPL2/freMTPL2freq.csv.gz, small/diabetes_data_raw.csv.gz and
diabetes_target.csv.gz; README.md says where they are from. PARLEY names the binary
(default: parley). The peers' features are what `parley data convert --job` makes, so
all tools see the same matrix.
"""
import gzip
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor

HERE = os.path.dirname(os.path.abspath(__file__))
PARLEY = os.path.abspath(p) if os.path.exists(p := os.environ.get("PARLEY", "parley")) else p


def run(*args):
    """Runs a program; returns its output, seconds and peak memory in MB."""
    began = time.time()
    child = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, err = child.communicate()
    seconds = time.time() - began
    if child.returncode != 0:
        sys.exit(f"{' '.join(args)}: {err}")
    return out, seconds


def peak():
    """Peak memory in MB of the largest child so far."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def unzip(src, dst):
    with gzip.open(src) as a, open(dst, "wb") as b:
        shutil.copyfileobj(a, b)


def place(name, data, work):
    """Puts the data of a set where its job looks for it."""
    if name == "a9a":
        unzip(f"{data}/a9a/a9a.gz", f"{work}/a9a.svm")
        unzip(f"{data}/a9a/a9a.t.gz", f"{work}/a9a.t.svm")
    elif name == "flights":
        for part in ("train", "test"):
            os.symlink(f"{data}/flights/flights-{part}.csv.gz", f"{work}/flights-{part}.csv.gz")
    elif name == "freMTPL2":
        with gzip.open(f"{data}/freMTPL2/freMTPL2freq.csv.gz", "rt") as src:
            header = next(src)
            with open(f"{work}/fre-train.csv", "w") as train, open(f"{work}/fre-test.csv", "w") as test:
                train.write(header)
                test.write(header)
                for line in src:
                    number = float(line.split(",", 1)[0].strip('"'))
                    (test if number % 5 == 0 else train).write(line)
    elif name == "diabetes":
        x = np.loadtxt(f"{data}/small/diabetes_data_raw.csv.gz")
        y = np.loadtxt(f"{data}/small/diabetes_target.csv.gz")
        np.savetxt(f"{work}/diabetes.csv", np.c_[x, y], delimiter=",", comments="", fmt="%.17g",
                   header="age,sex,bmi,bp,s1,s2,s3,s4,s5,s6,y")


TRAIN = {"a9a": "a9a.svm", "flights": "flights-train.csv.gz", "freMTPL2": "fre-train.csv", "diabetes": "diabetes.csv"}
METRIC = {"a9a": "logloss", "flights": "logloss", "freMTPL2": "poisson_deviance", "diabetes": "r2"}


def matrix(path):
    z = np.load(path)
    x = sp.csr_matrix((z["data"], z["indices"], z["indptr"]), shape=z["shape"]).astype(np.float64)
    return x, z["labels"].astype(np.float64), z["exposure"].astype(np.float64) if "exposure" in z else None


def objective(name, x, y, e, w, b, l2):
    """The mean row loss and the penalty, as docs/job.md defines them."""
    m = x @ w + b
    if name == "diabetes":
        loss = (m - y) ** 2 / 2
    elif name == "freMTPL2":
        m = m + np.log(e)
        loss = np.exp(m) - y * m
    else:
        loss = np.logaddexp(0, np.where(y == y.max(), -m, m))
    return loss.mean() + l2 / 2 * (w @ w)


def metric(name, x, y, e, w, b):
    m = x @ w + b
    if name == "diabetes":
        return 1 - ((m - y) ** 2).sum() / ((y - y.mean()) ** 2).sum()
    if name == "freMTPL2":
        mu, rate = np.exp(m), y / e
        d = 2 * (np.where(rate > 0, rate * np.log(np.where(rate > 0, rate, 1) / mu), 0) - rate + mu)
        return (e * d).sum() / e.sum()
    return np.logaddexp(0, np.where(y == y.max(), -m, m)).mean()


def scikit(name, x, y, e, l2):
    n = len(y)
    if name == "diabetes":
        m = LinearRegression().fit(x.toarray(), y)
    elif name == "freMTPL2":  # its objective is a mean by exposure: alpha is scaled to be ours
        m = PoissonRegressor(alpha=l2 * n / e.sum(), tol=1e-10, max_iter=10000).fit(x, y / e, sample_weight=e)
    else:
        m = LogisticRegression(C=1 / (l2 * n), tol=1e-10, max_iter=10000).fit(x, y)
    return np.ravel(m.coef_), float(np.ravel(m.intercept_)[0])


def compare(name, data):
    work = tempfile.mkdtemp()
    rows = []
    try:
        place(name, data, work)
        job = f"{work}/job.yaml"
        shutil.copy(f"{HERE}/{name}.yaml", job)
        text, seconds = run(PARLEY, "train", job, "--json", "--data-dir", f"{work}/data")
        report, memory = json.loads(text), peak()
        l2 = json.load(open(f"{work}/out/job.json"))["model"]["l2"]
        run(PARLEY, "model", "export", f"{work}/out", "--to", "npz", "--out", f"{work}/model.npz")
        model = np.load(f"{work}/model.npz")
        for part in ("train", "test"):
            src = f"{work}/{TRAIN[name].replace('train', part) if name != 'a9a' or part == 'train' else 'a9a.t.svm'}"
            if os.path.exists(src) and (part == "train" or src != f"{work}/{TRAIN[name]}"):
                run(PARLEY, "data", "convert", src, f"{work}/{part}.npz", "--model", f"{work}/out")
        x, y, e = matrix(f"{work}/train.npz")
        tx, ty, te = matrix(f"{work}/test.npz") if os.path.exists(f"{work}/test.npz") else (x, y, e)
        width = x.shape[1]
        if tx.shape[1] < width:
            tx.resize((tx.shape[0], width))
        began = time.time()
        w, b = scikit(name, x, y, e, l2)
        fit = time.time() - began
        best = objective(name, x, y, e, w, b, l2)

        ours = np.ravel(model["weights"]).astype(np.float64), float(np.ravel(model["bias"])[0])
        value = objective(name, x, y, e, *ours, l2)
        assert abs(value / report["objective"] - 1) < 1e-6, (value, report["objective"])
        rows.append((name, "parley", f"{seconds:.2f}", f"{memory:.0f}", report["epochs"], f"{value:.9g}", f"{value / best - 1:+.1e}",
                     f"{metric(name, tx, ty, te, *ours):.5f}"))
        rows.append((name, "scikit-learn, fit alone", f"{fit:.2f}", "", "", f"{best:.9g}", "0", f"{metric(name, tx, ty, te, w, b):.5f}"))
        if name == "a9a" and shutil.which("liblinear-train"):
            _, seconds = run("liblinear-train", "-s", "0", "-B", "1", "-q", f"{work}/a9a.svm", f"{work}/m")
            z = np.array([float(line) for line in open(f"{work}/m").read().split("\nw\n")[1].split()])
            w, b = z[:-1], z[-1]
            value = objective(name, x, y, e, w, b, l2)
            rows.append((name, "liblinear -s 0", f"{seconds:.2f}", "", "", f"{value:.9g}", f"{value / best - 1:+.1e}", f"{metric(name, tx, ty, te, w, b):.5f}"))
    finally:
        shutil.rmtree(work)
    return rows


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    data, sets = os.path.abspath(sys.argv[1]), sys.argv[2:] or list(METRIC)
    rows = [("set", "tool", "seconds", "peak MB", "passes", "objective", "above scikit-learn", "test metric")]
    for name in sets:
        rows += compare(name, data)
    text = "".join("\t".join(map(str, r)) + "\n" for r in rows)
    print(text, end="")
    if not sys.argv[2:]:
        with open(f"{HERE}/results.tsv", "w") as f:
            f.write(text)


if __name__ == "__main__":
    main()
