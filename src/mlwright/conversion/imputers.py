"""IterativeImputer: each column's missing values by a model of the other columns, round after round."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlwright.base.errors import ConversionRefused
from mlwright.conversion.answers import Number
from mlwright.conversion.frame import Frame
from mlwright.conversion.numbers import imputed, indicated
from mlwright.conversion.registry import ended

MOST_MODELS = 400
"""In all rounds together: each is a piece of the graph."""


def in_rounds(imputer: Any, frame: Frame) -> Frame:  # Any: an IterativeImputer
    """First filled in as by SimpleImputer; then, in the order in which it was fitted, what a model says of
    each column where that was missing."""
    g, sequence = frame.g, imputer.imputation_sequence_
    if imputer.sample_posterior:
        raise ConversionRefused("sample_posterior=True draws by lot", remedy="leave it out")
    if len(sequence) > MOST_MODELS:
        raise ConversionRefused(
            f"it has {len(sequence)} models, of which {MOST_MODELS} are converted",
            remedy="use fewer columns or rounds (max_iter)",
        )
    frame.words.in_rounds = True
    filled = imputed(imputer.initial_imputer_, frame)
    kept = _kept(imputer, len(frame))
    own = frame.pick(kept).numbers()
    missing = g.node("IsNaN", own)
    columns = [g.columns(filled.numbers(), [j], len(kept)) for j in range(len(kept))]
    least, most = (np.broadcast_to(getattr(imputer, n), (len(kept),)) for n in ("_min_value", "_max_value"))
    for step in sequence if imputer.n_iter_ else ():
        j = int(step.feat_idx)
        others = g.concat([columns[int(i)] for i in step.neighbor_feat_idx])
        names = [filled.names[int(i)] for i in step.neighbor_feat_idx]
        answer = ended(step.estimator, frame.made(others, names), filled.names[j])
        if not isinstance(answer, Number):
            raise ConversionRefused("its models answer classes", remedy="let its estimator be a regression")
        shape = g.constant(np.array([-1, 1], dtype=np.int64))
        guess = _within(frame, g.node("Reshape", answer.tensor, shape), float(least[j]), float(most[j]))
        columns[j] = g.node("Where", g.columns(missing, [j], len(kept)), guess, columns[j])
    out = frame.made(g.concat(columns), filled.names)
    return out.beside([indicated(imputer.indicator_, frame)]) if imputer.add_indicator else out


def _within(frame: Frame, tensor: str, least: float, most: float) -> str:
    g = frame.g
    tensor = tensor if np.isneginf(least) else g.node("Max", tensor, g.constant(least))
    return tensor if np.isposinf(most) else g.node("Min", tensor, g.constant(most))


def _kept(imputer: Any, width: int) -> list[int]:  # Any: an IterativeImputer
    """The columns that had values, in order."""
    if not (isinstance(imputer.missing_values, float) and np.isnan(imputer.missing_values)):
        raise ConversionRefused(
            f"missing_values={imputer.missing_values!r} is not converted", remedy="let it be numpy.nan"
        )
    gone = np.isnan(np.asarray(imputer.initial_imputer_.statistics_, dtype=np.float64))
    if gone.any():
        raise ConversionRefused("a column had no values when it was fitted", remedy="leave it out")
    return list(range(width))
