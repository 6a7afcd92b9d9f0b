"""What is measured, in a reader's words: metrics, and what decisions bring.

Used by the cards. The names are those of scores in an Evaluation; what is not here shows its own name.
"""

from __future__ import annotations

import re
from typing import Final

METRICS: Final[dict[str, str]] = {
    "roc_auc": "ranks a positive row above a negative one",
    "log_loss": "surprise at what happened; less is better",
    "average_precision": "precision over all recalls",
    "brier": "squared error of the probabilities",
    "accuracy": "share of right labels",
    "balanced_accuracy": "accuracy with every class counting equally",
    "f1": "precision and recall of the labels, in one",
    "mcc": "correlation of predicted and true labels",
    "rmse": "root of the mean squared error",
    "mae": "mean absolute error",
    "r2": "share of the variation explained",
    "median_absolute_error": "the error that half of the rows stay under",
    "mape": "mean error as a share of the true value",
    "rmsle": "error of the logarithm: as a factor, small and large alike",
    "poisson_deviance": "error of counts and rates",
    "gamma_deviance": "error of amounts whose spread grows with them",
}

OUTCOMES: Final[dict[str, str]] = {
    "cost_per_1000_rows": "cost per 1,000 rows",
    "expected_cost_per_1000_rows": "cost per 1,000 rows foretold by the probabilities",
    "more_per_1000_rows": "more per 1,000 rows than as decided",
    "alerts_per_1000_rows": "positive of 1,000 rows",
    "alerts_per_day": "positive a day",
}

_BEST: Final[dict[str, float]] = {
    **dict.fromkeys(
        ("roc_auc", "average_precision", "accuracy", "balanced_accuracy", "f1", "mcc", "r2"), 1.0
    ),
    **dict.fromkeys(("log_loss", "brier", "rmse", "mae", "median_absolute_error", "mape", "rmsle"), 0.0),
    **dict.fromkeys(("poisson_deviance", "gamma_deviance"), 0.0),
}
_SHARES: Final = re.compile(r"f[\d.]+|top_\d+_accuracy|precision_at_[\d.]+%?")


def best_of(metric: str) -> float | None:
    """The value of a metric that a model without any error has; None where that is not known.

    >>> best_of("rmse"), best_of("top_3_accuracy"), best_of("profit")
    (0.0, 1.0, None)
    """
    return 1.0 if _SHARES.fullmatch(metric) else _BEST.get(metric)
