"""The portfolio of a table: a plain baseline first, then configurations in the order that pays soonest."""

from __future__ import annotations

from mlwright.learners import Config

MOST_CATBOOST_CLASSES = 12
"""CatBoost's trees are written once a class; beyond this the graph would be slow and large."""


def portfolio(classes: int, rows: int, columns: int) -> tuple[Config, ...]:
    """Configurations in the order they are tried, for K `classes` (0 for regression)."""
    catboost = classes <= MOST_CATBOOST_CLASSES
    small = rows < 3_000
    candidates = [
        Config("baseline", "baseline", "tree"),
        Config("lightgbm", "lightgbm", "tree", {"learning_rate": 0.05, "feature_fraction": 0.8}),
        Config("linear", "linear", "linear"),
        Config("catboost", "catboost", "encoded", {"depth": 6, "learning_rate": 0.1 if small else 0.06})
        if catboost
        else None,
        Config(
            "lightgbm-random",
            "lightgbm",
            "encoded",
            {
                "extra_trees": True,
                "feature_fraction": 0.5,
                "num_leaves": 48,
                "learning_rate": 0.06,
                "lambda_l2": 1.0,
            },
        ),
        Config(
            "lightgbm-small",
            "lightgbm",
            "tree",
            {
                "num_leaves": 7,
                "feature_fraction": 0.6,
                "learning_rate": 0.06,
                "bagging_fraction": 0.8,
                "bagging_freq": 1,
            },
        )
        if small
        else Config(
            "lightgbm-large",
            "lightgbm",
            "tree",
            {
                "num_leaves": 127,
                "learning_rate": 0.04,
                "feature_fraction": 0.6,
                "bagging_fraction": 0.9,
                "bagging_freq": 1,
            },
        ),
        Config(
            "catboost-shallow", "catboost", "encoded", {"depth": 4, "learning_rate": 0.08, "l2_leaf_reg": 5.0}
        )
        if catboost and small
        else None,
        Config("catboost-deep", "catboost", "encoded", {"depth": 8, "learning_rate": 0.06, "rsm": 0.7})
        if catboost and not small and columns < 500
        else None,
        Config(
            "lightgbm-encoded",
            "lightgbm",
            "encoded",
            {
                "num_leaves": 24,
                "learning_rate": 0.04,
                "feature_fraction": 0.45,
                "lambda_l1": 0.5,
                "lambda_l2": 2.0,
            },
        ),
    ]
    return tuple(c for c in candidates if c is not None)
