"""Importance and effects: what a model relies on, and how its answers move with a column.

Made by `evaluation.importance` and `evaluation.effects`, kept in the evaluation of a model file, shown by the
card, the command line and notebooks. Values only.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import msgspec

from mlwright.base.schema import Kind


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A difference with its 95 % interval."""

    value: float
    low: float | None = None
    high: float | None = None
    """Both None where rows could not say how sure it is."""

    @property
    def clear(self) -> bool:
        """Whether the whole interval lies above 0.

        >>> Change(value=0.2, low=0.1, high=0.3).clear, Change(value=0.2).clear
        (True, False)
        """
        return self.low is not None and self.low > 0


class Reliance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How much worse the answers get where the values of `columns` are shuffled among the rows."""

    columns: tuple[str, ...]
    """One column; or several that tell much the same, shuffled together."""
    metric: Change | None
    """By how much the error in the metric grows: how far a score falls for which greater is better. None of
    a metric that is undefined or dear, such as an area under a curve for each of hundreds of classes."""
    loss: Change
    """By how much the loss grows: log loss of classes, squared error of numbers."""

    @property
    def first(self) -> Change:
        """What columns are ranked by: the metric, or else the loss."""
        return self.metric or self.loss


class Importance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the answers rest on, by permutation (Breiman 2001; Fisher, Rudin & Dominici 2019)."""

    metric: str
    greater_is_better: bool
    metric_value: float | None
    """With all columns as they are, on the same rows; None where it is undefined."""
    loss: str
    """`log_loss` or `squared_error`."""
    loss_value: float
    rows: int
    repeats: int
    how: str
    """In words: which model, on which rows, had it seen them."""
    unseen: bool = True
    """Whether the model had not seen the rows. Where it had, columns that it merely remembers look useful."""
    columns: tuple[Reliance, ...] = ()
    """Single columns, the largest first."""
    groups: tuple[Reliance, ...] = ()
    """Columns that tell much the same, together, the largest first: alone, each is replaced by the others."""
    unused: tuple[str, ...] = ()
    """Columns that the model does not ask for: nothing rests on them. The first hundred."""
    unused_count: int = 0
    not_measured: int = 0
    """Columns that are used and were left: of many, those that seemed to matter less at a first look; where
    time ran out, those whose turn had not come."""
    skipped: str = ""
    """Why nothing was measured, where nothing was."""

    def of(self, column: str) -> Reliance | None:
        """What rests on `column` alone; None where it was not measured."""
        return next((r for r in self.columns if r.columns == (column,)), None)

    def ranked(self) -> tuple[Reliance, ...]:
        """Groups, and the columns of no group, the largest first: each column stands in one line."""
        together = {name for g in self.groups for name in g.columns}
        alone = [r for r in self.columns if r.columns[0] not in together]
        return tuple(sorted((*self.groups, *alone), key=lambda r: -r.first.value))


class Curve(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the answer moves with one column, all else as it is in the rows: accumulated local effects (Apley
    & Zhu 2020). Rows are only moved to neighbouring values, so that columns that go together do not bend it.
    """

    column: str
    kind: Kind
    of: str = ""
    """The class whose probability is told; "" of numbers."""
    average: float
    """The mean answer."""
    at: tuple[float, ...] = ()
    """Of numbers, booleans and datetimes (seconds since 1970): the points, ascending. Rounded where fewer
    than five rows have the value; at least as many lie at or beyond each end."""
    levels: tuple[str, ...] = ()
    """Of categories: the points; "" is missing."""
    pooled: int = 0
    """How many other categories the last of `levels` stands for; 0 where it stands for itself."""
    answer: tuple[float, ...] = ()
    """At each point, the mean answer plus the effect: a probability, or a number in the target's unit."""
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    """Ends of the 95 % intervals of the effect: of other rows, not of another training. Empty where rows
    cannot say."""
    margin: tuple[float, ...] = ()
    """At each point, the effect on the margin (log-odds; of several classes, beside their mean; of numbers,
    behind their link), 0 in the mean. Empty where margin and number are one."""
    margin_low: tuple[float, ...] = ()
    margin_high: tuple[float, ...] = ()
    rows: tuple[int, ...] = ()
    """How many rows say so: between each point and the next, or at each level. Few rows are thin ice. Rows
    beyond the ends are not among them."""
    missing: int = 0
    """Rows without the value, which have no place on the curve."""

    @property
    def spread(self) -> float:
        """How far apart the least and the greatest answer are.

        >>> Curve(column="a", kind="numeric", average=0.0, answer=(1.0, 3.0)).spread
        2.0
        """
        return max(self.answer) - min(self.answer) if self.answer else 0.0


FLAT, BACK, LEAST_FLAT = 0.1, 0.1, 0.25
"""Within a tenth of the spread a curve is flat; going back less than a tenth of its way it still only rises;
a flat end is worth words where a quarter of the rows are there."""


class Stretch(msgspec.Struct, frozen=True):
    """How a curve over numbers runs, in terms of places among its points."""

    way: int
    """1 where it rises, -1 where it falls, 0 where it does both."""
    begins: int
    """The first point from which it moves."""
    ends: int
    """The last point up to which it moves."""


def stretch_of(answer: Sequence[float], rows: Sequence[int]) -> Stretch:
    """Whether the points rise or fall, and between which of them; `rows` stand between points.

    >>> stretch_of((0.0, 0.0, 1.0, 2.0, 2.0), (10, 10, 10, 10))
    Stretch(way=1, begins=1, ends=3)
    """
    last = len(answer) - 1
    steps = [b - a for a, b in itertools.pairwise(answer)]
    up, down = sum(s for s in steps if s > 0), -sum(s for s in steps if s < 0)
    way = 0 if min(up, down) > BACK * (up + down) else 1 if up > down else -1
    near = FLAT * (max(answer) - min(answer))
    ends = last
    while ends > 0 and all(abs(a - answer[last]) <= near for a in answer[ends - 1 :]):
        ends -= 1
    begins = 0
    while begins < last and all(abs(a - answer[0]) <= near for a in answer[: begins + 2]):
        begins += 1
    total = sum(rows) or 1
    ends = ends if sum(rows[ends:]) >= LEAST_FLAT * total else last
    begins = begins if sum(rows[:begins]) >= LEAST_FLAT * total else 0
    return Stretch(way, begins, ends) if begins < ends else Stretch(way, 0, last)
