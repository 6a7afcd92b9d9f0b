"""Synthetic rows, drawn column by column from the profile: samples that travel with a model, and edges for
parity.

No row of the training data is ever written; categories seen fewer than five times are in no profile.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np

from mlwright.base.decoding import ValueRefused, decoder
from mlwright.base.pattern import pattern_of
from mlwright.base.profile import ColumnProfile, Profile
from mlwright.base.schema import Column, Schema

Row = dict[str, Any]  # Any: a JSON value by the column's kind

EXTREMES = (0.0, -1.0, 1e9, -1e9, 1e300, -1e300)
UNSEEN = "a value never seen"


def draw_rows(schema: Schema, profile: Profile, count: int, seed: int = 0) -> list[Row]:
    """`count` rows as a request would send them, each value drawn from its column's profile."""
    rng = np.random.default_rng(seed)
    profiles = {p.name: p for p in profile.columns}
    columns = {c.name: _fitting(c, _draw(c, profiles.get(c.name), count, rng)) for c in schema.features}
    return [{name: values[i] for name, values in columns.items()} for i in range(count)]


def edge_rows(schema: Schema, profile: Profile) -> list[Row]:
    """Rows at the edges: all missing, each column missing, unseen and empty text, the extremes of every
    number; but for exposures, without which a row has no answer."""
    base = draw_rows(schema, profile, 1, seed=1)[0]
    watched = {c.name: base[c.name] for c in schema.features if c.role == "exposure"}
    rows: list[Row] = [dict.fromkeys(base, None)]
    rows += [{**base, c.name: None} for c in schema.features[:50]]
    rows.append({**base, **{c.name: UNSEEN if c.kind != "text" else "" for c in schema.strings}})
    for extreme in EXTREMES:
        rows.append({**base, **{c.name: extreme for c in schema.numbers if c.kind == "numeric"}})
    ends = {p.name: p.quantiles for p in profile.columns if p.quantiles}
    for end in (0, -1):
        rows.append(
            {**base, **{c.name: _number(c, ends[c.name][end]) for c in schema.numbers if c.name in ends}}
        )
    return [row | watched for row in rows]


def _draw(column: Column, profile: ColumnProfile | None, count: int, rng: np.random.Generator) -> list[Any]:
    if profile is None or profile.rows == 0:
        return [None] * count
    missing = rng.random(count) < profile.missing / profile.rows
    values: list[Any]
    if profile.quantiles:
        at = rng.random(count) * (len(profile.quantiles) - 1)
        drawn = np.interp(at, np.arange(len(profile.quantiles)), profile.quantiles)
        values = [_number(column, float(v), profile.whole) for v in drawn]
    elif profile.counts:
        names = [name for name, _ in profile.counts]
        shares = np.array([n for _, n in profile.counts], dtype=np.float64)
        values = [names[i] for i in rng.choice(len(names), count, p=shares / shares.sum())]
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
    ends = [_number(column, v) for v in (column.least, column.most) if v is not None]
    texts = [*column.allowed[:1], *column.categories[:1]]
    shortest = [pattern_of(column.pattern).shortest()] if column.pattern else []
    instead = next((v for v in (*ends, *texts, *shortest, None) if taken(v)), None)
    return [v if taken(v) else instead for v in values]


def _number(column: Column, value: float, whole: bool = False) -> Any:  # Any: bool, number or ISO text
    if column.kind == "boolean":
        return bool(value >= 0.5)
    if column.kind == "datetime":
        moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=math.floor(value))
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")
    if whole and abs(value) < 2**53:
        return round(value)
    # Six digits: a sample should read like the column, not show a quantile's every digit.
    return float(f"{value:.6g}") if math.isfinite(value) else None
