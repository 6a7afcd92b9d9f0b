"""Where there is one fold and no time for a refit, the fold's own model ships, and says so."""

import numpy as np
import polars as pl
import pytest

import mlwright as mw
from mlwright.evaluation.splits import Fold, Split
from mlwright.tasks.tabular import problem as tabular

ROWS = 3_000


@pytest.fixture
def data(monkeypatch):
    """A table that is split as one too large for cross-validation."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 4))
    town = rng.choice(["Oslo", "Bergen", "Moss"], ROWS)
    y = x[:, 0] + (town == "Oslo") + rng.normal(size=ROWS) > 0
    frame = pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "town": town, "y": np.where(y, "yes", "no")})
    order = rng.permutation(ROWS)
    test, valid, train = (np.sort(part) for part in np.split(order, [600, 1_000]))
    split = Split("random", "rows are independent", (Fold(train, valid),), test)
    monkeypatch.setattr(tabular, "choose_split", lambda *given, **named: split)
    return mw.read(frame, target="y")


def test_without_time_for_a_refit_the_model_of_the_fold_ships(data):
    model = mw.fit(data, time_limit=0.5)  # packaging alone is thought to take longer
    assert "2,000 rows; the shipped model is that very one" in model.evaluation.how
    assert "fitted on 2,000 rows, for want of time" in model.card
    assert model.evaluation.rows == 600
    unseen = data.frame[tabular.choose_split().test]
    shown = mw.evaluate(model, unseen).score.value
    assert shown == pytest.approx(model.evaluation.score.value, abs=1e-9) and shown > 0.7


def test_with_time_it_is_fitted_again_on_all_rows(data):
    model = mw.fit(data, max_trials=3)
    assert "fitted again on all 3,000 rows" in model.evaluation.how
