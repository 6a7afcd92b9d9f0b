"""What stands before trees, taken over by their splits: columns picked and put side by side, missing values
filled in, scales, bounds, numbers rounded to float32.

Called by `folding`. Each of these steps leaves the order of numbers as it is, so that for every split there
is a last double that gets there; it is searched among all doubles by doing the steps as the graph does them.
Every row, NaN and infinity included, goes the same way as before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from mlwright.graph import wire
from mlwright.graph.build import GraphBuilder, Node
from mlwright.graph.packing import packed
from mlwright.graph.trees import LEQ, Doubles, Ints, Trees

Bools = npt.NDArray[np.bool_]
_BY_COLUMN = [wire.attribute("axis", 1)]
_TO_SINGLE, _TO_DOUBLE = [wire.attribute("to", 1)], [wire.attribute("to", 11)]
_LOWEST = np.iinfo(np.int64).min


class Known(Protocol):
    """What is known of a graph: its constants, which node makes what, how wide tensors are."""

    @property
    def g(self) -> GraphBuilder: ...
    @property
    def makers(self) -> Mapping[str, Node]: ...

    def wide(self, name: str) -> int | None: ...


@dataclass(frozen=True)
class _Step:
    """A step on columns, with a number for each."""

    op: str
    numbers: Doubles

    def of(self, which: Ints | Bools) -> _Step:
        return replace(self, numbers=self.numbers[which])

    def done(self, x: Doubles) -> Doubles:
        with np.errstate(over="ignore"):
            match self.op:
                case "Add":
                    return x + self.numbers
                case "Sub":
                    return x - self.numbers
                case "Mul":
                    return x * self.numbers
                case "Div":
                    return x / self.numbers
                case "IsNaN":
                    return np.where(np.isnan(x), self.numbers, x)
                case "Less":
                    return np.where(x < self.numbers, self.numbers, x)
                case "Greater":
                    return np.where(x > self.numbers, self.numbers, x)
                case _:
                    return x.astype(np.float32).astype(np.float64)


@dataclass(frozen=True)
class _Piece:
    """Some of the columns that trees ask for: `columns` of `tensor`, after `steps`."""

    at: Ints
    """Which of the trees' columns they are."""
    tensor: str
    columns: Ints
    steps: tuple[_Step, ...] = ()

    def of(self, which: Bools) -> _Piece:
        steps = tuple(step.of(which) for step in self.steps)
        return _Piece(self.at[which], self.tensor, self.columns[which], steps)

    def after(self, op: str, numbers: Doubles, tensor: str) -> _Piece:
        """The same columns from one step earlier."""
        return replace(self, tensor=tensor, steps=(_Step(op, numbers), *self.steps))

    def done(self, x: Doubles, which: Ints) -> Doubles:
        """The steps, done to numbers of the columns at the places `which`."""
        for step in self.steps:
            x = step.of(which).done(x)
        return x


@dataclass(frozen=True)
class Earlier:
    """Trees that ask for `tensors` side by side."""

    trees: Trees
    tensors: tuple[str, ...]


def earlier(trees: Trees, matrix: str, known: Known) -> Earlier | None:
    """The same trees over what `matrix` is made of; None where there is nothing to take over.

    >>> from mlwright.graph.folding import folded
    >>> from mlwright.graph.trees import Tree, tree_ensemble
    >>> zero, leaf = np.zeros(1, np.int64), np.array([~0])
    >>> stump = Tree(zero, np.array([0.5]), zero, leaf, ~zero - 1, zero, np.array([1.0, 2.0]))
    >>> g = GraphBuilder()
    >>> scaled = g.node("Div", g.input("numbers", "float64", 1), g.constant(4.0))
    >>> g.output("y", tree_ensemble(g, Trees((stump,), (0,), 1), scaled), "float64", 1)
    >>> folded(g)
    >>> [node.op for node in g.made]
    ['TreeEnsemble']
    """
    asked = np.array(sorted(trees.features), dtype=np.int64)
    pieces = _traced(known, _Piece(asked, matrix, asked))
    tensors = tuple(dict.fromkeys(piece.tensor for piece in pieces))
    if matrix in tensors or not any(piece.steps for piece in pieces):
        return None
    widths = [known.wide(tensor) for tensor in tensors]
    if None in widths:
        return None
    starts = dict(zip(tensors, np.cumsum([0, *(w or 0 for w in widths)]), strict=False))
    moved = _moved(trees, pieces, starts)
    return None if moved is None else Earlier(moved, tensors)


def _traced(known: Known, piece: _Piece) -> list[_Piece]:
    """The columns as early as they can be taken."""
    node = known.makers.get(piece.tensor)
    if node is None:
        return [piece]
    if node.op == "Gather" and node.attributes == _BY_COLUMN:
        places = known.g.value(node.inputs[1])
        if places is not None and places.ndim == 1:
            columns = places.astype(np.int64)[piece.columns]
            return _traced(known, replace(piece, tensor=node.inputs[0], columns=columns))
    if node.op == "Concat" and node.attributes == _BY_COLUMN:
        return _parted(known, piece, node)
    before = _before(known, piece, node)
    return [piece] if before is None else _traced(known, before)


