"""The section on probabilities: every bin, what is off in words, nothing for files that never measured it."""

import numpy as np
from rich.console import Console

from mlwright.base.reliability import Bin, Reliability
from mlwright.cli.reliable import reliability_of
from mlwright.evaluation.reliability import reliability_of as measured
from mlwright.statistics.links import sigmoid


def drawn(reliability):
    console = Console(width=100, record=True)
    console.print(*reliability_of(reliability))
    return console.export_text()


def test_bins_and_remedy_are_shown():
    rng = np.random.default_rng(0)
    margin = rng.normal(0, 2, (2000, 1))
    y = (rng.random(2000) < sigmoid(0.5 * margin[:, 0])[:, 1]).astype(np.int64)
    text = drawn(measured(y, margin, sigmoid(margin[:, 0])))
    assert "Probability of the positive class" in text and "too extreme" in text
    assert sum("%" in line and " to " in line for line in text.splitlines()) >= 10


def test_numbers_are_shown_as_numbers():
    bins = (Bin(rows=40, predicted=1234.5, observed=1300.0, low=1200.0, high=1400.0),)
    text = drawn(Reliability(subject="number", bins=bins))
    assert "Foretold and came" in text and "%" not in text.partition("interval")[2]


def test_in_short_bins_are_left_out_but_not_what_is_off():
    rng = np.random.default_rng(0)
    margin = rng.normal(0, 2, (2000, 1))
    y = (rng.random(2000) < sigmoid(0.5 * margin[:, 0])[:, 1]).astype(np.int64)
    console = Console(width=100, record=True)
    console.print(*reliability_of(measured(y, margin, sigmoid(margin[:, 0])), every=False))
    text = console.export_text()
    assert "too extreme" in text and "foretold" not in text
    held = Bin(rows=40, predicted=1300.0, observed=1300.0, low=1200.0, high=1400.0)
    assert reliability_of(Reliability(subject="number", bins=(held,)), every=False) == []


def test_what_was_not_measured_is_not_shown():
    assert reliability_of(None) == []
    assert reliability_of(Reliability(subject="number", bins=())) == []
