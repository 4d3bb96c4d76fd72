"""Writes digits.json: the singular values of scikit-learn's digits (../../softmax/testdata/digits.svm.gz) and the
right singular vectors of the first ten, with signs as Parley has them, by numpy's svd (LAPACK).

    python3 digits.py      (numpy 1.24, scikit-learn 1.2)
"""
import json
import numpy as np
from sklearn.datasets import load_svmlight_file

a = load_svmlight_file("../../softmax/testdata/digits.svm.gz", n_features=64)[0].toarray()
_, s, vt = np.linalg.svd(a, full_matrices=False)
vt = vt[:10]
vt *= np.sign((vt**3).sum(axis=1))[:, None]
json.dump({"singular_values": s.tolist(), "vectors": vt.tolist(), "frobenius": float((a**2).sum())}, open("digits.json", "w"))
