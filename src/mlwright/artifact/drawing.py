"""Synthetic rows, drawn column by column from a profile: samples that travel with a model, and the background
that an answer is explained against.

No row of the training data is in them; categories seen fewer than five times are in no profile. Called by
`packaging` and by the explainer; knows schema and profile, not models.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.base.decoding import ValueRefused, decoder
from mlwright.base.pattern import pattern_of
from mlwright.base.profile import ColumnProfile, Profile
from mlwright.base.schema import Column, Schema

Row = dict[str, Any]  # Any: a JSON value by the column's kind


def draw_rows(
    schema: Schema, profile: Profile, count: int, seed: int = 0, *, even: bool = False
) -> list[Row]:
    """`count` rows as a request would send them, each value drawn from its column's profile.

    `even` spreads the draws of each column over its whole distribution, one to each `count`-th part of it, in
    random order (Latin hypercube sampling; McKay et al., 1979): few rows then stand for many.
    """
    rng = np.random.default_rng(seed)
    profiles = {p.name: p for p in profile.columns}

    def uniform(n: int) -> npt.NDArray[np.float64]:
        return (rng.permutation(n) + rng.random(n)) / n if even else rng.random(n)

    columns = {
        c.name: _fitting(c, _draw(c, profiles.get(c.name), count, rng, uniform)) for c in schema.features
    }
    return [{name: values[i] for name, values in columns.items()} for i in range(count)]


def _draw(
    column: Column,
    profile: ColumnProfile | None,
    count: int,
    rng: np.random.Generator,
    uniform: Callable[[int], npt.NDArray[np.float64]],
) -> list[Any]:  # Any: JSON values
    if profile is None or profile.rows == 0:
        return [None] * count
    missing = uniform(count) < profile.missing / profile.rows
    values: list[Any]
    if profile.quantiles:
        at = uniform(count) * (len(profile.quantiles) - 1)
        drawn = np.interp(at, np.arange(len(profile.quantiles)), profile.quantiles)
        values = [number_of(column, float(v), profile.whole) for v in drawn]
    elif profile.counts:
        names = [name for name, _ in profile.counts]
        shares = np.array([n for _, n in profile.counts], dtype=np.float64).cumsum()
        values = [names[i] for i in (shares / shares[-1]).searchsorted(uniform(count), side="right")]
    elif profile.words:
        words = [w for w, _ in profile.words]
        length = max(1, round(profile.length or 1))
        values = [
            " ".join(words[i] for i in rng.integers(len(words), size=min(length, 40))) for _ in range(count)
        ]
    else:
        values = [None] * count
    return [None if m and column.nullable else v for m, v in zip(missing, values, strict=True)]


def _fitting(column: Column, values: list[Any]) -> list[Any]:  # Any: JSON values
    """The values, those that the column refuses (words in place of its pattern) by one that it takes."""
    decode = decoder(column)

    def taken(value: Any) -> bool:  # Any: as above
        try:
            decode(value)
        except ValueRefused:
            return False
        return True

    if all(map(taken, values)):
        return values
    ends = [number_of(column, v) for v in (column.least, column.most) if v is not None]
    texts = [*column.allowed[:1], *column.categories[:1]]
    shortest = [pattern_of(column.pattern).shortest()] if column.pattern else []
    instead = next((v for v in (*ends, *texts, *shortest, None) if taken(v)), None)
    return [v if taken(v) else instead for v in values]


def number_of(column: Column, value: float, whole: bool = False) -> Any:  # Any: bool, number or ISO text
    """A tensor's number as a request would send it."""
    if column.kind == "boolean":
        return bool(value >= 0.5)
    if column.kind == "datetime":
        moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=math.floor(value))
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")
    if whole and abs(value) < 2**53:
        return round(value)
    # Six digits: a sample should read like the column, not show a quantile's every digit.
    return float(f"{value:.6g}") if math.isfinite(value) else None
