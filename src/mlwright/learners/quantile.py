"""Quantile regression by small boosted trees: what share of targets lies below, row by row.

Called by `training` for the intervals of regressions. LightGBM's pinball loss; answers are as many numbers
as there are levels, and may cross. Source: Koenker & Bassett (1978), Econometrica 46.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlwright.base.machine import threads_for
from mlwright.graph.trees import Doubles, Trees
from mlwright.learners.lightgbm import FittedLightGBM, library
from mlwright.learners.protocol import Part

SETTINGS = {
    "num_leaves": 8,
    "learning_rate": 0.08,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.9,
    "bagging_freq": 1,
    "max_bin": 63,
}
LEAST_IN_LEAF, MOST_IN_LEAF = 5, 60
"""Rows: a quantile of fewer says little."""


@dataclass(frozen=True)
class FittedQuantiles:
    """One booster a level, fitted on targets divided by `scale`."""

    boosters: tuple[FittedLightGBM, ...]
    scale: float

    def values(self, x: Doubles, rounds: int) -> Doubles:
        """The quantiles [N, levels] after so many rounds, as LightGBM answers them."""
        columns = [b.margin(x, rounds)[:, 0] for b in self.boosters]
        return np.stack(columns, axis=1) * self.scale

    def trees(self, rounds: int) -> Trees:
        """The same as a sum of trees, an output a level."""
        total = Trees((), (), len(self.boosters), np.zeros(len(self.boosters)))
        for k, booster in enumerate(self.boosters):
            grown = FittedLightGBM(booster.booster, 0, rounds).trees().scaled(self.scale)
            bias = np.zeros(total.outputs)
            bias[k] = grown.bias[0]
            total = total.added(Trees(grown.trees, (k,) * len(grown.trees), total.outputs, bias))
        return total


def fit_quantiles(
    train: Part, levels: Sequence[float], rounds: int, *, members: Sequence[int], seed: int, threads: int = 1
) -> FittedQuantiles:
    """Boosters for the quantiles `levels` of the targets of `train`, of so many rounds each.

    `members` are the columns of X that hold category codes. Equal calls give equal results.
    """
    lgb = library()
    scale = float(np.median(np.abs(train.y))) or float(np.abs(train.y).max()) or 1.0
    few = int(np.clip(len(train) // 50, LEAST_IN_LEAF, MOST_IN_LEAF))
    common: dict[str, Any] = {  # Any: LightGBM's parameters are of many types
        **SETTINGS,
        "objective": "quantile",
        "metric": "none",
        "verbosity": -1,
        "num_threads": threads_for(train.x.size, threads),
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "feature_pre_filter": False,
        "min_data_in_leaf": few,
        "min_data_per_group": few,
    }
    data = lgb.Dataset(
        train.x,
        train.y / scale,
        weight=train.weights,
        categorical_feature=list(members),
        params=common,
        free_raw_data=False,
    ).construct()
    boosters = [lgb.train(common | {"alpha": level}, data, num_boost_round=rounds) for level in levels]
    return FittedQuantiles(tuple(FittedLightGBM(b, 0, rounds) for b in boosters), scale)
