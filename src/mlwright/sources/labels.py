"""The target's column: how its labels are read, and which rows have none.

Used by `reading` and `large`: rows without a target are left out before anything else is inferred.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from mlwright.base.errors import TargetUnusable
from mlwright.base.finding import Finding
from mlwright.base.schema import Column
from mlwright.data import codes
from mlwright.data.codes import finding
from mlwright.data.decode import decode_series
from mlwright.data.infer import Hints, judge
from mlwright.data.missing import by_marker
from mlwright.data.texts import cleaned


@dataclass(frozen=True)
class Labels:
    """How the labels of a target are read.

    >>> labels = Labels.judged(pl.Series("sick", ["yes.", "no.", None]), Hints(target="sick"))
    >>> frame, absent = labels.applied(pl.DataFrame({"sick": ["no.", ""]}))
    >>> frame["sick"].to_list(), absent.to_list()
    (['no', ''], [False, True])
    """

    column: Column
    dotted: bool
    """Whether a final dot is taken off."""

    @classmethod
    def judged(cls, labels: pl.Series, hints: Hints) -> Labels:
        """By the evidence of a table's or a sample's labels."""
        plain = _without_dots(cleaned(labels)) if labels.dtype == pl.String else None
        return cls(judge(labels if plain is None else plain, hints).column, plain is not None)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was done to the labels."""
        if not self.dotted:
            return ()
        return (finding(codes.TARGET_LABELS, "`x.` is read as `x`", column=self.column.name),)

    def applied(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
        """The raw table with its labels without dots, and which of its rows have no target."""
        name = self.column.name
        if self.dotted and frame[name].dtype == pl.String:
            frame = frame.with_columns(cleaned(frame[name]).str.strip_suffix("."))
        values, _ = decode_series(frame[name], self.column, text=True)
        return frame, values.is_null()


def with_target(
    frame: pl.DataFrame, target: str, hints: Hints, source: str
) -> tuple[pl.DataFrame, list[Finding]]:
    """Only the rows that have a target, its labels without a dot at the end. Raises `TargetUnusable`."""
    labels = Labels.judged(frame[target], hints)
    found = list(labels.findings)
    frame, absent = labels.applied(frame)
    if absent.all():
        refuse_empty(target, source)
    if absent.any():
        rows = absent.arg_true().to_list()
        evidence = f"{len(rows):,} of {frame.height:,} rows"
        if frame[target].dtype == pl.String:
            evidence += f": {by_marker(cleaned(frame[target].filter(absent)), hints.missing or ())}"
        found.append(finding(codes.TARGET_MISSING, evidence, column=target, rows=rows))
        frame = frame.filter(~absent)
    return frame, found


def without_target(frame: pl.DataFrame, target: str, hints: Hints, most: int = 2_000) -> pl.DataFrame:
    """Rows of the raw table that have no target: all, or as many, evenly from first to last."""
    frame, absent = Labels.judged(frame[target], hints).applied(frame)
    rows = absent.arg_true()
    return frame[rows.gather_every(max(1, -(-len(rows) // most)))]


def refuse_empty(target: str, source: str) -> None:
    """Raises `TargetUnusable`: no row has a target."""
    raise TargetUnusable(
        f"the target {target!r} has no value in any row", where=source, remedy="name another target"
    )


def _without_dots(labels: pl.Series) -> pl.Series | None:
    """The labels without a final dot, where all have one or some come with and without; otherwise None."""
    seen = set(labels.drop_nulls().unique().to_list()) - {""}
    dotted = {s for s in seen if len(s) > 1 and s.endswith(".") and not s[-2].isspace() and s[:-1].strip(".")}
    if not dotted or len(seen) > 1_000 or all(_is_number(s) for s in dotted):
        return None
    if dotted == seen or any(s[:-1] in seen for s in dotted):
        return labels.str.strip_suffix(".")
    return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
