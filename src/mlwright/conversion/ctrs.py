"""CatBoost's ctrs: what the target was like where a category, or several together, were seen in training.

A model holds counts by the hash of the combination. Here they become numbers by the combination itself: one
product with a matrix gives each row's combination a number, one dictionary has the value of each.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import ConversionRefused
from mlwright.conversion.categories import Categories
from mlwright.graph.build import ML

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

MOST_COMBINED = 300_000
"""Combinations of all categories that are tried; where there are more, those of the example's rows."""
_NONE = 2**64 - 1
_MIX = np.uint64(0x4906BA494954CB65)


@dataclass(frozen=True)
class _Asked:
    """What a ctr puts together: columns of categories, and questions that are answered yes or no."""

    columns: tuple[int, ...]
    above: tuple[tuple[int, float], ...]
    """Numbers that are above a border."""
    single: tuple[tuple[int, int], ...]
    """Columns whose category has a hash."""

    @classmethod
    def of(cls, elements: Sequence[Mapping[str, Any]]) -> _Asked:  # Any: JSON values
        of_kind: dict[str, list[Mapping[str, Any]]] = {}
        for element in elements:
            of_kind.setdefault(element["combination_element"], []).append(element)
        columns = tuple(int(e["cat_feature_index"]) for e in of_kind.pop("cat_feature_value", []))
        floats = of_kind.pop("float_feature", [])
        exact = of_kind.pop("cat_feature_exact_value", [])
        if of_kind:
            raise ConversionRefused(f"ctrs of {', '.join(of_kind)} are not converted")
        return cls(
            columns,
            tuple((int(e["float_feature_index"]), float(e["border"])) for e in floats),
            tuple((int(e["cat_feature_index"]), int(e["value"])) for e in exact),
        )


class Ctrs:
    """The ctrs `told` by a model's JSON form, with its counts `data`."""

    def __init__(
        self,
        told: Sequence[Mapping[str, Any]],
        data: Mapping[str, Mapping[str, Any]],
        categories: Categories,
    ) -> None:  # Any: JSON values
        self.told, self.data, self.categories = told, data, categories
        self._tried: dict[_Asked, tuple[Ints, Hashes]] = {}

    @cached_property
    def _asked(self) -> list[_Asked]:
        return [_Asked.of(ctr["elements"]) for ctr in self.told]

    def values(self, numbers: str) -> str:
        """[N, ctrs]: each row's value of each ctr. `numbers` holds the columns of numbers."""
        g = self.categories.frame.g
        above = sorted({a for asked in self._asked for a in asked.above})
        single = sorted({s for asked in self._asked for s in asked.single})
        parts = [self.categories.tensor]
        if above:
            rounded = g.node("Cast", numbers, to=1)
            spread = g.node("Gather", rounded, g.constant(np.array([c for c, _ in above])), axis=1)
            borders = g.constant(np.array([[b for _, b in above]], dtype=np.float32))
            parts.append(g.node("Cast", g.node("Greater", spread, borders), to=11))
        if single:
            parts.append(self.categories.are(single))
        strides = np.zeros((len(self.categories.places) + len(above) + len(single), len(self.told)))
        offsets, tables = np.zeros((1, len(self.told))), []
        start = 0
        for q, asked in enumerate(self._asked):
            rows = [*asked.columns]
            rows += [len(self.categories.places) + above.index(a) for a in asked.above]
            rows += [len(self.categories.places) + len(above) + single.index(s) for s in asked.single]
            sizes = self._sizes(asked)
            end = _countable(start + math.prod(sizes))
            strides[rows, q], offsets[0, q] = _strides(sizes), start
            tables.append(self._table(q, start))
            start = end
        number = g.node("MatMul", g.concat(parts), g.constant(strides))
        value = g.node(
            "LabelEncoder",
            g.node("Add", number, g.constant(offsets)),
            domain=ML,
            keys_tensor=np.concatenate([keys for keys, _ in tables]),
            values_tensor=np.concatenate([values for _, values in tables]),
            default_tensor=np.array([np.nan]),
        )
        unseen = np.array([[_unseen(ctr, self._counts(q)) for q, ctr in enumerate(self.told)]])
        return g.node("Where", g.node("IsNaN", value), g.constant(unseen), value)

    def _sizes(self, asked: _Asked) -> list[int]:
        sizes = [self.categories.known[c].size for c in asked.columns]
        return sizes + [2] * (len(asked.above) + len(asked.single))

    def _counts(self, q: int) -> Mapping[str, Any]:  # Any: JSON values
        return self.data[self.told[q]["identifier"]]

    def _table(self, q: int, start: int) -> tuple[Doubles, Doubles]:
        """The numbers from `start` on of the combinations that ctr `q` has counts of, and its values. Raises
        `ConversionRefused` where it counts one that the example does not tell."""
        asked, counts = self._asked[q], self._counts(q)
        if asked not in self._tried:
            self._tried[asked] = self._combined(asked)
        numbers, hashes = self._tried[asked]
        stride = int(counts["hash_stride"])
        entries = [counts["hash_map"][i : i + stride] for i in range(0, len(counts["hash_map"]), stride)]
        seen = [e for e in entries if int(e[0]) != _NONE]
        wanted = np.array([int(e[0]) for e in seen], dtype=np.uint64)
        at = np.minimum(np.searchsorted(hashes, wanted), len(hashes) - 1)
        if (hashes[at] != wanted).any():
            raise self.categories.unheard(*asked.columns)
        values = np.array([_value(self.told[q], counts, e[1:]) for e in seen])
        return start + numbers[at].astype(np.float64), values

    def _combined(self, asked: _Asked) -> tuple[Ints, Hashes]:
        """Combinations that may be met: the number and the hash of each, by rising hash."""
        known = [self.categories.known[c] for c in asked.columns]
        questions = len(asked.above) + len(asked.single)
        count = float(np.prod([float(len(k.numbers)) for k in known])) * 2**questions
        if count <= MOST_COMBINED:
            grid = np.meshgrid(*[np.arange(len(k.numbers)) for k in known], indexing="ij")
            rows = np.stack([g.ravel() for g in grid], axis=1)
        else:
            rows = np.unique(np.stack([k.column - 1 for k in known], axis=1), axis=0)
        answers = np.array(list(itertools.product([0, 1], repeat=questions)), dtype=np.int64)
        strides = np.array(_strides(self._sizes(asked)), dtype=np.int64)
        number = np.zeros(len(rows), dtype=np.int64)
        hashed = np.zeros(len(rows), dtype=np.uint64)
        for j, k in enumerate(known):
            number += strides[j] * k.numbers[rows[:, j]]
            hashed = _mixed(hashed, k.hashes[rows[:, j]].astype(np.uint64))
        number = number[:, None] + answers @ strides[len(known) :]
        whole = np.repeat(hashed[:, None], len(answers), axis=1)
        for j in range(questions):
            whole = _mixed(whole, answers[None, :, j].astype(np.uint64))
        order = np.argsort(whole, axis=None)
        return number.ravel()[order], whole.ravel()[order]


