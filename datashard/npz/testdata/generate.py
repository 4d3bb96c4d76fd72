"""Writes scipy.npz: the matrix of rows in npz_test.go, as scipy saves it."""

import numpy as np
import scipy.sparse

matrix = scipy.sparse.csr_matrix(
    (np.array([1, 2.5, -3], np.float32), np.array([0, 4, 2], np.int32), np.array([0, 2, 2, 3], np.int32)), shape=(3, 7)
)
scipy.sparse.save_npz("scipy.npz", matrix)
