# Writes optimum.json: a small sparse dataset whose columns are frequent to rare,
# and the optima of the models' objectives on it, by scikit-learn.
# Run: python3 optimum.py (scikit-learn 1.2.1)
import json

import numpy as np
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from sklearn.svm import SVC, LinearSVC

rng = np.random.default_rng(2)
n, d, k, l2 = 1200, 80, 5, 0.003
frequency = 1 / np.arange(1, d + 1)
frequency /= frequency.sum()
rows = [sorted(rng.choice(d, size=k, replace=False, p=frequency).tolist()) for _ in range(n)]
X = np.zeros((n, d))
for i, row in enumerate(rows):
    X[i, row] = 0.5
w = rng.normal(size=d) * 3
z = X @ w + 0.5
classes = np.where(rng.random(n) < 1 / (1 + np.exp(-z)), 1, -1)
numbers = np.float32(np.round(z + rng.normal(size=n), 2)).astype(float)

exposure = np.float32(np.round(rng.uniform(0.1, 2, size=n), 2)).astype(float)
counts = rng.poisson(np.exp(z / 6 - 1) * exposure).astype(float)

# All but the last minimise the sum of the losses, so C and alpha are 1/(l2*n) and
# l2*n. SVC is the one with a hinge loss whose bias is not penalised; LinearSVC comes
# near it when the bias is scaled so that its penalty is small.
logistic = LogisticRegression(C=1 / (l2 * n), tol=1e-10, max_iter=10000).fit(X, classes)
ridge = Ridge(alpha=l2 * n, tol=1e-10).fit(X, numbers)

hinge = SVC(kernel="linear", C=1 / (l2 * n), tol=1e-9).fit(X, classes)
near = LinearSVC(loss="hinge", C=1 / (l2 * n), intercept_scaling=30, tol=1e-4, max_iter=10**6).fit(X, classes)
# The mean here is weighted by exposure: its divisor is the sum of the exposures.
poisson = PoissonRegressor(alpha=l2 * n / exposure.sum(), tol=1e-10, max_iter=10000).fit(
    X, counts / exposure, sample_weight=exposure)


def penalty(w):
    return l2 / 2 * float(np.sum(w ** 2))


margin = X @ logistic.coef_[0] + logistic.intercept_[0]
error = X @ ridge.coef_ + ridge.intercept_ - numbers
eta = X @ poisson.coef_ + poisson.intercept_ + np.log(exposure)


def hinge_objective(m):
    return float(np.mean(np.maximum(0, 1 - classes * (X @ m.coef_[0] + m.intercept_[0])))) + penalty(m.coef_)


assert 0 <= hinge_objective(near) / hinge_objective(hinge) - 1 < 1e-4
out = {
    "columns": d,
    "value": 0.5,
    "l2": l2,
    "rows": rows,
    "classes": classes.tolist(),
    "numbers": numbers.tolist(),
    "counts": counts.tolist(),
    "exposure": exposure.tolist(),
    "hinge": hinge_objective(hinge),
    "poisson": float(np.mean(np.exp(eta) - counts * eta)) + penalty(poisson.coef_),
    "logistic": float(np.mean(np.logaddexp(0, -classes * margin))) + penalty(logistic.coef_),
    "linear": float(np.mean(error ** 2)) / 2 + penalty(ridge.coef_),
    "logistic_norm": float(np.sum(logistic.coef_ ** 2)),
    "linear_norm": float(np.sum(ridge.coef_ ** 2)),
}
with open("optimum.json", "w") as f:
    f.write("{\n" + ",\n".join('"%s": %s' % (k, json.dumps(v)) for k, v in out.items()) + "\n}\n")
print(out["logistic"], out["linear"], out["hinge"], out["poisson"], out["logistic_norm"], out["linear_norm"])
