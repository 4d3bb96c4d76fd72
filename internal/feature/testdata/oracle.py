"""Writes oracle.json: what scikit-learn 1.2.1 makes of flights.csv, of claims.csv
(made up here, shaped like a motor insurer's) and, where PARLEY_DATA is set, of
freMTPL2 (summary numbers alone). Needs python3-sklearn and python3-pandas of
Debian 12. flights.csv is every 4001st row of US DOT on-time data of early 2001."""
import json
import os

import numpy as np
import pandas as pd
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, StandardScaler

rng = np.random.default_rng(7)
n = 400
pd.DataFrame({
    "id": np.arange(n) + 1,
    "claims": rng.poisson(0.1, n),
    "exposure": np.round(rng.uniform(0.01, 1, n), 2),
    "density": np.round(np.exp(rng.normal(6, 2, n)), 3),
    "age": rng.integers(18, 90, n),
    "bonus": np.where(rng.random(n) < 0.6, 50, rng.integers(51, 200, n)),
    "brand": ["B%d" % b for b in rng.geometric(0.3, n)],
    "region": rng.choice(["Rhône", "Île", "Centre", "R 11"], n, p=[0.5, 0.3, 0.19, 0.01]),
}).to_csv("claims.csv", index=False)


def column(frame, name, numbers, names, bins):
    """What the three encoders make of some columns."""
    out = {"file": name, "numbers": {}, "names": {}}
    for c in numbers:
        for step, f in (("", lambda x: x), ("log1p", np.log1p)):
            x = f(frame[[c]].astype(float).values)
            scaler = StandardScaler().fit(x)
            out["numbers"][c + step] = {
                "mean": float(scaler.mean_[0]), "deviation": float(scaler.scale_[0]),
                "values": [float(v) for v in scaler.transform(x)[:40, 0]]}
        x = frame[[c]].astype(float).values
        for k in bins:
            d = KBinsDiscretizer(k, strategy="quantile", encode="ordinal").fit(x)
            out["numbers"][c]["edges%d" % k] = [float(e) for e in d.bin_edges_[0]]
            out["numbers"][c]["bins%d" % k] = [int(b) for b in d.transform(x)[:, 0]][:400]
    for c, least in names:
        e = OneHotEncoder(min_frequency=least, handle_unknown="infrequent_if_exist", sparse_output=False).fit(frame[[c]])
        rows = e.transform(frame[[c]])
        unknown = e.transform(pd.DataFrame({c: ["never seen"]}))[0]
        out["names"][c] = {
            "min_count": least, "names": [n[len(c) + 1:] for n in e.get_feature_names_out()],
            "columns": [int(np.argmax(r)) if r.any() else -1 for r in rows][:400],
            "counts": [int(s) for s in rows.sum(axis=0)],
            "unknown": int(np.argmax(unknown)) if unknown.any() else -1}
    return out


def main():
    flights = pd.read_csv("flights.csv")
    claims = pd.read_csv("claims.csv")
    out = [
        column(flights, "flights.csv", ["distance", "delay"][:1], [("origin", 5), ("destination", 1), ("origin", 3)], [4, 10, 300]),
        column(claims, "claims.csv", ["density", "age", "bonus"], [("brand", 10), ("region", 5)], [3, 5, 10, 50]),
    ]
    root = os.environ.get("PARLEY_DATA")
    if root:
        cars = pd.read_csv(os.path.join(root, "freMTPL2/freMTPL2freq.csv.gz"))
        print(cars.columns)
        summary = column(cars, "freMTPL2/freMTPL2freq.csv.gz", ["Density", "BonusMalus", "DrivAge", "VehPower"],
                         [("VehBrand", 20000), ("Region", 1), ("Area", 1)], [4, 10])
        for v in summary["numbers"].values():  # figures alone: no row of it
            for key in [k for k in v if k == "values" or k.startswith("bins")]:
                del v[key]
        for v in summary["names"].values():
            del v["columns"]
        out.append(summary)
    with open("oracle.json", "w") as f:
        json.dump(out, f, indent=0)
        f.write("\n")


main()
