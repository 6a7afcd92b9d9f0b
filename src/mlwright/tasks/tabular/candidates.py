"""The portfolio of a table: a plain baseline first, then configurations in the order that pays soonest."""

from __future__ import annotations

from mlwright.learners import Config
from mlwright.learners.protocol import Settings

MOST_CATBOOST_CLASSES = 12
"""CatBoost's trees are written once a class; beyond this the graph would be slow and large."""
SMALL, LARGE = 3_000, 100_000
WIDE = 500

DEFAULT: Settings = {"learning_rate": 0.05, "feature_fraction": 0.8}
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
MANY_LEAVES: Settings = FEW_LEAVES | {"num_leaves": 127, "learning_rate": 0.04, "bagging_fraction": 0.9}
VAST: Settings = {"num_leaves": 1023, "learning_rate": 0.05, "feature_fraction": 0.8}
"""On half a million rows of forest cover, seven times the leaves halve the loss within the same time."""
REGULAR: Settings = {
    "num_leaves": 24,
    "learning_rate": 0.04,
    "feature_fraction": 0.45,
    "lambda_l1": 0.5,
    "lambda_l2": 2.0,
}


def portfolio(classes: int, rows: int, columns: int) -> tuple[Config, ...]:
    """Configurations in the order they are tried, for K `classes` (0 for regression)."""
    small = rows < SMALL
    oblivious = classes <= MOST_CATBOOST_CLASSES
    # A large table can fill more leaves, and has time for fewer rounds.
    leaves: Settings = {"num_leaves": 127} if rows >= LARGE else {}
    boosted = Config("lightgbm", "lightgbm", "tree", DEFAULT | leaves)
    linear = Config("linear", "linear", "linear")
    # A linear model costs next to nothing on a table that is not large, and is sometimes all that is needed.
    first = [boosted, linear] if rows >= LARGE else [linear, boosted]
    candidates = [Config("baseline", "baseline", "tree"), *first]
    if rows >= LARGE:
        candidates.append(Config("lightgbm-vast", "lightgbm", "tree", VAST))
    if oblivious:
        rate = 0.1 if small else 0.06
        candidates.append(Config("catboost", "catboost", "encoded", {"depth": 6, "learning_rate": rate}))
    candidates.append(Config("lightgbm-random", "lightgbm", "encoded", RANDOM))
    if small:
        candidates.append(Config("lightgbm-small", "lightgbm", "tree", FEW_LEAVES))
    else:
        candidates.append(Config("lightgbm-large", "lightgbm", "tree", MANY_LEAVES))
    if oblivious and small:
        shallow: Settings = {"depth": 4, "learning_rate": 0.08, "l2_leaf_reg": 5.0}
        candidates.append(Config("catboost-shallow", "catboost", "encoded", shallow))
    elif oblivious and columns < WIDE:
        deep: Settings = {"depth": 8, "learning_rate": 0.06, "rsm": 0.7}
        candidates.append(Config("catboost-deep", "catboost", "encoded", deep))
    candidates.append(Config("lightgbm-encoded", "lightgbm", "encoded", REGULAR))
    return tuple(candidates)
