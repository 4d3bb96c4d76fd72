# Writes oracle.json: metrics by scikit-learn of random margins with ties and of
# random means. Run: python3 oracle.py (scikit-learn 1.2.1)
import json

import numpy as np
from sklearn import metrics as sk

rng = np.random.default_rng(1)
n = 300
margins = np.round(rng.normal(size=n) * 2, 1)
positive = rng.random(n) < 1 / (1 + np.exp(-margins))
p = 1 / (1 + np.exp(-margins))
hit = margins > 0
means = np.round(rng.normal(size=n) * 3 + 100, 3)
labels = np.float32(np.round(means + rng.normal(size=n), 2)).astype(float)
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
