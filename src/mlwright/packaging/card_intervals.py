"""The card's section on intervals: how wide they are, how often they held the truth, and where not."""

from __future__ import annotations

from mlwright.base import figures
from mlwright.base.prediction_intervals import Intervals, IntervalSize


def interval_lines(intervals: Intervals) -> list[str]:
    """The section as Markdown."""
    alike = f"Every row's are as wide: {intervals.why_constant}. " if not intervals.learned else ""
    lines = [
        "## How far off it may be",
        "",
        f"Asked for intervals, it says two ends between which the truth lies but for an error rate. {alike}"
        "Measured on unseen rows, none of which calibrated its own interval, beside intervals that reach as "
        "far to both sides of every prediction:",
        "",
        "| error rate | width: mean | median | alike for all | truth within | 95 % interval "
        "| by third of the prediction | alike for all |",
        "|---|--:|--:|--:|--:|---|---|---|",
        *(_row(m) for m in intervals.measured),
    ]
    if not intervals.measured:
        return [*lines[:2], f"{alike}Too few rows were unseen to measure how far off it may be."]
    least = intervals.reach.least_error
    return [
        *lines,
        "",
        f"The least error rate that {intervals.reach.rows:,.0f} rows can vouch for is {least:.2g}. Thirds "
        "are by prediction, lowest to highest: a share far from what was asked for says where not to trust "
        "the width.",
    ]


def _row(m: IntervalSize) -> str:
    thirds = ", ".join(f"{s.value:.0%}" for s in m.thirds)
    alike = ", ".join(f"{share:.0%}" for share in m.constant_thirds)
    widths = " | ".join(figures.plain(width) for width in (m.mean, m.median, m.constant))
    return (
        f"| {m.error:.0%} | {widths} | {m.coverage.value:.1%} | {m.coverage.interval} | {thirds} | {alike} |"
    )
