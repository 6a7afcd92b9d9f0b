"""A fold's training rows thinned out, for a learning curve: whole groups, the most recent rows, each class in
proportion. Asked by `diagnosing`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mlwright.evaluation.splits import ALONG_TIME
from mlwright.training.problem import Problem

Ints = npt.NDArray[np.int64]


def thinned(problem: Problem, train: Ints, share: float, part: int) -> Ints:
    """About `share` of the rows `train`, sorted; another `part` (from 0) holds other rows.

    Where rows are split along time, the most recent ones, whatever the part: less history, as there was.
    Groups stay whole. Else by lot, each class in proportion. Parts of one share do not overlap while there is
    room.
    """
    wanted = max(1, round(share * len(train)))
    if problem.split.rule in ALONG_TIME and problem.split.moments is not None:
        recent = train[np.argsort(-problem.split.moments[train], kind="stable")]
        return np.sort(recent[:wanted])
    rng = np.random.default_rng([problem.seed, len(train)])
    begins = (part * wanted) % max(1, len(train) - wanted + 1)
    if problem.groups is not None:
        code = np.unique(problem.groups[train], return_inverse=True)[1]
        place = rng.permutation(int(code.max()) + 1)[code]
        sizes = np.bincount(place)
        first = (np.cumsum(sizes) - sizes)[place]
        return np.sort(train[(first >= begins) & (first < begins + wanted)])
    order = rng.permutation(len(train))
    if problem.classes:
        # By its place among the rows of its class, every stretch holds the classes in proportion.
        y = problem.y[train[order]].astype(np.int64)
        by_class = np.argsort(y, kind="stable")
        counts = np.bincount(y, minlength=problem.classes)
        among = np.empty(len(train))
        among[by_class] = np.arange(len(train)) - np.repeat(np.cumsum(counts) - counts, counts)
        order = order[np.argsort((among + 0.5) / counts[y], kind="stable")]
    return np.sort(train[order[begins : begins + wanted]])
