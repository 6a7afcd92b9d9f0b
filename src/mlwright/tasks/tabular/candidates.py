"""The portfolio of a table: a plain baseline first, then configurations in the order that pays soonest.

The orders follow `python benchmarks/portfolio.py learn`, on parts of real tables: each next candidate lowers
the error of the whole ensemble most for the time it takes. Few rows want shallow trees and random thresholds,
more rows want trees of many leaves. Parts of up to 2,000 rows were learned from, and of 10,000 some
candidates alone; what stands for more rows is judgement.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from mlwright.learners import Config, abilities_of, families
from mlwright.learners.protocol import Settings

MOST_CATBOOST_CLASSES = 12
"""CatBoost's trees are written once a class; beyond this the graph would be slow and large."""
SMALL, LARGE = 3_000, 100_000
"""The rows from which another order pays."""
ONE_FOLD = 200_000
"""From so many rows on a table is fitted once and long: what can learn most comes first, and where early
stopping finds so many leaves too many, it finds it soon."""
RATE_TIMES, MOST_RATE = ((13, 3.0), (4, 2.0)), 0.2
"""From so many classes on, how many times the usual rate: every round is a tree a class to fit, and to walk
for each row. letter (26): 1,276 microseconds a row became 469, the error no larger."""
WIDE = 500
"""The columns from which deep symmetric trees take too long."""

DEFAULT: Settings = {"learning_rate": 0.05, "feature_fraction": 0.8}
BAGGED: Settings = {"bagging_fraction": 0.88, "bagging_freq": 1}
RANDOM_FEW: Settings = BAGGED | {
    "extra_trees": True,
    "num_leaves": 6,
    "learning_rate": 0.031,
    "feature_fraction": 0.94,
    "min_data_in_leaf": 15,
    "lambda_l2": 0.7,
}
RANDOM_FAST: Settings = BAGGED | {
    "extra_trees": True,
    "num_leaves": 16,
    "learning_rate": 0.086,
    "feature_fraction": 0.92,
    "min_data_in_leaf": 1,
    "lambda_l1": 0.64,
    "lambda_l2": 0.7,
}
FIVE_LEAVES: Settings = BAGGED | {
    "num_leaves": 5,
    "learning_rate": 0.073,
    "feature_fraction": 0.7,
    "min_data_in_leaf": 8,
    "lambda_l1": 0.54,
    "lambda_l2": 1.0,
    "max_bin": 63,
}
RANDOM: Settings = {
    "extra_trees": True,
    "feature_fraction": 0.5,
    "num_leaves": 48,
    "learning_rate": 0.06,
    "lambda_l2": 1.0,
}
FEW_LEAVES: Settings = {
    "num_leaves": 7,
    "feature_fraction": 0.6,
    "learning_rate": 0.06,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
}
MANY_LEAVES: Settings = FEW_LEAVES | {"num_leaves": 127, "learning_rate": 0.06, "bagging_fraction": 0.9}
SLOW: Settings = FEW_LEAVES | {"num_leaves": 16, "learning_rate": 0.02}
VAST: Settings = {"num_leaves": 1023, "learning_rate": 0.05, "feature_fraction": 0.8}
"""On half a million rows of forest cover, seven times the leaves halve the loss within the same time."""
REGULAR: Settings = {
    "num_leaves": 24,
    "learning_rate": 0.04,
    "feature_fraction": 0.45,
    "lambda_l1": 0.5,
    "lambda_l2": 2.0,
}

