"""The boosters and scikit-learn's calibrations of `calibration.py`, run by it in an environment of its own.

python calibration_peer.py given.npz got.npz
"""

from __future__ import annotations

import sys

import lightgbm
import numpy as np
from sklearn.calibration import CalibratedClassifierCV

FOLDS = 5
METHODS = ("sigmoid", "isotonic", "temperature")


def main(given: str, got: str) -> None:
    with np.load(given, allow_pickle=False) as told:
        x, y, fresh = told["x"], told["y"], told["fresh"]
        seed, classes = int(told["seed"]), int(told["classes"])

    def booster() -> lightgbm.LGBMClassifier:
        return lightgbm.LGBMClassifier(random_state=seed, n_jobs=1, verbose=-1)

    def answers(model: object, rows: np.ndarray) -> np.ndarray:
        out = np.zeros((len(rows), classes))
        out[:, model.classes_] = model.predict_proba(rows)
        return out

    out = {"none": answers(booster().fit(x, y), fresh)}
    fold = np.random.default_rng(seed).permutation(len(y)) % FOLDS
    out["oof"] = np.zeros((len(y), classes))
    for f in range(FOLDS):
        out["oof"][fold == f] = answers(booster().fit(x[fold != f], y[fold != f]), x[fold == f])
    for method in METHODS:
        for averaged in (False, True):
            fitted = CalibratedClassifierCV(booster(), method=method, cv=FOLDS, ensemble=averaged).fit(x, y)
            out[f"{method}{' averaged' if averaged else ''}"] = answers(fitted, fresh)
    np.savez(got, **out)


if __name__ == "__main__":
    main(*sys.argv[1:])
