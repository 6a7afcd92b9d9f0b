"""How far one column moved between two tables: by order, widest gap, mix, what is missing and what is new.

Called by `Pair`, which gathers the moves of all columns so that chance is reckoned with once. It sees values
and counts of one column, never a table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from mlwright.checks.outcome import percent
from mlwright.statistics.intervals import Codes, Floats, Interval
from mlwright.statistics.shares import mix_design, mix_p, share_shift, total_variation, unseen
from mlwright.statistics.two_samples import Sample, TwoSamples, design_effect

About = Literal["order", "gap", "mix", "missing", "new"]
FLOORS: Final[dict[About, float]] = {"order": 0.05, "gap": 0.05, "mix": 0.05, "missing": 0.02, "new": 0.01}
"""The whole 95 % interval of a shift lies beyond this before it is worth a word."""
GRAVE = 0.5
"""And beyond this it is an issue: most rows are not what they were."""
LEAST_FOR_MEDIAN = 20
"""Rows under which a median says too much of a single one."""


@dataclass(frozen=True)
class Move:
    """One test of one column: how far it moved, the p-value of it having stayed, and that in words."""

    column: str
    about: About
    effect: Interval
    p: float
    said: str

    @property
    def nearest(self) -> float:
        """The end of the interval that is nearest to no move at all; below 0 where it holds none."""
        return max(self.effect.low, -self.effect.high)

    @property
    def times(self) -> float:
        """How often the floor goes into the surest part of the move."""
        return self.nearest / FLOORS[self.about]


@dataclass(frozen=True)
class Mix:
    """Counts of categories [K] in both tables, in one order, and codes and clusters of rows where known."""

    reference: Floats
    fresh: Floats
    codes: tuple[Codes, Codes] | None = None
    clusters: tuple[Codes, Codes] | None = None
    labels: tuple[str, ...] = ()
    """Of a target's classes, which alone may be named."""

    @property
    def design(self) -> float:
        if self.codes is None or self.clusters is None:
            return 1.0
        return mix_design(self.codes, self.clusters, len(self.reference))


def of_numbers(
    column: str, reference: Sample, fresh: Sample, noun: str = "value", *, medians: bool = True
) -> Iterator[Move]:
    """The moves of a column of numbers; none where either table has no number.

    Their words begin with the medians, where these differ and `medians` mean something to people.
    """
    if not reference.rows or not fresh.rows:
        return
    lead = _medians(reference, fresh, noun) if medians else ""
    both = TwoSamples(reference, fresh)
    order, gap = both.order(), both.gap()
    effect = order.effect
    more = "greater" if effect.value >= 0 else "less"
    other = "less" if effect.value >= 0 else "greater"
    size = effect if effect.value >= 0 else Interval(-effect.value, -effect.high, -effect.low)
    yield Move(
        column,
        "order",
        effect,
        order.p,
        f"{lead}of two {noun}s, one from each table, the fresh one is {more} {percent(size)} "
        f"more often than {other}",
    )
    yield Move(
        column,
        "gap",
        gap.effect,
        gap.p,
        f"{lead}{100 * gap.at:.1f} % of the reference's {noun}s but {100 * gap.fresh_at:.1f} % of the fresh "
        f"ones lie at or below one point: {percent(gap.effect)} apart",
    )


def _medians(reference: Sample, fresh: Sample, noun: str) -> str:
    """Both medians in four digits, so that they tell of many rows and of no single one; or nothing."""
    if reference.ends is not None or min(reference.rows, fresh.rows) < LEAST_FOR_MEDIAN:
        return ""
    before, now = (_short_number(float(np.median(s.values))) for s in (reference, fresh))
    what = "median" if noun == "value" else f"median {noun}"
    return f"{what} {before} before, {now} now; " if before != now else ""


def _short_number(value: float) -> str:
    """A number of four digits, such as 69, 1,234 or 0.05678."""
    rounded = float(f"{value:.4g}")
    return f"{rounded:,.0f}" if 1000 <= abs(rounded) < 1e12 else f"{rounded:g}"


