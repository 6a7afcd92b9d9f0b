"""The refit: interrupted, or of a member that fails on all rows."""

import os
import re
import signal
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import mlwright as mw
from mlwright.base.progress import Progress
from mlwright.learners.lightgbm import LightGBM
from mlwright.learners.linear import Linear


class Interrupts(Progress):
    """Presses Ctrl-C the first `times` times that something is refitted."""

    def __init__(self, times):
        self.times, self.notes = times, []

    def step(self, message, fraction, seconds_left):
        if message.startswith("refitting") and self.times:
            self.times -= 1
            raise KeyboardInterrupt

    def note(self, message):
        self.notes.append(message)


@pytest.fixture(scope="module")
def data():
    """A table of which a line tells one half and steps the other, so that both families are kept."""
    rng = np.random.default_rng(1)
    x = rng.uniform(-2, 2, size=(900, 3))
    y = x @ [3.0, 1.0, 2.0] + np.sign(np.sin(3 * x[:, 1])) + rng.normal(size=900)
    return mw.read(pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": y}), target="y")


def test_interrupted_in_the_refit_what_has_begun_ships(data):
    listener = Interrupts(1)
    model = mw.fit(data, max_trials=3, threads=1, progress=listener)
    kept = [e.name for e in mw.fit(data, max_trials=3).leaderboard if e.weight > 0]
    assert len(kept) == 2 and [e.weight for e in model.leaderboard if e.name in kept] in ([1, 0], [0, 1])
    assert any("interrupted" in note for note in listener.notes)


def test_a_press_in_the_middle_of_a_refit_lets_it_end_and_nothing_else_begin(data, monkeypatch):
    begun = []

    class Listens(Interrupts):
        refitting = False

        def step(self, message, fraction, seconds_left):
            self.refitting = message.startswith("refitting")

    listener = Listens(0)

    def pressed(fit):
        def fitted(self, job):
            if listener.refitting:
                begun.append(job.config.name)
                os.kill(os.getpid(), signal.SIGINT)
                assert any("interrupted" in note for note in listener.notes)  # at once, not after the fit
            return fit(self, job)

        return fitted

    for family in (Linear, LightGBM):  # folds are fitted in other processes, which do not see it
        monkeypatch.setattr(family, "fit", pressed(family.fit))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # else ignored in the background
    try:
        model = mw.fit(data, max_trials=3, threads=1, progress=listener)
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(begun) == 1 and [e.name for e in model.leaderboard if e.weight > 0] == begun
    assert any("interrupted" in note for note in listener.notes)


def test_interrupted_a_second_time_it_gives_up(data):
    class Twice(Interrupts):
        def step(self, message, fraction, seconds_left):
            if message == "trying lightgbm":
                raise KeyboardInterrupt
            super().step(message, fraction, seconds_left)

    with pytest.raises(KeyboardInterrupt):
        mw.fit(data, max_trials=3, progress=Twice(1))


def test_a_member_that_fails_on_all_rows_costs_itself_alone(data, monkeypatch):
    whole = mw.fit(data, max_trials=3)
    assert {e.name for e in whole.leaderboard if e.weight > 0} == {"linear", "lightgbm"}

    def broken(self, job):
        raise MemoryError("so many rows do not fit")

    monkeypatch.setattr(LightGBM, "fit", broken)  # folds are fitted in other processes, which do not see it
    model = mw.fit(data, max_trials=3)
    assert {e.name for e in model.leaderboard if e.weight > 0} == {"linear"}
    reason = next(e.reason for e in model.leaderboard if e.name == "lightgbm")
    assert reason.startswith("dropped: it could not be fitted on all rows: MemoryError")
    assert "could not be fitted on all rows: MemoryError: so many rows do not fit" in model.card
    monkeypatch.setattr(Linear, "fit", broken)
    with pytest.raises(MemoryError):
        mw.fit(data, max_trials=3)


def test_a_member_that_its_deadline_cut_off_is_left_out_and_said(data, monkeypatch):
    whole = LightGBM.fit
    monkeypatch.setattr(LightGBM, "fit", lambda self, job: whole(self, replace(job, rounds=2)))
    model = mw.fit(data, max_trials=3)
    assert {e.name for e in model.leaderboard if e.weight > 0} == {"linear"}
    reason = next(e.reason for e in model.leaderboard if e.name == "lightgbm")
    assert re.match(r"dropped: it stopped at 2 of \d+ rounds: the time limit was reached", reason)


def test_a_model_that_its_deadline_cut_off_does_not_ship_under_the_score_of_a_whole_one(data, monkeypatch):
    steps = data.frame.drop("y").with_columns(y=(3 * pl.col("a")).sin().sign() * 5 + pl.col("b"))
    table = mw.read(steps, target="y")
    assert [e.name for e in mw.fit(table, max_trials=3).leaderboard if e.weight > 0] == ["lightgbm"]
    whole = LightGBM.fit
    monkeypatch.setattr(LightGBM, "fit", lambda self, job: whole(self, replace(job, rounds=2)))
    model = mw.fit(table, max_trials=3)
    assert {e.name for e in model.leaderboard if e.weight > 0} == {"linear"}
    reason = next(e.reason for e in model.leaderboard if e.name == "lightgbm")
    assert re.match(r"dropped: it stopped at 2 of \d+ rounds: the time limit was reached", reason)
    linear = next(e for e in model.leaderboard if e.name == "linear")
    assert model.evaluation.score.value == pytest.approx(linear.score.value, rel=0.02)
