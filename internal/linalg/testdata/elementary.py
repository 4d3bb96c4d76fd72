# Writes elementary.json: values of exp, log and the like, each the sum of two
# float64 (high, low), from mpmath with 60 digits. Run: python3 elementary.py
import json
import random

from mpmath import mp, mpf

mp.dps = 60
rng = random.Random(1)


def split(v):
    high = float(v)
    return [high, float(v - mpf(high))]


def table(f, points):
    return [[x] + split(f(mpf(x))) for x in points]


def spread(n, low, high):  # both signs, all sizes from 2**low to 2**high
    return [rng.choice([-1, 1]) * rng.uniform(1, 2) * 2.0 ** rng.randint(low, high - 1) for _ in range(n)]


wide = spread(60, -30, 4) + [rng.uniform(-700, 700) for _ in range(60)] + [rng.uniform(-30, 30) for _ in range(80)]
positive = [abs(x) for x in spread(80, -60, 60)] + [rng.uniform(0.5, 2) for _ in range(120)]
above = [x for x in spread(150, -50, 1) if x > -1] + [abs(x) for x in spread(50, 0, 60)] + [rng.uniform(0, 1) for _ in range(60)]
tables = {
    "exp": table(mp.exp, wide + [709.7, -708.3]),
    "log": table(mp.log, positive + [5e-324, 1.7e308]),
    "log1p": table(mp.log1p, above),
    "sigmoid": table(lambda x: 1 / (1 + mp.exp(-x)), wide),
    "softplus": table(lambda x: mp.log1p(mp.exp(x)), wide),
}
with open("elementary.json", "w") as f:
    f.write("{\n" + ",\n".join('"%s": %s' % (k, json.dumps(v).replace("], [", "],\n[")) for k, v in tables.items()) + "\n}\n")
