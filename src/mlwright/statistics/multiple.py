"""Many tests at once: which findings survive, at a stated share of false ones.

Used by `checks` and later `monitoring`, where one check looks at hundreds of columns.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mlwright.statistics.intervals import Floats


def adjusted(p: Floats) -> Floats:
    """Benjamini and Hochberg's adjusted p-values [N]: of those at most q, a share q is false on average.

    Holds for independent and positively dependent tests. NaN (not tested) stays NaN and does not count.
    Source: Benjamini & Hochberg (1995), Journal of the Royal Statistical Society B 57.

    >>> adjusted(np.array([0.01, 0.04, 0.03, 0.5])).round(4)
    array([0.04  , 0.0533, 0.0533, 0.5   ])
    """
    result = np.full(len(p), np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested])[::-1]]
    ranks = np.arange(len(order), 0, -1)
    result[order] = np.minimum(np.minimum.accumulate(p[order] * len(order) / ranks), 1.0)
    return result


def discovered(p: Floats, share: float = 0.05) -> npt.NDArray[np.bool_]:
    """Which of the tests [N] are discoveries when a `share` of false ones among them is borne.

    >>> discovered(np.array([0.01, 0.04, 0.03, 0.5]))
    array([ True, False, False, False])
    """
    return np.asarray(adjusted(p) <= share, dtype=bool)
