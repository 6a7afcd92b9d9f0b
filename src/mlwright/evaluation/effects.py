"""Effects: how a model's answers move with one column, as accumulated local effects.

Each row is moved only to the values next to its own, so that no row is asked about that could not be: where
columns go together, averages over all rows (partial dependence) ask about such rows and are bent by them.
It asks a function for answers to rows with values of other rows in a column, and knows no model.
Source: Apley & Zhu (2020), Journal of the Royal Statistical Society B 82; categories in the order of their
likeness by the other columns, as there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from mlwright.base.importance import Curve
from mlwright.base.schema import Column, Kind
from mlwright.evaluation.cuts import DAY_S, rounded_among
from mlwright.evaluation.importance import Answers, Ask, rounded
from mlwright.statistics.intervals import Codes, Floats
from mlwright.statistics.jackknife import deleted_together, half_width
from mlwright.statistics.together import Values

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MOST_ROWS, FEWEST_ROWS = 1_000, 20
MOST_POINTS = 20
MOST_LEVELS = 12
"""Categories of a curve, the last of which may stand for all others."""
LEAST_SEEN = 5
"""Rows that a category, or a number as it is, needs for a place of its own; and rows at or beyond either end
of a curve over numbers: no point tells of a single row."""
MOST_CURVES, OF_SEVERAL, MOST_CLASSES = 12, 6, 3
"""Columns with a curve; of more than two classes so many columns, each with a curve for so many classes."""


@dataclass(frozen=True)
class Shown:
    """A column to draw."""

    column: Column
    values: Values
    """Numbers or codes [n], as in `Examined.columns`."""
    names: Sequence[str] = ()
    """The categories by code; "" is missing."""


@dataclass(frozen=True)
class Scene:
    """A model, and the rows that it is asked about."""

    ask: Ask
    rows: int
    classes: tuple[str, ...] = ()
    """None of a regression."""
    linked: bool = False
    """Whether numbers follow from the margin by more than a sum."""
    weights: Floats | None = None
    clusters: Codes | None = None
    seed: int = 0
    group: Codes = field(init=False)
    """The rows that are left out together [n]."""

    def __post_init__(self) -> None:
        group = deleted_together(self.rows, clusters=self.clusters, seed=self.seed)
        object.__setattr__(self, "group", group)


class _Moves(NamedTuple):
    """What moving rows between neighbouring points did, and where each row stands."""

    row: Ints
    """[m] whose move it is."""
    interval: Ints
    """[m] between which points: k and k + 1."""
    change: Doubles
    """[m, S] of each quantity, upwards."""
    place: Doubles
    """[n] of each row among the points, 2.5 is half way from 2 to 3; NaN where it has none."""
    points: int


def curves_of(scene: Scene, shown: Sequence[Shown], others: Sequence[Shown] = ()) -> tuple[Curve, ...]:
    """The curves of the columns `shown`, in their order; for each of several classes one. Columns of one
    value and of free text have none.

    `others` are columns that say how alike categories are.
    """
    if scene.rows < FEWEST_ROWS:
        return ()
    plain = scene.ask(np.arange(scene.rows), {})
    picked = _picked(scene, plain)
    own = _quantities(scene, plain, picked)
    out: list[Curve] = []
    for one in shown[: MOST_CURVES if len(scene.classes) <= 2 else OF_SEVERAL]:
        if one.values is None:
            continue
        if one.values.dtype.kind == "f":
            out += _of_numbers(scene, one, own, picked)
        else:
            out += _of_categories(scene, one, own, picked, [o for o in (*shown, *others) if o is not one])
    return tuple(out)


def _picked(scene: Scene, plain: Answers) -> list[int]:
    """The classes that are told of: the positive one of two, the likeliest of more."""
    if not scene.classes:
        return [0]
    if len(scene.classes) == 2:
        return [1]
    mean = plain.answer.mean(axis=0)
    return sorted(np.argsort(-mean, kind="stable")[:MOST_CLASSES].tolist())


def _quantities(scene: Scene, answers: Answers, picked: list[int]) -> Doubles:
    """[m, 2 * classes told of]: answers, then margins."""
    if not scene.classes:
        return np.stack([answers.answer, answers.margin[:, -1]], axis=1)
    if len(scene.classes) == 2:
        return np.stack([answers.answer[:, 1], answers.margin[:, -1] - _first(answers.margin)], axis=1)
    centred = answers.margin - answers.margin.mean(axis=1, keepdims=True)
    return np.concatenate([answers.answer[:, picked], centred[:, picked]], axis=1)


def _first(margin: Doubles) -> Doubles | float:
    return margin[:, 0] if margin.shape[1] == 2 else 0.0


# Numbers -------------------------------------------------------------------------------------------------


def _of_numbers(scene: Scene, one: Shown, own: Doubles, picked: list[int]) -> list[Curve]:
    values = np.asarray(one.values, dtype=np.float64)
    known = np.flatnonzero(np.isfinite(values))
    points, told = _points(values[known], one.column.kind)
    if len(points) < 2 or len(known) < FEWEST_ROWS:
        return []
    place = np.full(scene.rows, np.nan)
    place[known] = np.interp(values[known], points, np.arange(len(points)))  # beyond an end: at it
    inside = known[(values[known] >= points[0]) & (values[known] <= points[-1])]
    bin_ = np.maximum(np.searchsorted(points, values[inside], side="left"), 1) - 1
    first = {v: int(known[i]) for i, v in reversed(list(enumerate(values[known].tolist())))}
    holder = np.array([first[p] for p in points.tolist()], dtype=np.int64)
    name = one.column.name
    ends = [_quantities(scene, scene.ask(inside, {name: holder[bin_ + side]}), picked) for side in (0, 1)]
    moves = _Moves(inside, bin_, ends[1] - ends[0], place, len(points))
    rows = np.bincount(bin_, minlength=len(points) - 1)
    bare = Curve(
        column=name,
        kind=one.column.kind,
        average=0.0,
        at=tuple(told.tolist()),
        rows=_ints(rows),
        missing=scene.rows - len(known),
    )
    return _told(scene, bare, moves, own, picked)


def _points(values: Doubles, kind: Kind) -> tuple[Doubles, Doubles]:
    """Values between which rows are moved, themselves among the rows', and as they are told, ascending.

    Of few values those that several rows have, else by equal counts, from the fifth to the fifth last. What
    fewer rows have is told rounded; where that is no longer apart from the point before, it is none.
    """
    distinct, counts = np.unique(values, return_counts=True)
    points = distinct[counts >= LEAST_SEEN]
    if len(distinct) > MOST_POINTS or len(points) < 2:
        inner = np.sort(values)[LEAST_SEEN - 1 : 1 - LEAST_SEEN]
        most = min(MOST_POINTS, len(values) // LEAST_SEEN)
        if not len(inner):
            return inner, inner
        points = np.unique(np.quantile(inner, np.linspace(0, 1, most), method="inverted_cdf"))
    seen = counts[np.searchsorted(distinct, points)]
    told = np.where(seen >= LEAST_SEEN, points, [_near(p, points, kind) for p in points.tolist()])
    before = np.concatenate([[-np.inf], np.maximum.accumulate(told)[:-1]])
    return points[told > before], told[told > before]


def _near(value: float, points: Doubles, kind: Kind) -> float:
    """The point rounded: a moment to the day, or to the second of a short time."""
    if kind != "datetime":
        return rounded_among(value, points)
    unit = DAY_S if points[-1] - points[0] > 60 * DAY_S else 1.0
    return round(value / unit) * unit


# Categories ----------------------------------------------------------------------------------------------


def _of_categories(
    scene: Scene, one: Shown, own: Doubles, picked: list[int], others: Sequence[Shown]
) -> list[Curve]:
    level, names, pooled = _levels(one)
    count = len(names)
    if count < 2:
        return []
    order = _by_likeness(level, count, others, scene.seed)
    position = np.argsort(order)[level]  # [n] of each row, in the order in which levels are walked
    rng = np.random.default_rng(scene.seed + 5)
    by_place = [np.flatnonzero(position == k) for k in range(count)]
    moved: list[tuple[Ints, Ints, Doubles]] = []
    for step in (-1, 1):
        row = np.flatnonzero((position + step >= 0) & (position + step < count))
        target = position[row] + step
        donor = np.array([rng.choice(by_place[t]) for t in target], dtype=np.int64)
        there = _quantities(scene, scene.ask(row, {one.column.name: donor}), picked)
        moved.append((row, np.minimum(position[row], target), step * (there - own[row])))
    row, interval, change = (np.concatenate(parts) for parts in zip(*moved, strict=True))
    moves = _Moves(row, interval, change, position.astype(np.float64), count)
    rows = np.bincount(level, minlength=count)
    back = np.argsort(order)  # walked places of the levels as named
    bare = Curve(
        column=one.column.name,
        kind=one.column.kind,
        average=0.0,
        levels=tuple(names),
        pooled=pooled,
        rows=_ints(rows),
    )
    return _told(scene, bare, moves, own, picked, back)


def _levels(one: Shown) -> tuple[Ints, list[str], int]:
    """The level [n] of each row, the levels' names (most frequent first), and how many categories the last
    one stands for. Categories that few rows have share one level: a file names none of them."""
    codes = np.asarray(one.values, dtype=np.int64)
    found, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
    known = {"", *one.column.categories}
    order = sorted(range(len(found)), key=lambda i: (-counts[i], i))
    named = [i for i in order if counts[i] >= LEAST_SEEN and one.names[found[i]] in known]
    if len(named) < len(found) or len(named) > MOST_LEVELS:
        named = named[: MOST_LEVELS - 1]
    level = np.full(len(found), len(named), dtype=np.int64)
    level[named] = np.arange(len(named))
    pooled = len(found) - len(named)
    names = [one.names[found[i]] for i in named] + ([""] if pooled else [])
    return np.asarray(level[inverse.ravel()], dtype=np.int64), names, pooled


def _by_likeness(level: Ints, count: int, others: Sequence[Shown], seed: int) -> Ints:
    """The levels [count] in an order in which neighbours have rows that are alike in the other columns: the
    first axis of classical scaling of the sums of the columns' distances between distributions."""
    if count < 3:
        return np.arange(count)
    distance = np.zeros((count, count))
    for other in others:
        if other.values is not None:
            distance += _distances(level, count, other.values)
    if not distance.any():
        return np.arange(count)
    middle = np.eye(count) - 1.0 / count
    scale, axes = np.linalg.eigh(-0.5 * middle @ distance**2 @ middle)
    axis = axes[:, np.argmax(scale)]
    axis = axis if axis[np.argmax(np.abs(axis))] > 0 else -axis
    return np.argsort(np.round(axis, 9), kind="stable")


