# Writes oracle.json: metrics by scikit-learn of random margins with ties and of
# random means, by rows and by weight. Run: python3 oracle.py (scikit-learn 1.2.1)
import json

import numpy as np
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

rng = np.random.default_rng(1)
n = 300
margins = np.round(rng.normal(size=n) * 2, 1)
positive = rng.random(n) < 1 / (1 + np.exp(-margins))
p = 1 / (1 + np.exp(-margins))
hit = margins > 0
means = np.round(rng.normal(size=n) * 3 + 100, 3)
labels = np.float32(np.round(means + rng.normal(size=n), 2)).astype(float)

# Bins as calibration_curve cuts them: it returns the shares and mean probabilities
# of those that are not empty.
edges = np.linspace(0, 1, 11)
bins = np.searchsorted(edges[1:-1], p)
rows = np.bincount(bins, minlength=10)
share, mean = calibration_curve(positive, p, n_bins=10)

# Counts of random exposure and weight; zeros and large means are among them.
counts_margins = np.round(rng.normal(size=n) * 1.5 - 0.5, 3)
exposure = np.float32(np.round(rng.uniform(0.02, 2, size=n), 2)).astype(float)
weights = np.float32(np.round(rng.exponential(size=n), 2)).astype(float)
counts = rng.poisson(np.exp(counts_margins) * exposure).astype(float)
rate = np.exp(counts_margins)
signs = np.where(positive, 1, -1)
out = {
    "margins": margins.tolist(),
    "positive": positive.tolist(),
    "classification": {
        "logloss": sk.log_loss(positive, p),
        "accuracy": sk.accuracy_score(positive, hit),
        "auc": sk.roc_auc_score(positive, margins),
        "precision": sk.precision_score(positive, hit),
        "recall": sk.recall_score(positive, hit),
        "f1": sk.f1_score(positive, hit),
        "ece": float(np.sum(rows[rows > 0] * np.abs(share - mean)) / n),
    },
    "confusion": sk.confusion_matrix(positive, hit).tolist(),
    "bin_rows": rows.tolist(),
    "bin_shares": share.tolist(),
    "bin_means": mean.tolist(),
    "hinge_loss": sk.hinge_loss(signs, margins),
    "weighted_hinge_loss": sk.hinge_loss(signs, margins, sample_weight=weights),
    "weights": weights.tolist(),
    "rate_margins": counts_margins.tolist(),
    "exposure": exposure.tolist(),
    "counts": counts.tolist(),
    "counted": {
        "poisson_deviance": sk.mean_poisson_deviance(counts / exposure, rate, sample_weight=exposure * weights),
        "d2": sk.d2_tweedie_score(counts / exposure, rate, sample_weight=exposure * weights, power=1),
        "mae": sk.mean_absolute_error(counts, rate * exposure, sample_weight=weights),
    },
    "plain_counted": {
        "poisson_deviance": sk.mean_poisson_deviance(counts, rate),
        "d2": sk.d2_tweedie_score(counts, rate, power=1),
        "mae": sk.mean_absolute_error(counts, rate),
    },
    "means": means.tolist(),
    "labels": labels.tolist(),
    "regression": {
        "mse": sk.mean_squared_error(labels, means),
        "rmse": sk.mean_squared_error(labels, means) ** 0.5,
        "mae": sk.mean_absolute_error(labels, means),
        "r2": sk.r2_score(labels, means),
    },
}
with open("oracle.json", "w") as f:
    f.write("{\n" + ",\n".join('"%s": %s' % (k, json.dumps(v)) for k, v in out.items()) + "\n}\n")
