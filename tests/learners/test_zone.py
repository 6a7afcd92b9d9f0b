"""Zones: which settings may be varied, and which may come from a stranger's file."""

import numpy as np
import pytest

from mlwright.learners import families
from mlwright.learners.zone import Range, outside, varied, zone_of
from mlwright.tasks.tabular.candidates import portfolio

ZONES = {name: zone_of(learner) for name, learner in families().items() if zone_of(learner)}


@pytest.mark.parametrize(
    ("family", "settings"),
    [
        ("lightgbm", {"output_model": "x.txt"}),
        ("lightgbm", {"machines": "10.0.0.1:80"}),
        ("lightgbm", {"num_threads": 64}),
        ("catboost", {"train_dir": "/tmp"}),
        ("catboost", {"allow_writing_files": True}),
        ("lightgbm", {"num_leaves": 31.5}),
        ("lightgbm", {"num_leaves": 10**9}),
        ("lightgbm", {"learning_rate": float("nan")}),
        ("lightgbm", {"learning_rate": "0.1"}),
        ("lightgbm", {"extra_trees": 1}),
        ("catboost", {"depth": True}),
        ("catboost", {"depth": [1]}),
    ],
)
def test_a_setting_that_is_unknown_or_out_of_bounds_is_refused(family, settings):
    assert next(iter(settings)) in outside(settings, ZONES[family])


@pytest.mark.parametrize("shape", [(0, 400, 5), (2, 5_000, 30), (7, 200_000, 54), (2, 90, 800)])
def test_what_the_portfolio_tries_lies_within_the_zones(shape):
    for config in portfolio(*shape):
        assert not config.settings or outside(config.settings, ZONES[config.family]) == ""


@pytest.mark.parametrize("family", sorted(ZONES))
def test_varied_settings_stay_within_the_zone_and_move(family):
    zone, rng = ZONES[family], np.random.default_rng(3)
    settings, seen = {}, set()
    for _ in range(200):
        settings = varied(settings, zone, 0.4, rng)
        assert outside(settings, zone) == ""
        seen.add(tuple(sorted(settings.items())))
    assert len(seen) > 120


@pytest.mark.parametrize("family", sorted(ZONES))
def test_every_usual_value_is_one_that_the_setting_may_have(family):
    for at in ZONES[family].values():
        assert at.switch or at.holds(at.usual)


def test_a_small_spread_stays_near_and_draws_repeat():
    at = Range(1, 1024, 32, by_factors=True, whole=True)
    drawn = [at.near(32, 0.05, np.random.default_rng(i)) for i in range(300)]
    assert min(drawn) > 8 and max(drawn) < 128 and len(set(drawn)) > 10
    zone = ZONES["lightgbm"]
    assert varied({}, zone, 0.2, np.random.default_rng(1)) == varied({}, zone, 0.2, np.random.default_rng(1))


def test_a_family_without_a_zone_is_not_varied():
    assert varied({"a": 1}, {}, 0.5, np.random.default_rng(0)) == {"a": 1}
