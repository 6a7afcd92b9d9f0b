"""Looks that need a model use the threads that the fit was given, and no more."""

import numpy as np
import pytest

import mlwright as mw
from mlwright.base.finding import Findings
from mlwright.checks import check, compare
from mlwright.checks.probe import FOLDS
from mlwright.cli import main
from mlwright.learners.lightgbm import LightGBM


@pytest.fixture
def used(monkeypatch):
    """The threads that each fit of boosted trees was given."""
    threads, real = [], LightGBM.fit

    def watched(self, job):
        threads.append(job.threads)
        return real(self, job)

    monkeypatch.setattr(LightGBM, "fit", watched)
    monkeypatch.setattr("mlwright.checks.probe.cpu_count", lambda: 8)
    monkeypatch.setattr("mlwright.checks.apart.cpu_count", lambda: 8)
    return threads


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(700, 3))
    y = np.where(x[:, 0] + 0.3 * rng.normal(size=700) > 0, "yes", "no")
    return mw.read({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": y}, target="y")


def test_models_of_checks_use_the_threads_that_are_given(table, used):
    check(table, threads=1)
    assert used and set(used) == {1}
    used.clear()
    check(table, threads=3 * FOLDS)
    assert set(used) == {3}
    used.clear()
    compare(table, table, threads=3)
    assert used and set(used) == {3}
    used.clear()
    compare(table, table)
    assert set(used) == {8}


def test_a_fit_hands_its_threads_to_its_checks(table, monkeypatch, tmp_path):
    given = []

    def watched(dataset, *others, threads=None, **named):
        given.append(threads)
        return Findings.of(())

    monkeypatch.setattr("mlwright.checks.check", watched)
    monkeypatch.setattr("mlwright.checks.compare", watched)
    rows = table.rows(np.arange(100))
    mw.fit(table, test=rows, threads=1, max_trials=2, waive=("MLW651",))
    assert given == [1, 1]
    path = tmp_path / "table.csv"
    table.frame.write_csv(path)
    asked = [
        "fit",
        str(path),
        "-t",
        "y",
        "--threads",
        "1",
        "--max-trials",
        "2",
        "-o",
        str(tmp_path / "m.mlw"),
    ]
    assert main(asked) == 0 and given == [1, 1, 1]