LINEAR = Config("linear", "linear", "linear")
BENT = Config("linear-rich", "linear", "rich-linear")
SHALLOW = Config(
    "catboost-shallow", "catboost", "encoded", {"depth": 4, "learning_rate": 0.08, "l2_leaf_reg": 5.0}
)
DEEP = Config("catboost-deep", "catboost", "encoded", {"depth": 8, "learning_rate": 0.08, "rsm": 0.7})
ENCODED = Config("lightgbm-encoded", "lightgbm", "encoded", REGULAR)
QUICK: Settings = REGULAR | BAGGED | {"num_leaves": 32, "learning_rate": 0.07}
RICH = Config("lightgbm-rich", "lightgbm", "rich", QUICK)
"""Quicker than others of its kind: it says early whether generated features pay."""
VAST_LEAVES = Config("lightgbm-vast", "lightgbm", "tree", VAST)
EXTRA = Config("lightgbm-random", "lightgbm", "encoded", RANDOM)

FEW_ROWS = (
    LINEAR,
    Config("lightgbm", "lightgbm", "tree", FEW_LEAVES),
    Config("lightgbm-random-rich", "lightgbm", "rich", RANDOM),
    BENT,
    ENCODED,
    SHALLOW,
    Config("lightgbm-random-few", "lightgbm", "tree", RANDOM_FEW),
    Config("lightgbm-five", "lightgbm", "encoded", FIVE_LEAVES),
    Config("lightgbm-random-fast", "lightgbm", "encoded", RANDOM_FAST),
    Config("lightgbm-slow", "lightgbm", "encoded", SLOW),
    Config("catboost", "catboost", "encoded", {"depth": 6, "learning_rate": 0.1}),
)
"""On so few rows, twice as many candidates did not lower the ensemble's error further."""
MORE_ROWS = (
    LINEAR,
    Config("lightgbm", "lightgbm", "tree", DEFAULT),
    RICH,
    Config("lightgbm-large", "lightgbm", "tree", MANY_LEAVES),
    Config("catboost", "catboost", "encoded", {"depth": 6, "learning_rate": 0.09}),
    BENT,
    Config("lightgbm-small", "lightgbm", "tree", FEW_LEAVES),
    EXTRA,
    ENCODED,
    DEEP,
)
"""Generated features come early: where they pay, all that follows has them (`training.search`)."""
MANY_ROWS = (
    Config("lightgbm", "lightgbm", "tree", DEFAULT | {"num_leaves": 127}),
    LINEAR,
    VAST_LEAVES,
    *(c for c in MORE_ROWS[2:] if c not in (BENT, RICH)),
)
"""For a large table a linear model is no longer cheap, and there is time for fewer rounds of more leaves."""


def portfolio(classes: int, rows: int, columns: int) -> tuple[Config, ...]:
    """Configurations in the order they are tried, for K `classes` (0 for regression)."""
    order = FEW_ROWS if rows < SMALL else MORE_ROWS if rows < LARGE else MANY_ROWS
    if rows >= ONE_FOLD:
        order = (VAST_LEAVES, *(c for c in order if c is not VAST_LEAVES))
    if rows >= SMALL:
        order = tuple(_of_many_classes(c, classes) for c in order)
    fitting = (c for c in order if c.family != "catboost" or classes <= MOST_CATBOOST_CLASSES)
    ours = [
        Config("baseline", "baseline", "tree"),
        *(c for c in fitting if c.name != DEEP.name or columns < WIDE),
    ]
    return (*ours, *_of_other_families({c.family for c in order}, classes))


def _of_many_classes(config: Config, classes: int) -> Config:
    """`config` at a faster rate where LightGBM grows a tree a class in every round."""
    times = next((t for least, t in RATE_TIMES if classes >= least), 1.0)
    if config.family != "lightgbm" or times == 1:
        return config
    rate = min(times * float(config.settings["learning_rate"]), MOST_RATE)
    return replace(config, settings=config.settings | {"learning_rate": rate})


def _of_other_families(named: Collection[str], classes: int) -> Iterator[Config]:
    """Families of installed extras and of strangers, with their own settings, in the view that they name."""
    for family, learner in sorted(families().items()):
        able = abilities_of(learner)
        if family not in (*named, "baseline") and able.view and classes <= able.most_classes:
            yield Config(family, family, able.view)
