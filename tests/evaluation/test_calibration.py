"""Calibration mends probabilities that are off, leaves good ones alone, and is the same in the graph."""

import numpy as np
import pytest
from scipy.optimize import minimize

from mlwright.evaluation import calibration
from mlwright.evaluation.calibration import Calibrator, fit_calibrator
from mlwright.evaluation.calibration_methods import HELD, OF_TWO, beta, isotonic, losses, platt, shifts
from mlwright.evaluation.curves import BetaCurve, BrokenLine
from mlwright.graph.build import GraphBuilder
from mlwright.graph.running import session
from mlwright.statistics.links import sigmoid, softmax


def drawn(seed: int, classes: int, n: int = 4000):
    rng = np.random.default_rng(seed)
    margin = rng.normal(size=(n, classes)) * 1.5
    p = softmax(margin)
    y = np.array([rng.choice(classes, p=row) for row in p])
    return margin, p, y


def two_classes(seed: int, truth, n: int = 4000, middle: float = -1.0):
    """Log-odds [n, 1] of which `truth` makes those that classes are drawn by."""
    rng = np.random.default_rng(seed)
    margin = rng.normal(middle, 2, (n, 1))
    return margin, (rng.random(n) < sigmoid(truth(margin[:, 0]))[:, 1]).astype(np.int64)


def log_loss(p, y):
    return -np.log(p[np.arange(len(y)), y]).mean()


def width_of(margin):
    """Scores as a calibrator takes them: log-odds of the second of two classes, scores of more."""
    return margin[:, 1:] - margin[:, :1] if margin.shape[1] == 2 else margin


def probability(margin):
    return sigmoid(margin[:, 0]) if margin.shape[1] == 1 else softmax(margin)


def softplus(t):
    return np.logaddexp(0, t)


TRUTHS = {
    "temperature": lambda t: 0.6 * t,
    "platt": lambda t: 0.9 * t + 0.7,
    "beta": lambda t: -0.5 * softplus(-t) + 1.3 * softplus(t),
    "isotonic": lambda t: t + 0.45 * np.tanh(2 * (t + 2)) - 0.45 * np.tanh(2 * t),
}


def test_overconfident_probabilities_are_mended():
    for classes in (2, 4):
        margin, p, y = drawn(0, classes)
        off = width_of(margin * 3)
        fitted = fit_calibrator(off, y, None)
        assert fitted.method == "temperature"
        mended = probability(fitted.apply(off))
        assert log_loss(mended, y) < log_loss(probability(off), y) - 0.05
        assert abs(log_loss(mended, y) - log_loss(p, y)) < 0.01


@pytest.mark.parametrize("name", list(TRUTHS))
def test_the_method_that_the_truth_is_of_is_chosen_and_comes_near_it(name):
    margin, y = two_classes(1, TRUTHS[name], 30_000)
    fitted = fit_calibrator(margin, y, None)
    assert fitted.method == name
    fresh, outcome = two_classes(2, TRUTHS[name], 30_000)
    ideal = losses(TRUTHS[name](fresh), outcome).mean()
    assert losses(fitted.apply(fresh), outcome).mean() < ideal + 0.001
    assert losses(fresh, outcome).mean() > ideal + 0.003


def test_one_class_that_is_said_too_often_is_mended_by_shifts():
    margin, p, y = drawn(3, 4)
    off = margin + np.array([1.0, 0.0, 0.0, -1.0])
    fitted = fit_calibrator(off, y, None)
    assert fitted.method == "class shifts"
    assert log_loss(probability(fitted.apply(off)), y) < log_loss(p, y) + 0.005


def test_good_probabilities_are_left_alone():
    kept = [fit_calibrator(m, y, None).method == "none" for m, _, y in (drawn(s, 3) for s in range(8))]
    assert sum(kept) >= 6
    pairs = (two_classes(s, lambda t: t, 1000) for s in range(10))
    assert sum(fit_calibrator(m, y, None).method == "none" for m, y in pairs) >= 7


def test_what_is_chosen_on_few_rows_does_little_harm():
    """On 200 rows, the mean of many choices: nearer to the truth than none, and than a line for all."""
    gained = []
    for seed in range(20):
        margin, y = two_classes(seed, TRUTHS["platt"], 200)
        fresh, outcome = two_classes(100 + seed, TRUTHS["platt"], 20_000)
        fitted = fit_calibrator(margin, y, None)
        gained.append(losses(fresh, outcome).mean() - losses(fitted.apply(fresh), outcome).mean())
    assert np.mean(gained) > 0.01
    assert np.min(gained) > -0.03


