"""A candidate made calmer, or wilder: the same configuration with less, or more, room to follow the rows.

Asked by `diagnosing`, which fits them beside the candidate itself: a calmer one that does better on unseen
rows shows overfitting, a wilder one underfitting. It fits nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mlwright.learners import Config, families
from mlwright.learners.protocol import Settings
from mlwright.learners.zone import Range, zone_of

TIMES: Mapping[str, Mapping[str, float]] = {
    "lightgbm": {"num_leaves": 1 / 4, "lambda_l2": 8.0, "min_data_in_leaf": 4.0},
    "xgboost": {"max_leaves": 1 / 4, "min_child_weight": 4.0, "lambda": 8.0},
    "extra-trees": {"num_leaves": 1 / 4, "min_data_in_leaf": 4.0},
    "catboost": {"l2_leaf_reg": 4.0},
}
"""By family, what settings are multiplied by to be calmer; they are divided by it to be wilder."""
LEVELS = {"catboost": "depth", "xgboost": "max_depth"}
"""Depths, of which two levels go or come."""
FEWEST = {"num_leaves": 2.0, "max_leaves": 2.0, "depth": 1.0, "max_depth": 1.0}
MOST_CALM = {"num_leaves": 16.0, "max_leaves": 16.0, "learning_rate": 0.1, "eta": 0.1}
"""A calmer kin has no more of these, whatever the candidate has."""
LAMBDA = 1.0
"""What a penalty of 0 counts as, to be multiplied."""
UNSET = ("min_data_in_leaf", "min_child_weight")
"""Left alone where the configuration does not name them: a family sets them by the number of rows."""
FLEXIBLE = Config("lightgbm", "lightgbm", "tree", {"learning_rate": 0.05, "feature_fraction": 0.8})
"""What stands for a wilder linear model."""


def calmer(config: Config) -> Config | None:
    """`config` with trees of a quarter of the leaves and stronger penalties; None where nothing is known of
    the family, or it is as calm as it can be."""
    return _varied(config, calm=True)


def wilder(config: Config) -> Config | None:
    """`config` with trees of four times the leaves, weaker penalties and as many rounds as help; boosted
    trees for a linear one; None where nothing is known of the family."""
    if config.family == "linear":
        return FLEXIBLE if "lightgbm" in families() else None
    return _varied(config, calm=False)


def _varied(config: Config, *, calm: bool) -> Config | None:
    times, zone = TIMES.get(config.family), zone_of(families()[config.family])
    if times is None:
        return None
    settings: Settings = dict(config.settings)
    for name, factor in times.items():
        known = zone.get(name)
        if known is None or (name in UNSET and name not in settings):
            continue
        before = float(settings.get(name, known.usual))
        if name.startswith("lambda") and calm:
            before = max(before, LAMBDA)
        settings[name] = _within(known, before * (factor if calm else 1 / factor), FEWEST.get(name))
    level = LEVELS.get(config.family, "")
    if level in zone:
        known = zone[level]
        moved = float(settings.get(level, known.usual)) + (-2 if calm else 2)
        settings[level] = _within(known, moved, FEWEST.get(level))
    if calm:
        for name, most in MOST_CALM.items():
            if name in zone and float(settings.get(name, zone[name].usual)) > most:
                settings[name] = _within(zone[name], most, None)
    else:
        settings.pop("most_rounds", None)
        if config.family == "lightgbm":
            settings.pop("max_depth", None)
    if settings == dict(config.settings):
        return None
    return replace(config, name=f"{config.name}-{'calmer' if calm else 'wilder'}", settings=settings)


def _within(known: Range, value: float, least: float | None) -> float | int:
    low = known.low if least is None else least
    value = min(max(value, low), known.high)
    return round(value) if known.whole else float(f"{value:.3g}")