def of_mix(column: str, mix: Mix, seed: int) -> Iterator[Move]:
    """The move of a column of categories; none where either table has none."""
    n, m = float(mix.reference.sum()), float(mix.fresh.sum())
    if not n or not m or len(mix.reference) < 2:
        return
    design = mix.design
    effect = total_variation(mix.reference, mix.fresh, design=design, seed=seed)
    points = percent(effect).replace(" %", " points")
    said = f"the mix of categories differs by {points}"
    if mix.labels:
        changes = mix.fresh / m - mix.reference / n
        shown = np.argsort(-np.abs(changes), kind="stable")[:3]
        parts = (
            f"{mix.labels[k]!r} {100 * mix.reference[k] / n:.1f} % then, {100 * mix.fresh[k] / m:.1f} % now"
            for k in shown
        )
        said = f"the mix of classes differs by {points}: {'; '.join(parts)}"
    yield Move(column, "mix", effect, mix_p(mix.reference, mix.fresh, design), said)


def of_missing(
    column: str,
    reference: tuple[float, float],
    fresh: tuple[float, float],
    absent: tuple[Floats, Floats] | None = None,
    clusters: tuple[Codes, Codes] | None = None,
) -> Iterator[Move]:
    """The move of the share of rows without a value, from (missing, rows); none where none is missing."""
    if not (reference[0] or fresh[0]) or not reference[1] or not fresh[1]:
        return
    design = 1.0
    if absent is not None and clusters is not None:
        signed = [s * (a - a.mean()) / len(a) for s, a in zip((-1, 1), absent, strict=True)]
        design = design_effect(np.concatenate(signed), np.concatenate(clusters))
    shift = share_shift(reference, fresh, design)
    effect = shift.effect
    points = "{:+.1f} points ({:+.1f} to {:+.1f})".format(*(100 * part for part in effect))
    said = (
        f"missing in {100 * reference[0] / reference[1]:.1f} % of rows then, "
        f"{100 * fresh[0] / fresh[1]:.1f} % now: {points}"
    )
    yield Move(column, "missing", effect, shift.p, said)


def of_new(column: str, mix: Mix, seed: int) -> Iterator[Move]:
    """The move of the share of rows whose category the reference does not have."""
    if not mix.reference.sum() or not mix.fresh[mix.reference == 0].sum():
        return
    counts = mix.reference, mix.fresh
    if mix.codes is not None and mix.clusters is not None:
        # A cluster brings its own values: it counts once a value, however many rows repeat it.
        counts = tuple(
            np.bincount(np.unique(np.stack([c, k]), axis=1)[0], minlength=len(mix.reference)).astype(float)
            for c, k in zip(mix.codes, mix.clusters, strict=True)
        )  # type: ignore[assignment]
    new = unseen(*counts, seed=seed)
    rows = int(mix.fresh[mix.reference == 0].sum())
    kinds = int(np.count_nonzero(mix.fresh[mix.reference == 0]))
    said = (
        f"{rows:,} of {int(mix.fresh.sum()):,} rows hold one of {kinds:,} categories that the reference does "
        f"not have, {percent(new.excess)} beyond the {100 * new.expected / counts[1].sum():.1f} % of chance"
    )
    yield Move(column, "new", new.excess, new.p, said)


def of_unlisted(column: str, reference: tuple[float, float], fresh: tuple[float, float]) -> Iterator[Move]:
    """The same from a sketch, which lists frequent categories only, as (rows not listed, rows)."""
    if not fresh[0]:
        return
    shift = share_shift(reference, fresh)
    said = (
        f"{100 * fresh[0] / fresh[1]:.1f} % of rows hold a category that is not among the frequent ones of "
        f"the reference, there {100 * reference[0] / reference[1]:.1f} %: "
        "{:+.1f} points ({:+.1f} to {:+.1f})".format(*(100 * part for part in shift.effect))
    )
    yield Move(column, "new", shift.effect, shift.p, said)
