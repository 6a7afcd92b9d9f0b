"""Calibration: probabilities that mean what they say, chosen and fitted on out-of-fold margins.

Methods are compared by cross-fitted log loss, in which rows that depend on each other stay together; of those
that are hardly worse than the best the simplest is kept, and none at all is the simplest. Slope and shift
are folded into the graph's leaves; a curve is three to five nodes behind them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.evaluation.calibration_methods import OF_MORE, OF_TWO, Line, losses
from mlwright.evaluation.curves import Curve
from mlwright.statistics.intervals import clustered_error

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FOLDS = 5
DOUBT = 0.5
"""What a method must gain on a simpler one, in standard errors of the gain. With 1, real gains are forgone
where rows are few or losses have long tails; with 0, what was right already is changed too often. Fits are
held to doing nothing, so that a needless one costs little. Measured: `benchmarks/calibration.py`."""
LEAST_ROWS, LEAST_OF_A_CLASS = 50, 5
MOST_ROWS, MOST_CELLS = 100_000, 2_000_000
"""Rows, and rows times classes, that a calibration is chosen and fitted on: a few seconds at most."""


@dataclass(frozen=True)
class Calibrator:
    """margin' = curve(slope * margin + shift). With two classes the margin is the log-odds of the second."""

    slope: float = 1.0
    shift: float | tuple[float, ...] = 0.0
    """One number, or one for each of more than two classes."""
    method: str = "none"
    said: str = "not needed: no calibration lowered the cross-fitted log loss enough"
    curve: Curve | None = None
    """Of two classes; None where a straight line does."""

    def apply(self, margin: Doubles) -> Doubles:
        """Calibrated margins, as wide as `margin` [N, M]: log-odds [N, 1], or scores [N, K]."""
        straight = np.asarray(margin * self.slope + self.shift)
        return straight if self.curve is None else self.curve.apply(straight)


def fit_calibrator(
    margin: Doubles, y: Ints, weights: Doubles | None, seed: int = 0, *, clusters: Ints | None = None
) -> Calibrator:
    """The calibration of `margin` for classes `y` [N], or none where it hardly helps.

    `margin` is [N, 1], the log-odds of the second of two classes, or [N, K] scores of more. `clusters` [N]
    are codes of rows that depend on each other: they are cross-fitted together, and standard errors heed
    them. Fewer than 50 rows, or a class with fewer than 5: none. Rows of no weight are as if they were not
    there.
    """
    margin, y, weights, clusters = _some(margin, y, weights, clusters, seed)
    n, classes = len(margin), max(margin.shape[1], 2)
    if n < LEAST_ROWS or np.bincount(y, minlength=classes).min() < LEAST_OF_A_CLASS:
        return Calibrator(said="not attempted: too few rows to fit it")
    w = np.ones(n) if weights is None else weights * (weights.sum() / (weights @ weights))
    methods = OF_TWO if margin.shape[1] == 1 else OF_MORE
    by_method = _cross_fitted(margin, y, w, clusters, seed)
    if by_method is None:
        return Calibrator(said="not attempted: too few independent rows to compare it with none")
    name, gain, error = _chosen(by_method, w, clusters)
    if name == "none":
        return Calibrator()
    line = methods[name](margin, y, w)
    said = f"{name}: lowered the cross-fitted log loss by {gain:.2g} (standard error {error:.1g})"
    shift = line.shift[0] if len(line.shift) == 1 else line.shift
    return Calibrator(line.slope, shift, name, said, line.curve)


def _cross_fitted(
    margin: Doubles, y: Ints, w: Doubles, clusters: Ints | None, seed: int
) -> dict[str, Doubles] | None:
    """Losses [N] by method, the simplest first, each row's by a fit without it and what depends on it; None
    where some fold leaves the others without a class."""
    n, classes = len(margin), max(margin.shape[1], 2)
    random = np.random.default_rng(seed)
    if clusters is None:
        fold = random.permutation(n) % FOLDS
    else:
        fold = (random.permutation(int(clusters.max()) + 1) % FOLDS)[clusters]
    methods = OF_TWO if margin.shape[1] == 1 else OF_MORE
    out = {"none": losses(margin, y), **{name: np.empty(n) for name in methods}}
    for f in range(FOLDS):
        held = fold == f
        if not held.any():
            continue
        if held.all() or np.bincount(y[~held], minlength=classes).min() < 1:
            return None
        for name, method in methods.items():
            line: Line = method(margin[~held], y[~held], w[~held])
            out[name][held] = losses(line.apply(margin[held]), y[held])
    return out


def _chosen(by_method: dict[str, Doubles], w: Doubles, clusters: Ints | None) -> tuple[str, float, float]:
    """The simplest method that the best does not beat by more than `DOUBT` standard errors; what it gains on
    none, and the standard error of that."""
    share = w / w.sum()

    def gained(worse: str, better: str) -> tuple[float, float]:
        gain = by_method[worse] - by_method[better]
        mean = float(share @ gain)
        return mean, clustered_error(share * (gain - mean), clusters)[0]

    best = min(by_method, key=lambda name: float(share @ by_method[name]))
    for name in by_method:
        gain, error = gained(name, best)
        if name == best or not gain > DOUBT * error:
            return (name, *gained("none", name))
    raise AssertionError("the best is among them")


def _some(
    margin: Doubles, y: Ints, weights: Doubles | None, clusters: Ints | None, seed: int
) -> tuple[Doubles, Ints, Doubles | None, Ints | None]:
    """Rows of some weight and with finite margins, no more of them than can be afforded, drawn by `seed`."""
    kept = np.isfinite(margin).all(axis=1)
    if weights is not None:
        kept &= weights > 0
    rows = np.flatnonzero(kept)
    most = max(LEAST_ROWS, min(MOST_ROWS, MOST_CELLS // margin.shape[1]))
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
    if len(rows) == len(margin):
        return margin, y, weights, clusters
    codes = None if clusters is None else np.unique(clusters[rows], return_inverse=True)[1].astype(np.int64)
    return margin[rows], y[rows], None if weights is None else weights[rows], codes
