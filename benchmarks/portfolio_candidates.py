"""The configurations that the portfolio is chosen from: hand-made ones, and draws from zones that pay.

The zone of LightGBM is that of the portfolios that AutoGluon learned on two hundred tables, at learning
rates that a minute on two cores can afford; that of CatBoost spans what its authors and users vary.
"""

from __future__ import annotations

import math

import numpy as np

from mlwright.learners import Config
from mlwright.learners.protocol import Settings

BAGGED: Settings = {"bagging_fraction": 0.88, "bagging_freq": 1}


def candidates() -> list[Config]:
    """All of them, in the order in which they are fitted."""
    trees, oblivious = _lightgbm(20, seed=7), _catboost(8, seed=8)
    quick = [c for c in oblivious if int(c.settings["depth"]) < 7 and c.view == "encoded"]
    mixed = [c for i, made in enumerate(trees) for c in (made, *quick[i // 3 : i // 3 + 1][: i % 3 == 2])]
    slow = [c for c in (*_by_hand(), *oblivious) if c.name == "cat-slow" or c.name in _slow(oblivious)]
    return [*(c for c in _by_hand() if c.name != "cat-slow"), *mixed, *slow]


def _slow(oblivious: list[Config]) -> set[str]:
    """Deep ones, and those over codes."""
    return {c.name for c in oblivious if int(c.settings["depth"]) >= 7 or c.view == "tree"}


def _by_hand() -> list[Config]:
    few: Settings = {"num_leaves": 7, "feature_fraction": 0.6, "learning_rate": 0.06,
                     "bagging_fraction": 0.8, "bagging_freq": 1}  # fmt: skip
    many: Settings = few | {"num_leaves": 127, "learning_rate": 0.04, "bagging_fraction": 0.9}
    regular: Settings = {"num_leaves": 24, "learning_rate": 0.04, "feature_fraction": 0.45,
                         "lambda_l1": 0.5, "lambda_l2": 2.0}  # fmt: skip
    random: Settings = {"extra_trees": True, "feature_fraction": 0.5, "num_leaves": 48, "learning_rate": 0.06,
                        "lambda_l2": 1.0}  # fmt: skip
    default: Settings = {"learning_rate": 0.05, "feature_fraction": 0.8}
    listed: list[tuple[str, str, str, Settings]] = [
        ("linear", "linear", "linear", {}),
        ("linear-rich", "linear", "rich-linear", {}),
        ("kernel", "kernel", "linear", {}),
        ("extra-trees", "extra-trees", "encoded", {}),
        ("lgb-default", "lightgbm", "tree", default),
        ("lgb-random", "lightgbm", "encoded", random),
        ("lgb-small", "lightgbm", "tree", few),
        ("lgb-encoded", "lightgbm", "encoded", regular),
        ("cat-4", "catboost", "encoded", {"depth": 4, "learning_rate": 0.08, "l2_leaf_reg": 5.0}),
        ("lgb-large", "lightgbm", "tree", many),
        ("lgb-random-rich", "lightgbm", "rich", random),
        ("lgb-random-tree", "lightgbm", "tree", random),
        ("lgb-stumps", "lightgbm", "tree", few | {"num_leaves": 3, "learning_rate": 0.1}),
        ("lgb-slow", "lightgbm", "encoded", few | {"num_leaves": 16, "learning_rate": 0.02}),
        ("cat-6", "catboost", "encoded", {"depth": 6, "learning_rate": 0.1}),
        ("kernel-encoded", "kernel", "encoded", {}),
        (
            "xgb-6",
            "xgboost",
            "encoded",
            {"max_depth": 6, "eta": 0.05, "subsample": 0.8, "colsample_bytree": 0.7},
        ),
        ("cat-8", "catboost", "encoded", {"depth": 8, "learning_rate": 0.1, "rsm": 0.7}),
        ("cat-slow", "catboost", "encoded", {"depth": 6, "learning_rate": 0.04}),
    ]
    return [Config(*one) for one in listed]


def _lightgbm(count: int, seed: int) -> list[Config]:
    rng = np.random.default_rng(seed)
    made = []
    for i in range(count):
        settings: Settings = {
            "learning_rate": _between(rng, 0.03, 0.1),
            "num_leaves": round(_between(rng, 4, 120)),
            "feature_fraction": round(float(rng.uniform(0.4, 0.96)), 2),
            "min_data_in_leaf": round(_between(rng, 1, 60)),
            "lambda_l1": round(float(rng.choice([0.0, 1.0]) * rng.uniform(0, 1.5)), 2),
            "lambda_l2": round(_between(rng, 0.05, 8), 2),
            **BAGGED,
        }
        if i % 2:
            settings["extra_trees"] = True
        if rng.random() < 0.3:
            settings["max_bin"] = 63
        made.append(Config(f"lgb-{i}", "lightgbm", "tree" if i % 4 < 2 else "encoded", settings))
    return made


def _catboost(count: int, seed: int) -> list[Config]:
    rng = np.random.default_rng(seed)
    made = []
    for i in range(count):
        settings: Settings = {
            "depth": (4, 5, 6, 7, 8)[int(rng.integers(5))],
            "learning_rate": _between(rng, 0.05, 0.15),
            "l2_leaf_reg": round(_between(rng, 1, 20), 1),
            "random_strength": round(_between(rng, 0.3, 5), 2),
            "rsm": round(float(rng.uniform(0.4, 1.0)), 2),
            "subsample": round(float(rng.uniform(0.6, 0.95)), 2),
        }
        made.append(Config(f"cat-r{i}", "catboost", "encoded" if i % 4 else "tree", settings))
    return made


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    """Log-uniform, in three digits."""
    return float(f"{math.exp(rng.uniform(math.log(low), math.log(high))):.3g}")