@pytest.mark.parametrize("name", list(OF_TWO))
def test_every_method_of_two_classes_rises_strictly(name):
    rng = np.random.default_rng(5)
    for n in (60, 500, 5000):
        margin = rng.normal(0, 3, (n, 1)).round(1)  # of many ties
        y = (rng.random(n) < 0.1).astype(np.int64)  # of no relation to the margin
        line = OF_TWO[name](margin, y, np.ones(n))
        grid = np.linspace(-60, 60, 20_001)[:, None]
        assert (np.diff(line.apply(grid)[:, 0]) > 0).all()


def test_platt_is_the_maximum_of_the_penalised_likelihood():
    margin, y = two_classes(4, TRUTHS["platt"], 300)
    w = np.random.default_rng(0).uniform(0.5, 2, 300)

    def loss(theta):
        z = margin[:, 0] * theta[0] + theta[1]
        fit = w @ (softplus(z) - y * z)
        return fit + HELD / 2 * ((theta[0] - 1) ** 2 + theta[1] ** 2)

    best = minimize(loss, [1.0, 0.0], tol=1e-12).x
    line = platt(margin, y, w)
    assert np.allclose([line.slope, line.shift[0]], best, atol=1e-5)


def test_beta_is_found_again_and_keeps_to_its_bounds():
    margin, y = two_classes(6, TRUTHS["beta"], 50_000)
    curve = beta(margin, y, np.ones(len(y))).curve
    assert isinstance(curve, BetaCurve)
    assert abs(curve.a - 0.5) < 0.08 and abs(curve.b - 1.3) < 0.05 and abs(curve.c) < 0.08
    # Where high margins go with few positives, one side of the curve stays level rather than fall.
    fallen = beta(margin, (margin[:, 0] < -1).astype(np.int64), np.ones(len(y))).curve
    assert isinstance(fallen, BetaCurve) and fallen.a > 0 and fallen.b > 0


def test_isotonic_follows_what_no_line_can():
    margin, y = two_classes(7, TRUTHS["isotonic"], 50_000)
    line = isotonic(margin, y, np.ones(len(y)))
    grid = np.linspace(-4, 2, 50)[:, None]
    assert np.abs(line.apply(grid) - TRUTHS["isotonic"](grid)).max() < 0.25
    assert np.abs(platt(margin, y, np.ones(len(y))).apply(grid) - TRUTHS["isotonic"](grid)).max() > 0.4


def test_class_shifts_leave_a_class_of_few_rows_nearly_alone():
    margin, _, y = drawn(8, 3, 3000)
    y[y == 2] = 0
    y[:5] = 2
    shift = shifts(margin - np.array([0.0, 0.0, 6.0]), y, np.ones(len(y))).shift
    assert abs(shift[2] - shift[0]) < 5


def test_too_few_rows_are_not_calibrated():
    margin, _, y = drawn(0, 2, 30)
    assert fit_calibrator(width_of(margin), y, None).method == "none"
    margin, y = two_classes(0, lambda t: t - 9, 400)
    assert fit_calibrator(margin, (margin[:, 0] > 4.9).astype(np.int64), None).said.startswith(
        "not attempted"
    )


def test_rows_of_no_weight_are_as_if_they_were_not_there():
    margin, _, y = drawn(0, 2, 400)
    off = width_of(margin * 2 + [0.0, 1.0])
    weights = np.zeros(400)
    weights[:60] = 1.0
    alone = fit_calibrator(off[:60], y[:60], None)
    assert fit_calibrator(off, y, weights) == alone
    weights[2:] = 0.0
    assert fit_calibrator(off, y, weights).method == "none"


def test_weights_say_which_rows_count():
    good, y_good = two_classes(0, lambda t: t, 3000)
    bad, y_bad = two_classes(1, lambda t: 0.3 * t, 3000)
    margin, y = np.concatenate([good, bad]), np.concatenate([y_good, y_bad])
    weights = np.repeat([0.001, 1.0], 3000)
    assert fit_calibrator(margin, y, weights).slope == pytest.approx(0.3, abs=0.05)
    assert fit_calibrator(margin, y, weights[::-1]).method == "none"
    # What rows are worth decides, not the unit that weights are in.
    assert fit_calibrator(margin, y, weights * 1e6).slope == pytest.approx(0.3, abs=0.05)


