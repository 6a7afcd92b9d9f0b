"""Conformal values: what a set of labels is made from, and how often such sets held the truth.

Made by `evaluation`, kept in the evaluation of a model file, read by `artifact` and `serving`. Values only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mlwright.base.score import Score

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Doubles = npt.NDArray[np.float64]


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """How unlike their own class the rows of one class looked: some order statistics of 1 - p(class)."""

    rows: float
    """Rows of the class that were looked at; fewer where they have weights, so many as they are worth."""
    ranks: tuple[float, ...]
    """Which of them are kept, counted from 1 for the most alike; with weights, the weight up to there."""
    scores: tuple[float, ...]
    """Theirs, ascending."""

    def p_values(self, scores: Doubles) -> Doubles:
        """Of rows that look so unlike the class [n]: the share of its rows (and of itself) that look at least
        as unlike, and never less than that where scores between those kept are asked for.

        >>> import numpy as np
        >>> of = Reference(rows=4, ranks=(1, 2, 3, 4), scores=(0.1, 0.2, 0.3, 0.4))
        >>> of.p_values(np.array([0.05, 0.25, 0.4, 0.9])).tolist()
        [1.0, 0.6, 0.4, 0.2]
        """
        import numpy as np  # not with the module, which the command line reads for its help

        ranks = np.array((0.0, *self.ranks))
        below = ranks[np.searchsorted(np.array(self.scores), scores, side="left")]
        return np.asarray((1 + self.rows - below) / (self.rows + 1))


class SetSize(msgspec.Struct, frozen=True, kw_only=True):
    """How large sets are at one error rate, on unseen rows."""

    error: float
    mean: float
    single: float
    """The share of sets of one label."""
    empty: float
    coverage: tuple[Score, ...]
    """By class, in the order of the target's classes: the share of its rows whose set holds it."""

    @property
    def said(self) -> str:
        """In words."""
        held = [c for c in self.coverage if c.rows]
        worst = min(held, key=lambda c: c.value).value if held else float("nan")
        sizes = f"{self.mean:.2f} labels in the mean, {self.single:.0%} of one"
        return f"{sizes}; each class held in {worst:.1%} or more"


class Conformal(msgspec.Struct, frozen=True, kw_only=True):
    """What sets of labels are made from: a label is in a row's set unless the row is more unlike its class
    than all but a share (the error rate) of the class's rows."""

    references: tuple[Reference, ...]
    """By class, in the order of the target's classes."""
    measured: tuple[SetSize, ...]
    how: str
    """Which rows it rests on, in words."""

    def p_values(self, probability: Doubles) -> Doubles:
        """[N, K] from calibrated probabilities [N, K]: how plausible each class is for each row."""
        import numpy as np

        columns = [r.p_values(1.0 - probability[:, k]) for k, r in enumerate(self.references)]
        return np.stack(columns, axis=1)
