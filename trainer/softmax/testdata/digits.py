# Writes digits.svm.gz, scikit-learn's digits (1797 images of 8×8, ten classes) with
# pixels from 0 to 1, and digits.json: the optimum of the objective
#
#   mean log loss + l2/2 · ‖W‖²
#
# on the first 1300 rows, and its metrics on the others.
# Run: python3 digits.py (scikit-learn 1.2.1)
import gzip
import json

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, precision_recall_fscore_support

n, l2 = 1300, 1e-3
X, y = load_digits(return_X_y=True)
X = X / 16
lines = []
for row, label in zip(X, y):
    cells = [f"{j + 1}:{v:g}" for j, v in enumerate(row) if v]
    lines.append(" ".join([str(label), *cells]) + "\n")
with gzip.GzipFile("digits.svm.gz", "wb", mtime=0) as f:
    f.write("".join(lines).encode())

model = LogisticRegression(C=1 / (l2 * n), solver="newton-cg", tol=1e-10, max_iter=20000, multi_class="multinomial").fit(X[:n], y[:n])
p = model.predict_proba(X)
test = y[n:]
predicted = model.predict(X[n:])
precision, recall, f1, _ = precision_recall_fscore_support(test, predicted, average="macro")
out = {
    "rows": n,
    "l2": l2,
    "weights": model.coef_.tolist(),
    "bias": model.intercept_.tolist(),
    "loss": log_loss(y[:n], p[:n]),
    "objective": log_loss(y[:n], p[:n]) + l2 / 2 * float(np.sum(model.coef_ ** 2)),
    "confusion": confusion_matrix(test, predicted).ravel().tolist(),
    "test": {"logloss": log_loss(test, p[n:]), "accuracy": accuracy_score(test, predicted), "precision": precision, "recall": recall, "f1": f1},
}
with open("digits.json", "w") as f:
    json.dump(out, f)
    f.write("\n")
