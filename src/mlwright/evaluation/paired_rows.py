"""Errors of several models on the same rows, drawn together: what their differences are beyond chance.

Used by `training` for its fit report. It knows margins and what a metric makes of them, no models.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.base.fit_report import Span
from mlwright.evaluation.metrics import Metric, Truth, error_of, smooth_of
from mlwright.statistics.intervals import Codes, Floats
from mlwright.statistics.resampling import drawn_weights

FEWEST_DRAWS, MOST_DRAWS, CELLS = 60, 300, 2e7


@dataclass(frozen=True)
class PairedRows:
    """Rows [n] that several models are judged on."""

    metric: Metric
    y: Truth
    answer: Callable[[Floats], Floats]
    """Margins [n, M] as probabilities [n, K], or numbers [n, 1]."""
    weights: Floats | None = None
    units: npt.NDArray[np.generic] | None = None
    """Group or stretch of time of each row [n], whose rows are drawn together."""
    seed: int = 0

    @property
    def smooth(self) -> Metric:
        """The metric, or what stands in for it."""
        return smooth_of(self.metric)

    def errors(self, margins: Sequence[Floats]) -> tuple[Floats, Floats]:
        """The errors [S] of as many models, and what they would be for other rows like these [B, S].

        Draws in which one is undefined are left out; all of them are where the errors themselves are.
        """
        outputs = [self.answer(m) for m in margins]
        outputs = [o[:, 0] if self.smooth.needs == "prediction" else o for o in outputs]
        clusters: Codes | None = None
        if self.units is not None:
            clusters = np.unique(self.units, return_inverse=True)[1].astype(np.int64)
            clusters = clusters if clusters.max() > 0 else None
        judged = [self.smooth.on(self.y, o) for o in outputs]
        width = outputs[0].shape[1] if outputs[0].ndim == 2 else 1
        work = len(self.y) * max(1.0, width / 2) * len(outputs)
        draws = int(np.clip(CELLS / max(work, 1.0), FEWEST_DRAWS, MOST_DRAWS))
        draws = draws if self.smooth.bounded else FEWEST_DRAWS  # a user's own may be slow
        value = np.array([error_of(self.smooth, f(self.weights)) for f in judged])
        drawn = np.array(
            [
                [error_of(self.smooth, f(w)) for f in judged]
                for w in drawn_weights(len(self.y), draws, self.seed, clusters=clusters, weights=self.weights)
            ]
        )
        sound = np.isfinite(drawn).all(axis=1) & bool(np.isfinite(value).all())
        return value, drawn[sound]


def span_of(value: float, drawn: Floats) -> Span:
    """`value` with the interval of its draws."""
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Span(value=float(value), low=min(float(low), float(value)), high=max(float(high), float(value)))
