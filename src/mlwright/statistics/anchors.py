"""How often labels contradict predictions that are sure, and whether doubt or wrong labels are the cause.

Used by `checks` and `evaluation`. It knows labels and probabilities alone.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from mlwright.statistics.intervals import Codes, Floats, Interval, normal_quantile, wilson

REGIONS = ((0.1, 0.3), (0.2, 0.5))
"""Shares of the rows: those that the model is surest of, and up to where the next surest go."""


def contradiction(y: Codes, p: Floats) -> tuple[Interval, Interval, float]:
    """How often labels y [N] contradict the surest predictions p [N, K], and the next surest, with intervals;
    and the factor between the two that 90 of 100 such tables stay under. Of two ways to cut, the flatter.

    Where rows are hard, doubt grows from the one to the other; wrong labels are as frequent in both: they put
    a floor under the rate that even perfect predictions meet, as at the anchor points of Patrini et al.
    (2017), CVPR, and Liu & Tao (2016), IEEE TPAMI 38.
    """
    order = np.argsort(-p.max(axis=1), kind="stable")
    wrong = p.argmax(axis=1)[order] != y[order]
    # Where nothing is contradicted both are as flat, and more rows say it with more certainty.
    cuts = (_regions(wrong, *shares) for shares in REGIONS)
    return min(cuts, key=lambda found: (found[2], found[0].high))


def _regions(
    wrong: npt.NDArray[np.bool_], surest: float, following: float
) -> tuple[Interval, Interval, float]:
    first, last = int(surest * len(wrong)), int(following * len(wrong))
    a, b = int(wrong[:first].sum()), int(wrong[first:last].sum())
    if not a:
        return wilson(a, first), wilson(b, last - first), math.inf
    ratio = max(b, 1) / (last - first) / (a / first)
    spread = math.sqrt(1 / a + 1 / max(b, 1))
    factor = ratio * math.exp(normal_quantile(0.9) * spread)
    return wilson(a, first), wilson(b, last - first), factor
