"""Rows at the edges of what a schema allows, for the parity report."""

from __future__ import annotations

from mlwright.artifact import draw_rows
from mlwright.artifact.drawing import Row, number_of
from mlwright.base.profile import Profile
from mlwright.base.schema import Schema

EXTREMES = (0.0, -1.0, 1e9, -1e9, 1e300, -1e300)
UNSEEN = "a value never seen"


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
            {**base, **{c.name: number_of(c, ends[c.name][end]) for c in schema.numbers if c.name in ends}}
        )
    return [row | watched for row in rows]
