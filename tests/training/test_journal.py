"""The journal: a killed fit goes on where it was; what is damaged or of another fit is not used."""

import dataclasses

import numpy as np
import pytest

import mlwright as mw
from mlwright.base.canonical import canonical_json
from mlwright.base.errors import EnvironmentProblem, Misuse
from mlwright.base.progress import Progress
from mlwright.training import Budget
from mlwright.training.journal import DIED, key_of
from mlwright.training.trial import Trial, run_trial

TRIALS = 3


class Heard(Progress):
    """Remembers what was tried and noted."""

    def __init__(self):
        self.tried, self.notes = [], []

    def step(self, message, fraction, seconds_left):
        if message.startswith("trying "):
            self.tried.append(message.removeprefix("trying "))

    def note(self, message):
        self.notes.append(message)


class Killed(BaseException):
    """What no handler expects, as a signal that ends the process."""


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    import polars as pl

    x = rng.normal(size=(200, 3))
    y = np.where(x[:, 0] + rng.normal(size=200) > 0, "yes", "no")
    frame = pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": y})
    return mw.read(frame, target="y")


def killed_at(data, folder, name, **named):
    """A fit that dies when it comes to the candidate `name`."""

    class Kills(Progress):
        def step(self, message, fraction, seconds_left):
            if message == f"trying {name}":
                raise Killed

    with pytest.raises(Killed):
        mw.fit(data, max_trials=TRIALS, state=folder, progress=Kills(), **named)


def test_a_fit_that_was_killed_goes_on_and_gives_the_same_model(data, tmp_path):
    folder = tmp_path / "state"
    killed_at(data, folder, "lightgbm")
    assert folder.is_dir()
    heard = Heard()
    resumed = mw.fit(data, max_trials=TRIALS, state=folder, resume=True, progress=heard)
    assert heard.tried == ["lightgbm"]
    assert len(heard.notes) == 1 and "unfinished fit: 2 finished candidates" in heard.notes[0]
    assert resumed.digest == mw.fit(data, max_trials=TRIALS).digest
    assert not folder.exists()


def test_a_fit_not_resumed_begins_anew_and_says_what_it_replaces(data, tmp_path):
    killed_at(data, tmp_path / "state", "lightgbm")
    heard = Heard()
    mw.fit(data, max_trials=TRIALS, state=tmp_path / "state", progress=heard)
    assert len(heard.tried) == TRIALS
    assert "unfinished fit with 2 finished candidates" in heard.notes[0]


def test_resuming_what_was_never_begun_begins(data, tmp_path):
    heard = Heard()
    mw.fit(data, max_trials=2, state=tmp_path / "state", resume=True, progress=heard)
    assert len(heard.tried) == 2 and "begun anew" in heard.notes[0]


@pytest.mark.parametrize("changed", ["margins.npy", "trial.json"])
def test_what_is_damaged_is_fitted_again_and_said(data, tmp_path, changed):
    folder = tmp_path / "state"
    killed_at(data, folder, "lightgbm")
    victim = max(folder.glob(f"*.{changed}"), key=lambda p: p.stat().st_size)
    content = bytearray(victim.read_bytes())
    content[-9] ^= 1
    victim.write_bytes(content)
    heard = Heard()
    resumed = mw.fit(data, max_trials=TRIALS, state=folder, resume=True, progress=heard)
    assert len(heard.tried) == 2 and any("damaged" in note for note in heard.notes)
    assert resumed.digest == mw.fit(data, max_trials=TRIALS).digest


def test_a_damaged_beginning_leaves_the_records_of_use(data, tmp_path):
    folder = tmp_path / "state"
    killed_at(data, folder, "lightgbm")
    (folder / "run.json").write_bytes(b"{torn")
    heard = Heard()
    mw.fit(data, max_trials=TRIALS, state=folder, resume=True, progress=heard)
    assert heard.tried == ["lightgbm"] and any("run.json is damaged" in note for note in heard.notes)


def test_another_fit_is_refused_with_what_differs(data, tmp_path):
    folder = tmp_path / "state"
    killed_at(data, folder, "lightgbm")
    with pytest.raises(Misuse, match="seed was 0, is 7"):
        mw.fit(data, max_trials=TRIALS, seed=7, state=folder, resume=True)
    with pytest.raises(Misuse, match="rows was 200, is 150"):
        mw.fit(data.rows(np.arange(150)), max_trials=TRIALS, state=folder, resume=True)
    other = dataclasses.replace(data, frame=data.frame.with_columns(data.frame["a"] + 1))
    with pytest.raises(Misuse, match="the values in the table are others"):
        mw.fit(other, max_trials=TRIALS, state=folder, resume=True)
    with pytest.raises(Misuse, match="metric was 'roc_auc', is 'f1'"):
        mw.fit(data, max_trials=TRIALS, metric="f1", state=folder, resume=True)


