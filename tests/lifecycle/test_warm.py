"""A fit that begins from an earlier model: its candidates first, and of its file nothing but settings."""

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

import mlwright as mw
from mlwright.base.errors import Misuse, NotAModel
from mlwright.lifecycle.warm import begun_from, opened
from mlwright.tasks import Asked, kind_named


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(150, 3))
    y = np.where(x[:, 0] + 0.5 * rng.normal(size=150) > 0, "yes", "no")
    return mw.read(pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": y}), target="y")


@pytest.fixture(scope="module")
def model(data):
    return mw.fit(data, max_trials=3)


@pytest.fixture
def problem(data):
    return kind_named("tabular").problem(data, Asked())[0]


def telling(*members):
    return SimpleNamespace(manifest=SimpleNamespace(recipe={"members": list(members)}))


def test_a_model_file_tells_what_it_is_made_of(model):
    members = model.manifest.recipe["members"]
    kept = [e for e in model.leaderboard if e.weight > 0]
    assert [m["family"] for m in members] == [e.family for e in sorted(kept, key=lambda e: -e.weight)]
    assert sum(m["weight"] for m in members) == pytest.approx(1)


def test_what_an_earlier_model_kept_is_tried_first(model, data, tmp_path):
    path = tmp_path / "old.mlw"
    model.save(path)
    again = mw.fit(data.rows(np.arange(120)), warm_start=path, max_trials=2)
    first = model.manifest.recipe["members"][0]
    tried = [e for e in again.leaderboard if e.family != "baseline"]
    assert [e.name for e in tried] == [f"{first['family']}-earlier-1"]
    assert again.manifest.recipe["warm_start"] == model.digest


def test_the_rest_of_the_portfolio_follows(problem):
    begun = begun_from(problem, telling({"family": "linear", "view": "linear"}), pytest.fail)
    assert [c.name for c in begun.portfolio[:2]] == ["baseline", "linear-earlier-1"]
    assert begun.portfolio[2:] == problem.portfolio[1:]


@pytest.mark.parametrize(
    ("member", "said"),
    [
        ({"family": "lightgbm", "view": "tree", "settings": {"output_model": "/tmp/x"}}, "output_model"),
        ({"family": "lightgbm", "view": "tree", "settings": {"machines": "10.0.0.1:1"}}, "machines"),
        ({"family": "catboost", "view": "encoded", "settings": {"train_dir": "x"}}, "train_dir"),
        ({"family": "lightgbm", "view": "tree", "settings": {"num_leaves": 10**9}}, "whole number from"),
        ({"family": "linear", "view": "linear", "settings": {"anything": 1}}, "anything"),
        ({"family": "deep\x1b[31m", "view": "tree"}, "not installed"),
        ({"family": "lightgbm", "view": "../secret"}, "no view"),
        ({"family": "lightgbm", "view": "tree", "settings": {"num_leaves": [1]}}, "settings"),
        ({"family": 7, "view": "tree"}, "family"),
        ("lightgbm", "object"),
    ],
)
def test_what_a_stranger_wrote_into_the_file_is_left_out_and_said(problem, member, said):
    notes = []
    begun = begun_from(problem, telling(member), notes.append)
    assert begun.portfolio == problem.portfolio
    assert any(said in note for note in notes) and "\x1b" not in "".join(notes)


def test_a_file_of_a_thousand_members_costs_a_dozen_trials(problem):
    members = [{"family": "lightgbm", "view": "tree", "settings": {"num_leaves": 2 + i}} for i in range(1000)]
    begun = begun_from(problem, telling(*members), pytest.fail)
    assert len(begun.portfolio) == len(problem.portfolio) + 12


def test_what_tells_nothing_cannot_be_begun_from(data, tmp_path):
    with pytest.raises(NotAModel):
        (tmp_path / "old.mlw").write_text("no model")
        mw.fit(data, warm_start=tmp_path / "old.mlw", max_trials=2)
    older = mw.fit(data, max_trials=2)
    older.manifest.recipe.pop("members")
    with pytest.raises(Misuse, match="does not tell"):
        opened(older)
