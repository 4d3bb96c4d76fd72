#!/usr/bin/env python3
"""Writes oracle.json beside it: what the gradient rules make of fixed gradients.

Plain float64, step by step as the documentation has it:
  sgd, momentum   torch.optim.SGD (dampening 0, maximize False)
  adagrad         torch.optim.Adagrad (lr_decay 0, initial_accumulator_value 0)
  adam            torch.optim.Adam (amsgrad False); sparse: torch.optim.SparseAdam
  ftrl            McMahan et al., KDD 2013, algorithm 1, with g the mean gradient
weight_decay is l2. Needs nothing but Python; the same bytes on every run.
"""
import json
import math
import os
import random

STEPS, KEYS, ROWS = 25, 5, 8


def sgd(p, s, g, lr, momentum=0.0, nesterov=False):
    if momentum != 0:
        if "b" in s:
            s["b"] = momentum * s["b"] + g
        else:
            s["b"] = g
        g = g + momentum * s["b"] if nesterov else s["b"]
    return p - lr * g


def adagrad(p, s, g, lr, eps):
    s["sum"] = s.get("sum", 0.0) + g * g
    return p - lr * g / (math.sqrt(s["sum"]) + eps)


def adam(p, s, g, lr, b1, b2, eps, t):
    s["m"] = b1 * s.get("m", 0.0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0.0) + (1 - b2) * g * g
    mhat = s["m"] / (1 - b1**t)
    vhat = s["v"] / (1 - b2**t)
    return p - lr * mhat / (math.sqrt(vhat) + eps)


def ftrl(p, s, g, alpha, beta, l1, l2):
    z, n = s.get("z", 0.0), s.get("n", 0.0)
    sigma = (math.sqrt(n + g * g) - math.sqrt(n)) / alpha
    z, n = z + g - sigma * p, n + g * g
    s["z"], s["n"] = z, n
    if abs(z) <= l1:
        return 0.0
    return -(z - math.copysign(l1, z)) / ((beta + math.sqrt(n)) / alpha + l2)


CASES = [
    ("sgd", {"rate": 0.1, "gradient": True}, lambda p, s, g, t: sgd(p, s, g, 0.1)),
    ("sgd", {"rate": 0.1, "gradient": True, "l2": 0.3}, lambda p, s, g, t: sgd(p, s, g + 0.3 * p, 0.1)),
    ("momentum", {"rate": 0.05, "momentum": 0.9}, lambda p, s, g, t: sgd(p, s, g, 0.05, 0.9)),
    ("momentum", {"rate": 0.05, "momentum": 0.7, "nesterov": True, "l2": 0.1},
     lambda p, s, g, t: sgd(p, s, g + 0.1 * p, 0.05, 0.7, True)),
    ("adagrad", {"rate": 0.5, "gradient": True, "epsilon": 1e-8}, lambda p, s, g, t: adagrad(p, s, g, 0.5, 1e-8)),
    ("adagrad", {"rate": 0.5, "gradient": True, "epsilon": 0.1, "l2": 0.2},
     lambda p, s, g, t: adagrad(p, s, g + 0.2 * p, 0.5, 0.1)),
    ("adam", {"rate": 0.02, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8},
     lambda p, s, g, t: adam(p, s, g, 0.02, 0.9, 0.999, 1e-8, t)),
    ("adam", {"rate": 0.02, "beta1": 0.8, "beta2": 0.95, "epsilon": 0.01, "l2": 0.2},
     lambda p, s, g, t: adam(p, s, g + 0.2 * p, 0.02, 0.8, 0.95, 0.01, t)),
    ("ftrl", {"rate": 0.1, "beta": 1}, lambda p, s, g, t: ftrl(p, s, g, 0.1, 1, 0, 0)),
    ("ftrl", {"rate": 0.3, "beta": 0.5, "l1": 0.4, "l2": 0.2}, lambda p, s, g, t: ftrl(p, s, g, 0.3, 0.5, 0.4, 0.2)),
]


def run(rng, kind, settings, rule, sparse):
    weights = [0.0 if kind == "ftrl" else rng.randrange(-64, 65) / 64 for _ in range(KEYS)]
    states = [{} for _ in range(KEYS)]
    case = {"settings": dict(settings, kind=kind), "rows": ROWS, "start": list(weights), "steps": []}
    for t in range(1, STEPS + 1):
        sums = [rng.randrange(-1024, 1025) / 64 for _ in range(KEYS)]  # exact in float32
        touched = [0 if sparse and rng.random() < 0.4 else 1 + rng.randrange(3) for _ in range(KEYS)]
        for k in range(KEYS):
            if touched[k]:
                weights[k] = rule(weights[k], states[k], sums[k] / ROWS, t)
            else:
                sums[k] = 0.0
        case["steps"].append({"sum": sums, "touched": touched, "weights": [float("%.9g" % w) for w in weights]})
    return case


def main():
    rng = random.Random(7)
    cases = []
    for kind, settings, rule in CASES:
        cases.append(run(rng, kind, settings, rule, False))
        if "l2" not in settings or kind == "ftrl":
            cases.append(run(rng, kind, settings, rule, True))
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "oracle.json"), "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")


main()
