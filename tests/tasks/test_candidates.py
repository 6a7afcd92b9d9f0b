"""Which configurations are tried on a table of which size, and in which order."""

import pytest

from mlwright.features.plan import VIEWS
from mlwright.learners import Abilities, Config, families
from mlwright.learners.protocol import abilities_of
from mlwright.tasks.tabular.candidates import (
    LARGE,
    MOST_CATBOOST_CLASSES,
    MOST_RATE,
    SMALL,
    WIDE,
    portfolio,
)

SHAPES = [
    (classes, rows, columns)
    for classes in (0, 2, 7, 60)
    for rows in (100, SMALL, 30_000, LARGE)
    for columns in (5, WIDE)
]


@pytest.mark.parametrize(("classes", "rows", "columns"), SHAPES)
def test_every_candidate_is_known_differs_from_all_others_and_can_take_the_classes(classes, rows, columns):
    tried, known = portfolio(classes, rows, columns), families()
    assert len({c.name for c in tried}) == len(tried)
    assert len({(c.family, c.view, tuple(sorted(c.settings.items()))) for c in tried}) == len(tried)
    for config in tried:
        assert config.view in VIEWS
        assert classes <= abilities_of(known[config.family]).most_classes


@pytest.mark.parametrize(("classes", "rows", "columns"), SHAPES)
def test_a_plain_baseline_a_linear_model_and_boosted_trees_come_first(classes, rows, columns):
    assert portfolio(classes, rows, columns)[0].family == "baseline"
    assert {c.name for c in portfolio(classes, rows, columns)[1:3]} == {"linear", "lightgbm"}


def test_few_rows_begin_with_few_leaves_and_random_thresholds_many_rows_with_many_leaves():
    small, middle, large = (portfolio(2, rows, 20) for rows in (SMALL - 1, LARGE - 1, LARGE))
    first = [next(c for c in tried if c.name == "lightgbm") for tried in (small, middle, large)]
    leaves = [c.settings.get("num_leaves", 31) for c in first]
    assert leaves == sorted(leaves) and leaves[0] < 16 and leaves[2] > 100
    place = [[bool(c.settings.get("extra_trees")) for c in tried].index(True) for tried in (small, middle)]
    assert place[0] < place[1]


def test_where_every_round_grows_many_trees_rates_are_faster():
    def rates(classes, rows=5_000):
        tried = portfolio(classes, rows, 20)
        return [c.settings["learning_rate"] for c in tried if c.family == "lightgbm"]

    pairs = list(zip(rates(2), rates(7), rates(26), strict=True))
    assert all(a < b <= c <= MOST_RATE for a, b, c in pairs) and any(b < c for _, b, c in pairs)
    assert rates(2) == rates(0) == rates(3)
    assert rates(26, rows=500) == rates(2, rows=500)  # that order was learned as it is


def test_catboost_is_left_out_of_many_classes_and_its_deep_trees_of_wide_tables():
    def families_of(classes):
        return {c.family for c in portfolio(classes, 5_000, 20)}

    assert "catboost" in families_of(MOST_CATBOOST_CLASSES)
    assert "catboost" not in families_of(MOST_CATBOOST_CLASSES + 1)
    names = [{c.name for c in portfolio(2, 5_000, columns)} for columns in (WIDE - 1, WIDE)]
    assert names[0] - names[1] == {"catboost-deep"}


def test_families_of_extras_and_of_strangers_are_tried_last_where_they_say_in_which_view(monkeypatch):
    class Stranger:
        family = "stranger"
        abilities = Abilities(view="linear", most_classes=5)

    class Shy(Stranger):
        abilities = Abilities(view="")

    ours = families()
    more = {"stranger": Stranger(), "shy": Shy()}
    monkeypatch.setattr("mlwright.tasks.tabular.candidates.families", lambda: {**ours, **more})
    assert portfolio(2, 5_000, 20)[-2:-1] == (Config("stranger", "stranger", "linear"),)
    assert portfolio(2, 5_000, 20)[-1] == Config("xgboost", "xgboost", "encoded")
    assert not {"shy", "extra-trees"} & {c.family for c in portfolio(2, 5_000, 20)}
    assert "stranger" not in {c.family for c in portfolio(7, 5_000, 20)}
