"""Promises: what a model's file says of its doubt, beside what came on fresh rows.

Made by `evaluation`, part of the evaluation of fresh rows, shown by `cli`. Values only.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from mlwright.base.score import TOO_FEW_ROWS, Score

Kept = Literal["kept", "not kept", "too few rows to tell"]


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """One error rate that was promised of sets (by class), of intervals, or of the answers it is sure of."""

    of: Literal["set", "interval", "abstain"]
    error: float
    """At most this share was to be wrong: sets or intervals without the truth, or answers."""
    label: str = ""
    """The class whose rows these are, of sets."""
    wrong: Score
    """The share that was."""
    size: float
    """Labels in a set, width of an interval, or the share of rows that was answered: the mean."""
    size_before: float | None
    """The same when the model was judged at first; None where that was not measured."""
    kept: Kept


def kept_to(wrong: Score, error: float, calibrated: float = math.inf) -> Kept:
    """Whether the rate was kept to. It was not where more was wrong than the chance of these rows and of the
    `calibrated` ones, on which the promise rests, explains (MOVER: Zou & Donner, 2008, Statistics in Medicine
    27); it was where the interval rules out twice the rate; rows too few for either tell nothing.

    >>> def share(value, low, high):
    ...     return Score(metric="wrong", value=value, low=low, high=high, rows=9, greater_is_better=False)
    >>> kept_to(share(0.2, 0.15, 0.25), 0.1), kept_to(share(0.1, 0.08, 0.12), 0.1)
    ('not kept', 'kept')
    >>> kept_to(share(0.1, 0.02, 0.4), 0.1), kept_to(share(0.12, 0.11, 0.13), 0.1, calibrated=400)
    ('too few rows to tell', 'kept')
    """
    if wrong.method == TOO_FEW_ROWS or not wrong.rows:
        return "too few rows to tell"
    slack = 1.96 * math.sqrt(error * (1 - error) / calibrated)
    if wrong.value - error > math.hypot(wrong.value - wrong.low, slack):
        return "not kept"
    return "kept" if wrong.high <= 2 * error else "too few rows to tell"
