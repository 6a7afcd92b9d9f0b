"""Calibration mends probabilities that are off, leaves good ones alone, and is the same in the graph."""

import numpy as np

from mlwright.evaluation.calibration import fit_calibrator
from mlwright.statistics.links import sigmoid, softmax


def drawn(seed: int, classes: int, n: int = 4000):
    rng = np.random.default_rng(seed)
    margin = rng.normal(size=(n, classes)) * 1.5
    p = softmax(margin)
    y = np.array([rng.choice(classes, p=row) for row in p])
    return margin, p, y


def log_loss(p, y):
    return -np.log(p[np.arange(len(y)), y]).mean()


def width_of(margin):
    """Scores as a calibrator takes them: log-odds of the second of two classes, scores of more."""
    return margin[:, 1:] - margin[:, :1] if margin.shape[1] == 2 else margin


def probability(margin):
    return sigmoid(margin[:, 0]) if margin.shape[1] == 1 else softmax(margin)


def test_overconfident_probabilities_are_mended():
    for classes in (2, 4):
        margin, p, y = drawn(0, classes)
        off = width_of(margin * 3)
        fitted = fit_calibrator(off, y, None)
        assert fitted.method == ("platt" if classes == 2 else "temperature")
        mended = probability(fitted.apply(off))
        assert log_loss(mended, y) < log_loss(probability(off), y) - 0.05
        assert abs(log_loss(mended, y) - log_loss(p, y)) < 0.01


def test_good_probabilities_are_left_alone():
    kept = [fit_calibrator(m, y, None).method == "none" for m, _, y in (drawn(s, 3) for s in range(8))]
    assert sum(kept) >= 6


def test_too_few_rows_are_not_calibrated():
    margin, _, y = drawn(0, 2, 30)
    assert fit_calibrator(width_of(margin), y, None).method == "none"


def test_rows_of_no_weight_are_as_if_they_were_not_there():
    margin, _, y = drawn(0, 2, 400)
    off = width_of(margin * 2 + [0.0, 1.0])
    weights = np.zeros(400)
    weights[:60] = 1.0
    alone = fit_calibrator(off[:60], y[:60], None)
    assert fit_calibrator(off, y, weights) == alone
    weights[2:] = 0.0
    assert fit_calibrator(off, y, weights).method == "none"
