"""Evaluates an ONNX model on rows of numbers: onnx.py MODEL < rows. Prints a line a row.

It reads protocol buffers by their wire format, and knows the operators by their definitions,
so that nothing here is Parley's or needs a library of ONNX.
"""
import sys

import numpy as np


def fields(data):
    """The fields of a message: numbers and bytes by their number, in order."""
    found, at = {}, 0

    def varint():
        nonlocal at
        n = shift = 0
        while True:
            b = data[at]
            at += 1
            n |= (b & 127) << shift
            shift += 7
            if b < 128:
                return n

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            value = varint()
        elif key & 7 == 2:
            size = varint()
            value = data[at:at + size]
            at += size
        else:
            raise ValueError("wire type %d" % (key & 7))
        found.setdefault(key >> 3, []).append(value)
    return found


def names(values):
    return [v.decode() for v in values or []]


model = fields(open(sys.argv[1], "rb").read())
assert model[1] == [8] and [fields(o)[2] for o in model[8]] == [[13]], "versions"
graph = fields(model[7][0])
values = {}
for t in map(fields, graph[5]):
    assert t[2] == [1], "not float32"
    values[names(t[8])[0]] = np.frombuffer(t[9][0], "<f4").reshape(t.get(1, []))
inputs, outputs = ([names(fields(i)[1])[0] for i in graph[k]] for k in (11, 12))
values[inputs[0]] = np.array([[float(v) for v in line.split()] for line in sys.stdin], np.float32)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


operators = {
    "Gemm": lambda a, b, c: a @ b.T + c,
    "Relu": lambda z: np.maximum(z, 0),
    "Tanh": np.tanh,
    "Mul": lambda a, b: a * b,
    "Add": lambda a, b: a + b,
    "Softmax": softmax,
    "Sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "Identity": lambda z: z,
}
for n in map(fields, graph[1]):
    op = names(n[4])[0]
    attributes = {names(a[1])[0]: a[3][0] for a in map(fields, n.get(5, []))}
    assert attributes == {"Gemm": {"transB": 1}, "Softmax": {"axis": 1}}.get(op, {}), (op, attributes)
    values[names(n[2])[0]] = operators[op](*(values[v] for v in names(n[1])))
for row in values[outputs[0]]:
    print("\t".join("%.9g" % v for v in row))
