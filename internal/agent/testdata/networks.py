#!/usr/bin/env python3
"""Writes networks.json: a multilayer perceptron in NumPy, in float64, step by step.

    python3 networks.py > networks.json

Update rules are as in PyTorch (SGD with momentum, Adagrad, Adam, AdamW). Parameters are in
the order of Parley's keys: W0 [in, out], then the other weights [out, in], then biases.
"""
import json
import sys

import numpy as np

LAYERS = [6, 5, 4, 3]
STEPS, ROWS = 20, 8
rng = np.random.default_rng(7)


def unpack(p):
    at, weights, biases = 0, [], []
    for i, (m, n) in enumerate(zip(LAYERS, LAYERS[1:])):
        w = p[at:at + m * n]
        weights.append(w.reshape(m, n).T if i == 0 else w.reshape(n, m))
        at += m * n
    for n in LAYERS[1:]:
        biases.append(p[at:at + n])
        at += n
    return weights, biases


def pack(weights, biases):
    return np.concatenate([weights[0].T.ravel()] + [w.ravel() for w in weights[1:]] + biases)


FUNCTIONS = {
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
}


def gradient(p, x, y, activation):
    weights, biases = unpack(p)
    f, slope = FUNCTIONS[activation]
    xs, zs = [x], []
    for i, (w, b) in enumerate(zip(weights, biases)):
        zs.append(xs[-1] @ w.T + b)
        xs.append(f(zs[-1]) if i + 1 < len(weights) else zs[-1])
    z = zs[-1] - zs[-1].max(axis=1, keepdims=True)
    log = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    loss = -log[np.arange(len(y)), y].mean()
    dz = np.exp(log)
    dz[np.arange(len(y)), y] -= 1
    dz /= len(y)
    dws, dbs = [], []
    for i in reversed(range(len(weights))):
        dws.insert(0, dz.T @ xs[i])
        dbs.insert(0, dz.sum(axis=0))
        if i:
            dz = (dz @ weights[i]) * slope(zs[i - 1])
    return loss, pack(dws, dbs)


def rule(kind, rate, **o):
    state = {}

    def step(p, g, t):
        if o.get("weight_decay"):
            decayed = np.zeros_like(p)
            count = sum(m * n for m, n in zip(LAYERS, LAYERS[1:]))
            decayed[:count] = p[:count]
            p = p - rate * o["weight_decay"] * decayed
        if kind == "sgd":
            return p - rate * g
        if kind == "momentum":
            b = state["b"] = o["momentum"] * state.get("b", 0) + g
            return p - rate * ((g + o["momentum"] * b) if o.get("nesterov") else b)
        if kind == "adagrad":
            a = state["a"] = state.get("a", 0) + g * g
            return p - rate * g / (np.sqrt(a) + 1e-8)
        m = state["m"] = 0.9 * state.get("m", 0) + 0.1 * g
        v = state["v"] = 0.999 * state.get("v", 0) + 0.001 * g * g
        return p - rate * (m / (1 - 0.9 ** t)) / (np.sqrt(v / (1 - 0.999 ** t)) + 1e-8)

    return step


size = sum(m * n + n for m, n in zip(LAYERS, LAYERS[1:]))
start = rng.uniform(-0.7, 0.7, size).astype(np.float32).astype(float)
x = rng.normal(size=(STEPS, ROWS, LAYERS[0])).round(3)
x[rng.random(x.shape) < 0.4] = 0
y = rng.integers(0, LAYERS[-1], (STEPS, ROWS))
cases = []
for activation in FUNCTIONS:
    for optimizer in (
        {"kind": "sgd", "rate": 0.3},
        {"kind": "momentum", "rate": 0.1, "momentum": 0.9},
        {"kind": "momentum", "rate": 0.1, "momentum": 0.8, "nesterov": True},
        {"kind": "adagrad", "rate": 0.1},
        {"kind": "adam", "rate": 0.02},
        {"kind": "adam", "rate": 0.02, "weight_decay": 0.5},
    ):
        p, step, losses = start.copy(), rule(**optimizer), []
        for t in range(STEPS):
            loss, g = gradient(p, x[t], y[t], activation)
            losses.append(loss)
            p = step(p, g, t + 1)
        cases.append({"activation": activation, "optimizer": optimizer, "losses": losses, "parameters": p.tolist()})
json.dump({"layers": LAYERS, "start": start.tolist(), "x": x.tolist(), "y": y.tolist(), "cases": cases}, sys.stdout)