def test_errors_of_other_labels_are_not_used_again(data, tmp_path):
    folder = tmp_path / "state"
    killed_at(data, folder, "linear", metric="f1", threshold=0.9)
    for asked in ({"threshold": 0.1}, {"costs": {"fn": 5, "fp": 1}}, {"alerts": "5%"}, {}):
        with pytest.raises(Misuse, match=r"labels were asked for otherwise \(threshold, costs or alerts\)"):
            mw.fit(data, max_trials=2, metric="f1", state=folder, resume=True, **asked)
    heard = Heard()
    mw.fit(data, max_trials=2, metric="f1", threshold=0.9, state=folder, resume=True, progress=heard)
    assert heard.tried == ["linear"]


def test_more_trials_than_before_are_no_other_fit(data, tmp_path):
    killed_at(data, tmp_path / "state", "linear")
    heard = Heard()
    mw.fit(data, max_trials=2, state=tmp_path / "state", resume=True, progress=heard)
    assert heard.tried == ["linear"]


def test_a_candidate_that_takes_the_process_down_twice_is_left_out(data, tmp_path, monkeypatch):
    folder = tmp_path / "state"
    killed_at(data, folder, "lightgbm")
    mark = {"run": next(iter(_runs(folder))), "starts": 2}
    boosted = next(c for c in _portfolio(data) if c.name == "lightgbm")
    (folder / f"{key_of(boosted)}.running.json").write_bytes(canonical_json(mark))
    model = mw.fit(data, max_trials=TRIALS, state=folder, resume=True)
    reasons = {e.name: e.reason for e in model.leaderboard}
    assert reasons["lightgbm"] == f"failed: {DIED}"
    assert any(e.weight > 0 for e in model.leaderboard)


def test_an_interrupted_candidate_has_not_taken_the_process_down(data, tmp_path, monkeypatch):
    def interrupted(config, *others, **named):
        raise KeyboardInterrupt

    monkeypatch.setattr("mlwright.training.search.run_trial", interrupted)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            mw.fit(data, max_trials=TRIALS, state=tmp_path / "state", resume=True)
    monkeypatch.undo()
    heard = Heard()
    mw.fit(data, max_trials=TRIALS, state=tmp_path / "state", resume=True, progress=heard)
    assert "linear" in heard.tried


def test_a_failed_candidate_is_not_tried_again(data, tmp_path, monkeypatch):
    def broken(config, *others, **named):
        if config.family == "linear":
            return Trial(config, failure="MemoryError: this will not fit")
        return run_trial(config, *others, **named)

    monkeypatch.setattr("mlwright.training.search.run_trial", broken)
    killed_at(data, tmp_path / "state", "lightgbm")
    monkeypatch.undo()
    model = mw.fit(data, max_trials=TRIALS, state=tmp_path / "state", resume=True)
    assert "MemoryError" in next(e.reason for e in model.leaderboard if e.name == "linear")


def test_a_folder_of_something_else_is_left_alone(data, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    for resume in (False, True):
        with pytest.raises(Misuse, match="something else"):
            mw.fit(data, max_trials=2, state=tmp_path, resume=resume)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(Misuse, match="is a file"):
        mw.fit(data, max_trials=2, state=tmp_path / "thesis.txt")
    with pytest.raises(EnvironmentProblem, match="cannot be kept"):
        mw.fit(data, max_trials=2, state=tmp_path / "no" / "such")
    with pytest.raises(Misuse, match="state="):
        mw.fit(data, max_trials=2, resume=True)


def test_files_of_ones_own_in_the_folder_survive_the_end(data, tmp_path):
    killed_at(data, tmp_path / "state", "linear")
    (tmp_path / "state" / "mine.txt").write_text("kept")
    mw.fit(data, max_trials=2, state=tmp_path / "state", resume=True)
    assert [p.name for p in (tmp_path / "state").iterdir()] == ["mine.txt"]


def test_two_fits_at_one_journal_are_told_apart(data, tmp_path):
    pytest.importorskip("fcntl")
    refused = []

    class Second(Progress):
        def step(self, message, fraction, seconds_left):
            if not refused:
                with pytest.raises(EnvironmentProblem, match="another fit") as met:
                    mw.fit(data, max_trials=2, state=tmp_path / "state", resume=True)
                refused.append(met.value)

    mw.fit(data, max_trials=2, state=tmp_path / "state", progress=Second())
    assert refused


def test_a_full_disk_ends_the_journal_and_not_the_fit(data, tmp_path, monkeypatch):
    import os

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    heard = Heard()
    model = mw.fit(data, max_trials=2, state=tmp_path / "state", progress=heard)
    assert model.leaderboard and sum("No space left" in note for note in heard.notes) == 1


def test_time_spent_before_the_crash_counts_and_a_tenth_is_left():
    now = [100.0]
    budget = Budget(60.0, clock=lambda: now[0])
    now[0] = 101.0
    budget.take_up(20.0)
    assert budget.left_s() == 39.0
    late = Budget(60.0, clock=lambda: now[0])
    late.take_up(500.0)
    assert late.left_s() == pytest.approx(6.0)


def _runs(folder):
    import json

    return {json.loads((folder / "run.json").read_text())["digest"]}


def _portfolio(data):
    from mlwright.tasks import Asked, kind_named

    return kind_named("tabular").problem(data, Asked())[0].portfolio
