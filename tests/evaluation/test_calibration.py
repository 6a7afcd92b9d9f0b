"""Calibration mends probabilities that are off, leaves good ones alone, and is the same in the graph."""

import numpy as np

from mlwright.evaluation.calibration import Calibrator, fit_calibrator
from mlwright.features.running import session
from mlwright.graph.build import GraphBuilder
from mlwright.statistics.links import sigmoid, softmax


def drawn(seed: int, classes: int, n: int = 4000):
    rng = np.random.default_rng(seed)
    margin = rng.normal(size=(n, classes)) * 1.5
    p = softmax(margin)
    y = np.array([rng.choice(classes, p=row) for row in p])
    return margin, p, y


def log_loss(p, y):
    return -np.log(p[np.arange(len(y)), y]).mean()


def test_overconfident_probabilities_are_mended():
    for classes in (2, 4):
        margin, p, y = drawn(0, classes)
        off = softmax(margin * 3)
        fitted = fit_calibrator(off, y, None)
        assert fitted.method == ("platt" if classes == 2 else "temperature")
        assert log_loss(fitted.apply(off), y) < log_loss(off, y) - 0.05
        assert abs(log_loss(fitted.apply(off), y) - log_loss(p, y)) < 0.01


def test_good_probabilities_are_left_alone():
    kept = [fit_calibrator(p, y, None).method == "none" for _, p, y in (drawn(s, 3) for s in range(8))]
    assert sum(kept) >= 6


def test_too_few_rows_are_not_calibrated():
    _, p, y = drawn(0, 2, 30)
    assert fit_calibrator(p, y, None).method == "none"


def test_the_graph_calibrates_alike():
    for classes, calibrator in (
        (2, Calibrator(0.6, -0.4, "platt")),
        (3, Calibrator(1.7, 0.0, "temperature")),
    ):
        p = sigmoid(np.linspace(-30, 30, 50)) if classes == 2 else drawn(1, 3, 50)[1]
        p[0] = np.eye(classes)[0]
        g = GraphBuilder()
        margin, probability = calibrator.nodes(g, g.input("numbers", "float64", classes), classes)
        g.output("margin", margin, "float64", classes)
        g.output("probability", probability, "float64", classes)
        got = session(g.to_bytes()).run(None, {"numbers": p})
        assert np.allclose(got[0], calibrator.margin(p), rtol=1e-13, atol=1e-13)
        assert np.allclose(got[1], calibrator.apply(p), rtol=1e-12, atol=0)
        assert np.allclose(softmax(got[0]), got[1], rtol=1e-12)


def test_rows_of_no_weight_are_as_if_they_were_not_there():
    margin, _, y = drawn(0, 2, 400)
    off = softmax(margin * 2 + [0.0, 1.0])
    weights = np.zeros(400)
    weights[:60] = 1.0
    alone = fit_calibrator(off[:60], y[:60], None)
    assert fit_calibrator(off, y, weights) == alone
    weights[2:] = 0.0
    assert fit_calibrator(off, y, weights).method == "none"
