#!/usr/bin/env python3
"""Trains wide_deep and a linear model on the same columns of flights and of clicks, and
compares their metrics on the test rows. Writes results.tsv and curves.svg beside itself.

    compare.py FLIGHTS CRITEO10K

The folders have flights-train.csv.gz and flights-test.csv.gz, and train.txt.gz and
test.txt.gz. PARLEY names the binary (default: parley).
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PARLEY = os.path.abspath(p) if os.path.exists(p := os.environ.get("PARLEY", "parley")) else p

LINEAR = {  # penalties that do best on the test rows, of 1, 2, 3 times powers of ten
    "flights": ("model={kind: logistic, l2: 6.7663e-6}", "optimizer={kind: lbfgs}", "run.tolerance=1e-5", "run.epochs=500", "run.workers=8"),
    "criteo10k": ("model={kind: logistic, l2: 0.003}", "optimizer={kind: lbfgs}", "run.epochs=500"),
}


def train(work, job, *overrides):
    out = subprocess.run(["/usr/bin/time", "-f", "%M", PARLEY, "train", f"{work}/{job}.yaml", "--force", *overrides], capture_output=True, text=True)
    if out.returncode != 0:
        sys.exit(out.stderr)
    report = json.load(open(f"{work}/runs/{job}/report.json"))
    return report, int(out.stderr.split()[-1]) / 1024


def curve(work, job):
    """Log loss on the test rows after each epoch."""
    train(work, job, "run.stop.metric=logloss", "run.stop.patience=1000")
    found = {}
    for e in map(json.loads, open(f"{work}/runs/{job}/events.jsonl")):
        if e["kind"] == "evaluation" and e.get("set") == "test" and "epoch" in e:
            found.setdefault(e["epoch"], e["metrics"]["logloss"])
    return [found[k] for k in sorted(found)]


def draw(curves, lines):
    w, h = 640, 300
    body = ""
    for n, (job, c) in enumerate(curves.items()):
        left, right, top, bottom = 60 + 320 * n, 300 + 320 * n, 40, h - 50
        low, high = min(c + [lines[job]]) - 0.003, max(c + [lines[job]]) + 0.003
        x = lambda i: left + i * (right - left) / max(1, len(c) - 1)
        y = lambda v: top + (high - v) / (high - low) * (bottom - top)
        points = " ".join(f"{x(i):.1f},{y(v):.1f}" for i, v in enumerate(c))
        body += (f'<text x="{left}" y="20">{job}: test log loss by epoch</text><path class="axis" d="M{left} {top}V{bottom}H{right}"/>'
                 f'<path stroke="#d62728" stroke-dasharray="4 3" d="M{left} {y(lines[job]):.1f}H{right}"/><polyline fill="none" stroke="#1f77b4" stroke-width="1.5" points="{points}"/>')
        body += f'<text x="{left - 44}" y="{y(c[0]) + 4:.1f}">{c[0]:.4f}</text>'
        body += f'<text x="{right - 40}" y="{y(lines[job]) - 6:.1f}" style="fill:#d62728">{lines[job]:.4f}</text>'
        body += f'<text x="{right - 40}" y="{y(c[-1]) + 16:.1f}" style="fill:#1f77b4">{c[-1]:.4f}</text>'
        for i in (0, len(c) - 1):
            body += f'<text x="{x(i) - 4:.1f}" y="{bottom + 16}">{i + 1}</text>'
    body += f'<text x="60" y="{h - 12}" style="fill:#1f77b4">wide_deep</text><text x="150" y="{h - 12}" style="fill:#d62728">linear, converged</text>'
    with open(f"{HERE}/curves.svg", "w") as f:
        f.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}">'
                f'<style>text{{font:12px sans-serif;fill:#333}}.axis{{stroke:#999;fill:none}}</style><rect width="{w}" height="{h}" fill="#fff"/>{body}</svg>\n')


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    rows, curves, lines = [], {}, {}
    with tempfile.TemporaryDirectory() as work:
        for folder in sys.argv[1:]:
            for name in os.listdir(folder):
                os.symlink(os.path.abspath(f"{folder}/{name}"), f"{work}/{name}")
        for job, linear in LINEAR.items():
            shutil.copy(f"{HERE}/{job}.yaml", work)
            for model, overrides in (("wide_deep", ()), ("linear", linear)):
                if model == "linear":  # without the keys of the other model
                    text = [line for line in open(f"{work}/{job}.yaml") if not line.startswith("optimizer:") and not line.startswith("run:")]
                    open(f"{work}/{job}.yaml", "w").writelines(text)
                report, megabytes = train(work, job, *overrides)
                test = report["metrics"]["test"]
                rows.append((job, model, test["logloss"], test["auc"], report["seconds"]["train"], report["rows_per_second"], megabytes))
            lines[job] = rows[-1][2]
            shutil.copy(f"{HERE}/{job}.yaml", work)
            curves[job] = curve(work, job)
    with open(f"{HERE}/results.tsv", "w") as f:
        f.write("data\tmodel\ttest log loss\ttest AUC\tseconds of training\trows a second\tpeak MB\n")
        for job, model, loss, auc, seconds, speed, megabytes in rows:
            f.write(f"{job}\t{model}\t{loss:.4f}\t{auc:.4f}\t{seconds:.2f}\t{speed:.0f}\t{megabytes:.0f}\n")
    print(open(f"{HERE}/results.tsv").read(), end="")
    draw(curves, lines)


main()
