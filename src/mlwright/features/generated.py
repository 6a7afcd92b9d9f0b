"""Generated features: candidates of a few kinds, and the transforms of those that are kept.

A Candidate is a kind and the two features it joins. `fit` makes the transforms of any list of candidates from
the rows it is given: a sample when they are screened, all rows of the fold for those that stay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mlwright.features.categories import fit_target_encoding
from mlwright.features.combined import OPERATORS, Crossed, Pairs
from mlwright.features.transform import Feature, Lookup, Transform

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

STATISTICS = ("mean", "std", "min", "max", "count")
MOST_NUMBERS, MOST_CODES, MOST_GROUPED = 10, 8, 6
FEWEST_TOGETHER = 5
MOST_CROSSED = 5_000
"""Known pairs of one pair of columns: the most frequent."""


class Candidate(NamedTuple):
    """A feature that might be made: of two numbers, of a code and a number, or of two codes."""

    kind: str
    left: Feature
    right: Feature


@dataclass
class Rows:
    """Rows to fit on."""

    values: Callable[[Sequence[Feature]], Doubles]
    """The values of features of the plan, one column each."""
    sizes: Callable[[Feature], int]
    """The number of codes of a feature of codes."""
    y: Doubles
    fold: Ints


@dataclass
class Made:
    """Transforms, and the features of each candidate among their columns."""

    transforms: list[Transform] = field(default_factory=list)
    features: list[list[Feature]] = field(default_factory=list)


def candidates(numbers: Sequence[Feature], codes: Sequence[Feature], kinds: Sequence[str]) -> list[Candidate]:
    """All candidates of `kinds` over numbers and codes, both with the most important first."""
    out = []
    top = list(numbers[:MOST_NUMBERS])
    for a, b in combinations(top, 2):
        out += [Candidate(k, a, b) for k in ("sum", "difference", "product", "ratio") if k in kinds]
        # A ratio near zero below is another feature than its inverse.
        out += [Candidate("ratio", b, a)] if "ratio" in kinds else []
    per_group = [k for k in kinds if "group" in k]
    for code in codes[:MOST_GROUPED]:
        out += [Candidate(k, code, x) for k in per_group for x in top[:MOST_GROUPED] if x != code]
    if "cross" in kinds:
        out += [Candidate("cross", a, b) for a, b in combinations(codes[:MOST_CODES], 2)]
    return out


def fit(chosen: Sequence[Candidate], rows: Rows, suffix: str = "") -> Made:
    """The transforms of `chosen`, named with `suffix`; features in the order of `chosen`."""
    made = Made()
    groups = _fit_groups(chosen, rows, f"group{suffix}", made)
    crosses = _fit_crosses(chosen, rows, suffix, made)
    pairs: dict[str, dict[tuple[Feature, Feature], int]] = {op: {} for op in OPERATORS}

    def pair(operation: str, left: Feature, right: Feature) -> list[Feature]:
        at = pairs[operation].setdefault((left, right), len(pairs[operation]))
        return [Feature(operation + suffix, at)]

    for c in chosen:
        if c.kind in OPERATORS:
            made.features.append(pair(c.kind, c.left, c.right))
        elif c.kind == "cross":
            made.features.append(crosses.get((c.left, c.right), []))
        elif c.kind == "above_group":
            made.features.append(pair("difference", c.right, groups["mean", c.left, c.right]))
        elif c.kind == "share_of_group":
            made.features.append(pair("ratio", c.right, groups["mean", c.left, c.right]))
        else:
            made.features.append([groups[c.kind.removeprefix("group_"), c.left, c.right]])
    for operation, members in pairs.items():
        if members:
            made.transforms.append(Pairs(operation + suffix, operation, tuple(members)))
    return made


Groups = dict[tuple[str, Feature, Feature], Feature]


def _fit_groups(chosen: Sequence[Candidate], rows: Rows, name: str, made: Made) -> Groups:
    """One Lookup with a table for each statistic of a number by a code that any candidate rests on."""
    wanted = dict.fromkeys(
        (c.kind.removeprefix("group_") if c.kind.startswith("group_") else "mean", c.left, c.right)
        for c in chosen
        if "group" in c.kind
    )
    if not wanted:
        return {}
    tables = []
    for statistic, code, number in wanted:
        values = rows.values([code, number])
        tables.append(_statistic(statistic, values[:, 0].astype(np.int64), values[:, 1], rows.sizes(code)))
    made.transforms.append(Lookup(name, tuple(code for _, code, _ in wanted), tuple(tables)))
    return {key: Feature(name, i) for i, key in enumerate(wanted)}


def _statistic(statistic: str, code: Ints, x: Doubles, size: int) -> Doubles:
    """A statistic of `x` by code, [size]; groups without a known value have none (NaN)."""
    known = ~np.isnan(x)
    code, x = code[known], x[known]
    counts = np.bincount(code, minlength=size).astype(np.float64)
    if statistic == "count":
        return counts
    out = np.full(size, np.nan)
    seen = counts > 0
    if statistic in ("min", "max"):
        extreme = np.full(size, np.inf if statistic == "min" else -np.inf)
        (np.minimum if statistic == "min" else np.maximum).at(extreme, code, x)
        out[seen] = extreme[seen]
        return out
    with np.errstate(over="ignore", invalid="ignore"):
        centre = x.mean() if len(x) else 0.0
        means = np.bincount(code, weights=x - centre, minlength=size)[seen] / counts[seen]
        if statistic == "mean":
            out[seen] = means + centre
        else:
            squares = np.bincount(code, weights=(x - centre) ** 2, minlength=size)[seen] / counts[seen]
            out[seen] = np.sqrt(np.maximum(squares - means**2, 0.0))
    return out


def _fit_crosses(
    chosen: Sequence[Candidate], rows: Rows, suffix: str, made: Made
) -> dict[tuple[Feature, Feature], list[Feature]]:
    """Crossed codes and their target encodings, for the pairs that have a known combination."""
    pairs, strides, known, codes = [], [], [], []
    for c in chosen:
        if c.kind != "cross":
            continue
        both = rows.values([c.left, c.right]).astype(np.int64)
        stride = rows.sizes(c.right)
        key = both[:, 0] * stride + both[:, 1]
        distinct, counts = np.unique(key, return_counts=True)
        order = np.argsort(-counts, kind="stable")[:MOST_CROSSED]
        kept = np.sort(distinct[order[counts[order] >= FEWEST_TOGETHER]])
        if not len(kept):
            continue
        at = np.minimum(np.searchsorted(kept, key), len(kept) - 1)
        codes.append(np.where(kept[at] == key, at + 1, 0))
        pairs.append((c.left, c.right))
        strides.append(stride)
        known.append(kept)
    if not pairs:
        return {}
    crossed = Crossed(f"cross{suffix}", tuple(pairs), tuple(strides), tuple(known))
    k = rows.y.shape[1]
    each = [(j, i) for j in range(len(pairs)) for i in range(k)]
    tables, training = fit_target_encoding(np.stack(codes, axis=1), crossed.sizes, each, rows.y, rows.fold)
    name = f"cross_encoding{suffix}"
    sources = tuple(Feature(crossed.name, j) for j, _ in each)
    made.transforms += [crossed, Lookup(name, sources, tables, training)]
    return {pair: [Feature(name, j * k + i) for i in range(k)] for j, pair in enumerate(pairs)}