def _countable(number: int) -> int:
    """The same number. Raises `ConversionRefused` where doubles leave some out before it."""
    if number >= 2**53:
        raise ConversionRefused(
            "its combinations of categories are more than a graph can number",
            remedy="fit it with a smaller max_ctr_complexity",
        )
    return number


def _strides(sizes: Sequence[int]) -> list[int]:
    return [math.prod(sizes[:i]) for i in range(len(sizes))]


def _mixed(first: Hashes, second: Hashes) -> Hashes:
    """CatBoost's hash of a hash and one more number; numbers of 64 bits wrap."""
    with np.errstate(over="ignore"):
        return _MIX * (first + _MIX * second)


def _value(ctr: Mapping[str, Any], counts: Mapping[str, Any], seen: Sequence[Any]) -> float:
    """The value of a combination that was seen. Any: JSON values."""
    kind = ctr["ctr_type"]
    if kind in ("Counter", "FeatureFreq"):
        return _share(ctr, seen[0], counts["counter_denominator"])
    if kind in ("BinarizedTargetMeanValue", "FloatTargetMeanValue"):
        return _share(ctr, seen[0], seen[1])
    at = int(ctr["target_border_idx"])
    if kind == "Buckets":
        return _share(ctr, seen[at], sum(seen))
    if kind == "Borders":
        return _share(ctr, sum(seen[at + 1 :]), sum(seen))
    raise ConversionRefused(f"ctrs of the kind {kind!r} are not converted", remedy="use Borders and Counter")


def _unseen(ctr: Mapping[str, Any], counts: Mapping[str, Any]) -> float:  # Any: JSON values
    counted = ctr["ctr_type"] in ("Counter", "FeatureFreq")
    return _share(ctr, 0, counts["counter_denominator"] if counted else 0)


def _share(ctr: Mapping[str, Any], good: float, total: float) -> float:  # Any: JSON values
    """In float32, step by step as CatBoost does it."""
    single = np.float32
    share = (single(good) + single(ctr["prior_numerator"])) / (
        single(total) + single(ctr["prior_denomerator"])
    )
    return float((share + single(ctr["shift"])) * single(ctr["scale"]))