def _parted(known: Known, piece: _Piece, concat: Node) -> list[_Piece]:
    widths = [known.wide(name) for name in concat.inputs]
    if None in widths:
        return [piece]
    found, start = [], 0
    for name, width in zip(concat.inputs, widths, strict=True):
        end = start + (width or 0)
        part = piece.of((piece.columns >= start) & (piece.columns < end))
        if len(part.at):
            found += _traced(known, replace(part, tensor=name, columns=part.columns - start))
        start = end
    return found


def _before(known: Known, piece: _Piece, node: Node) -> _Piece | None:
    """The columns before a node that leaves the order of numbers as it is; None of any other."""
    if node.op == "Cast":
        source = known.makers.get(node.inputs[0])
        rounds = source is not None and source.op == "Cast" and source.attributes == _TO_SINGLE
        if source is None or not rounds or node.attributes != _TO_DOUBLE:
            return None
        return piece.after("Cast", np.zeros(len(piece.at)), source.inputs[0])
    if node.op in ("Add", "Mul") and known.g.value(node.inputs[0]) is not None:
        node = node.of(*node.inputs[::-1])
    if node.op in ("Add", "Sub", "Mul", "Div"):
        numbers = _numbers(known, node.inputs[1], piece, node.inputs[0])
        good = numbers is not None and np.isfinite(numbers).all()
        if numbers is None or not good or (node.op in ("Mul", "Div") and not (numbers > 0).all()):
            return None
        return piece.after(node.op, numbers, node.inputs[0])
    return _replaced(known, piece, node) if node.op == "Where" else None


def _replaced(known: Known, piece: _Piece, node: Node) -> _Piece | None:
    """Before a Where that fills in what is missing, or keeps numbers within a bound."""
    where, other, tensor = node.inputs
    asked = known.makers.get(where)
    if asked is None or asked.op not in ("IsNaN", "Less", "Greater") or asked.inputs[0] != tensor:
        return None
    numbers = _numbers(known, other, piece, tensor)
    if numbers is None or np.isnan(numbers).any():
        return None
    if asked.op != "IsNaN":
        bounds = _numbers(known, asked.inputs[1], piece, tensor)
        if bounds is None or not np.array_equal(bounds, numbers):
            return None
    return piece.after(asked.op, numbers, tensor)


def _numbers(known: Known, name: str, piece: _Piece, tensor: str) -> Doubles | None:
    """Of a constant row of doubles, the number for each column of the piece."""
    row, width = known.g.value(name), known.wide(tensor)
    if row is None or width is None or row.dtype != np.float64 or row.size not in (1, width):
        return None
    return np.broadcast_to(row.reshape(-1), (width,))[piece.columns].astype(np.float64)


def _moved(trees: Trees, pieces: list[_Piece], starts: Mapping[str, int]) -> Trees | None:
    """The trees with splits between numbers that no step was done to."""
    counts = [len(t.feature) for t in trees.trees]
    feature, split, mode, missing, true, false = (
        np.concatenate([getattr(t, name) for t in trees.trees])
        for name in ("feature", "split", "mode", "missing_true", "true", "false")
    )
    to, new, goes, none = feature.copy(), split.copy(), missing.copy(), np.zeros(len(feature), dtype=bool)
    for piece in pieces:
        nodes = np.flatnonzero(np.isin(feature, piece.at))
        which = np.searchsorted(piece.at, feature[nodes])
        to[nodes] = starts[piece.tensor] + piece.columns[which]
        if not piece.steps:
            continue
        if (mode[nodes] != LEQ).any():
            return None
        new[nodes], none[nodes] = _last(piece, which, split[nodes])
        of_nan = piece.done(np.full(len(nodes), np.nan), which)
        goes[nodes] = np.where(np.isnan(of_nan), missing[nodes], of_nan <= split[nodes])
    if (none & (goes != 0)).any():
        return None  # only NaN goes to the true branch, which no split says
    true = np.where(none, false, true)
    ends = np.cumsum(counts)[:-1]
    parts = zip(*(np.split(a, ends) for a in (to, new, goes, true)), strict=True)
    grown = tuple(
        replace(tree, feature=f, split=s, missing_true=m, true=t)
        for tree, (f, s, m, t) in zip(trees.trees, parts, strict=True)
    )
    found = packed(replace(trees, trees=grown))
    return found if found.trees else None


def _last(piece: _Piece, which: Ints, split: Doubles) -> tuple[Doubles, Bools]:
    """For each split the greatest double that the steps do not bring above it, and whether there is none."""

    def below(keys: Ints) -> Bools:
        return np.asarray(piece.done(_double(keys), which) <= split)

    low, high = (np.full(len(split), _key(bound)) for bound in (-np.inf, np.inf))
    none, high = ~below(low), high + 1
    while (high - 1 > low).any():
        middle = (low >> 1) + (high >> 1) + (low & high & 1)
        fits = below(middle)
        low, high = np.where(fits, middle, low), np.where(fits, high, middle)
    return _double(low), none


def _key(number: float) -> int:
    """Whole numbers in the order of doubles, neighbours one apart."""
    bits = int(np.float64(number).view(np.int64))
    return bits if bits >= 0 else int(_LOWEST) - bits


def _double(keys: Ints) -> Doubles:
    return np.where(keys < 0, _LOWEST - keys, keys).view(np.float64)