def _distances(level: Ints, count: int, values: Floats | Codes) -> Doubles:
    """[count, count] between the levels' rows: Kolmogorov and Smirnov's of numbers, half the sum of the
    differences of shares of categories."""
    if values.dtype.kind == "f":
        known = ~np.isnan(values)
        if not known.any():
            return np.zeros((count, count))
        edges = np.unique(np.quantile(values[known], np.linspace(0, 1, 33), method="inverted_cdf"))
        cell, cells = np.searchsorted(edges, values[known], side="left"), len(edges)
        table = np.bincount(level[known] * cells + cell, minlength=count * cells).reshape(count, cells)
        share = np.cumsum(table, axis=1) / np.maximum(table.sum(axis=1, keepdims=True), 1)
        return np.asarray(np.abs(share[:, None] - share[None]).max(axis=2))
    cell = np.unique(values, return_inverse=True)[1].ravel()
    cells = int(cell.max()) + 1
    table = np.bincount(level * cells + cell, minlength=count * cells).reshape(count, cells)
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    return np.stack([np.abs(share - one).sum(axis=1) / 2 for one in share])


# Both ----------------------------------------------------------------------------------------------------


def _told(
    scene: Scene, bare: Curve, moves: _Moves, own: Doubles, picked: list[int], order: Ints | None = None
) -> list[Curve]:
    """The curve for each class told of; `order` puts points in place."""
    effect, half, average = _accumulated(scene, moves, own)
    order = np.arange(moves.points) if order is None else order
    out = []
    for i, k in enumerate(picked):
        answer, margin = i, len(picked) + i
        middle = average[answer] + effect[order, answer]
        bounds = (0.0, 1.0) if scene.classes else (-np.inf, np.inf)
        ends = [np.clip(middle + s * half[order, answer], *bounds) for s in (-1, 1)]
        known = bool(np.isfinite(half[:, answer]).all())
        told = msgspec.structs.replace(
            bare,
            of=scene.classes[k] if scene.classes else "",
            average=rounded(float(average[answer])),
            low=_doubles(ends[0]) if known else (),
            answer=_doubles(np.clip(middle, *bounds)),
            high=_doubles(ends[1]) if known else (),
        )
        if scene.classes or scene.linked:
            about, width = effect[order, margin], half[order, margin]
            told = msgspec.structs.replace(
                told,
                margin=_doubles(about),
                margin_low=_doubles(about - width) if known else (),
                margin_high=_doubles(about + width) if known else (),
            )
        out.append(told)
    return out