def test_rows_of_one_group_do_not_judge_what_they_fitted():
    """Copies of a few rows look like evidence where they are taken as independent."""
    few, y_few = two_classes(11, lambda t: t, 60)
    margin, y, groups = np.repeat(few, 50, axis=0), np.repeat(y_few, 50), np.repeat(np.arange(60), 50)
    assert fit_calibrator(margin, y, None).method != "none"
    assert fit_calibrator(margin, y, None, clusters=groups).method == "none"


def test_a_group_that_alone_holds_a_class_is_not_calibrated_on():
    margin, y = two_classes(0, lambda t: 0.3 * t, 500)
    fitted = fit_calibrator(margin, y, None, clusters=y)
    assert fitted.method == "none" and fitted.said.startswith("not attempted")
    one = fit_calibrator(margin, y, None, clusters=np.zeros(500, dtype=np.int64))
    assert one.method == "none" and one.said.startswith("not attempted")


def test_infinite_margins_and_certain_rows_break_nothing():
    margin, y = two_classes(0, lambda t: 0.5 * t, 1000)
    margin[0], margin[1], margin[2], margin[3] = np.inf, -np.inf, 1e300, -1e300
    fitted = fit_calibrator(margin, y, None)
    assert fitted.method != "none"
    for method in OF_TWO.values():
        line = method(margin[2:], y[2:], np.ones(998))
        assert not np.isnan(line.apply(margin)).any()


def test_classes_told_apart_perfectly_keep_finite_slopes():
    margin = np.linspace(-1, 1, 200)[:, None]
    y = (margin[:, 0] > 0).astype(np.int64)
    for method in OF_TWO.values():
        line = method(margin, y, np.ones(200))
        assert np.isfinite(line.apply(margin)).all()


def test_many_rows_are_drawn_from(monkeypatch):
    monkeypatch.setattr(calibration, "MOST_ROWS", 2000)
    margin, y = two_classes(0, TRUTHS["temperature"], 20_000)
    fitted = fit_calibrator(margin, y, None, clusters=np.arange(20_000) // 4)
    assert fitted.slope == pytest.approx(0.6, abs=0.1)


CURVES = [
    BetaCurve(0.4, 1.7, -0.2),
    BrokenLine((-3.0, -1.5, 0.0, 2.0), (-4.0, -1.4, 0.1, 1.0), 1.0, 1.0),
    BrokenLine((-1.0, 1.0), (-1.0, 2.0), 0.5, 3.0),
]


@pytest.mark.parametrize("curve", CURVES)
def test_a_curve_is_the_same_in_the_graph(curve):
    g = GraphBuilder()
    g.output("out", curve.nodes(g, g.input("numbers", "float64", 1)), "float64", 1)
    run = session(g.to_bytes())
    ends = [0.0, -0.0, 1e-300, 700.0, -700.0, 800.0, -800.0, 1e9, -1e9, np.inf, -np.inf]
    margin = np.concatenate([np.random.default_rng(0).normal(0, 8, 3000), ends, curve_knots(curve)])[:, None]
    found, wanted = run.run(["out"], {"numbers": margin})[0], curve.apply(margin)
    assert np.isfinite(wanted).all()
    assert (np.abs(found - wanted) <= 1e-14 * np.maximum(np.abs(wanted), 10)).all()
    order = np.argsort(margin[:, 0], kind="stable")
    assert (np.diff(found[order, 0]) >= 0).all()


def curve_knots(curve):
    return np.array(getattr(curve, "at", ()))


def test_a_broken_line_goes_through_its_knots():
    line = CURVES[1]
    assert isinstance(line, BrokenLine)
    at = np.array([-5.0, *line.at, 4.0])
    assert np.allclose(line.apply(at[:, None])[:, 0], [-6.0, *line.values, 3.0], atol=1e-12)
    inner = np.linspace(-3, 2, 100)
    assert np.allclose(line.apply(inner[:, None])[:, 0], np.interp(inner, line.at, line.values), atol=1e-12)


def test_the_beta_curve_is_the_papers():
    p = np.array([0.01, 0.3, 0.99])
    margin = np.log(p / (1 - p))[:, None]
    curve = BetaCurve(0.7, 1.4, 0.3)
    paper = 1 / (1 + 1 / (np.exp(0.3) * p**0.7 / (1 - p) ** 1.4))
    assert np.allclose(sigmoid(curve.apply(margin)[:, 0])[:, 1], paper, atol=1e-14)


def test_shifts_of_classes_are_added_to_their_own():
    fitted = Calibrator(2.0, (0.1, 0.2, -0.3))
    assert np.allclose(fitted.apply(np.array([[1.0, 2.0, 3.0]])), [[2.1, 4.2, 5.7]])
