"""Whether a converted network ships with weights of eight bits: only where its answers stay as good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mlwright.artifact import Model
    from mlwright.base.score import Score
    from mlwright.data.dataset import Dataset

MOST_LOST = 0.01
"""Share of its score, of labels, or of the spread of its numbers that a network may lose."""


@dataclass(frozen=True)
class Verdict:
    """What weights of eight bits do to a network, in a sentence."""

    accepted: bool
    told: str


def judged(whole: Model, small: Model, rows: Dataset, sizes: tuple[int, int]) -> Verdict:
    """Both beside each other: by their scores where there are rows with known answers, else by how they agree
    on the example. `sizes` are those of the graphs, in bytes."""
    smaller = f"{sizes[0]:,} bytes of graph become {sizes[1]:,}"
    if whole.evaluation.scores:
        before, after = whole.evaluation.score, small.evaluation.score
        lost, said = lost_by(before, after), f"{before.metric} {before.value:.4g} becomes {after.value:.4g}"
    else:
        lost, said = _apart(whole, small, rows)
    verdict = "kept" if lost <= MOST_LOST else f"given up, more than {MOST_LOST:.0%} would be lost"
    return Verdict(lost <= MOST_LOST, f"weights of 8 bits {verdict}: {said}, {smaller}")


def lost_by(before: Score, after: Score) -> float:
    """The share of a score that is lost; below nought where it got better."""
    change = before.value - after.value if before.greater_is_better else after.value - before.value
    return change / max(abs(before.value), 1e-12)


def _apart(whole: Model, small: Model, rows: Dataset) -> tuple[float, str]:
    """The share of labels that differ, or the root mean square of the differences in standard deviations."""
    one, other = (m.run(rows.numbers(), rows.strings()) for m in (whole, small))
    if one.label is not None and other.label is not None:
        lost = float((one.label != other.label).mean())
        return lost, f"{lost:.2%} of the labels of {len(rows):,} example rows change"
    assert one.prediction is not None and other.prediction is not None  # of a number
    size = float(one.prediction.std()) or float(np.abs(one.prediction).mean()) or 1.0
    lost = float(np.sqrt(np.square(one.prediction - other.prediction).mean())) / size
    return lost, f"the answers to {len(rows):,} example rows move by {lost:.2%} of their spread"