def _accumulated(scene: Scene, moves: _Moves, own: Doubles) -> tuple[Doubles, Doubles, Doubles]:
    """Effects [points, S], 0 in the mean of the rows; half of their intervals, NaN where rows cannot say;
    mean answers [S]."""
    groups, steps = int(scene.group.max()) + 1, moves.points - 1
    given = np.ones(scene.rows) if scene.weights is None else scene.weights
    weight = given[moves.row]
    cell = scene.group[moves.row] * steps + moves.interval
    shape = (groups, steps)
    count = np.bincount(cell, weights=weight, minlength=groups * steps).reshape(shape)
    sums = [
        np.bincount(cell, weights=weight * c, minlength=groups * steps).reshape(shape) for c in moves.change.T
    ]
    change = np.stack(sums, axis=2)
    standing = _standing(scene, moves, given, groups)

    def effects(without: int | None) -> Doubles:
        n, d, s = count.sum(axis=0), change.sum(axis=0), standing.sum(axis=0)
        if without is not None:
            kept = n - count[without] > 0.5 * weight.min(initial=1.0)
            n = np.where(kept, n - count[without], n)
            d = np.where(kept[:, None], d - change[without], d)
            s = s - standing[without]
        mean = np.divide(d, n[:, None], out=np.zeros_like(d), where=n[:, None] > 0)
        walked = np.concatenate([np.zeros((1, d.shape[1])), np.cumsum(mean, axis=0)])
        return np.asarray(walked - s @ walked / max(float(s.sum()), 1e-300))

    half = half_width(np.stack([effects(g) for g in range(groups)]))
    return effects(None), half, np.average(own, axis=0, weights=scene.weights)


def _standing(scene: Scene, moves: _Moves, given: Doubles, groups: int) -> Doubles:
    """[groups, points]: by how much of their weight rows stand at each point; between two, at both."""
    placed = np.flatnonzero(~np.isnan(moves.place))
    lower = np.minimum(np.floor(moves.place[placed]).astype(np.int64), moves.points - 1)
    share = moves.place[placed] - lower
    upper = np.minimum(lower + 1, moves.points - 1)
    cells = groups * moves.points
    row = scene.group[placed] * moves.points
    weight = given[placed]
    out = np.bincount(row + lower, weights=weight * (1 - share), minlength=cells)
    out = out + np.bincount(row + upper, weights=weight * share, minlength=cells)
    return np.asarray(out.reshape(groups, moves.points))


def _doubles(values: Doubles) -> tuple[float, ...]:
    return tuple(rounded(float(v), 5) for v in values)


def _ints(values: Collection[int] | Ints) -> tuple[int, ...]:
    return tuple(int(v) for v in values)
