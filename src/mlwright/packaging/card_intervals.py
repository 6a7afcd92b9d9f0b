"""The card's section on intervals: how wide they are, how often they held the truth, and where not."""

from __future__ import annotations

from mlwright.base import figures
from mlwright.base.prediction_intervals import Intervals, IntervalSize


def interval_lines(intervals: Intervals) -> list[str]:
    """The section as Markdown."""
    lines = ["## How far off it may be", "", intervals.measured_said]
    if not intervals.measured:
        return lines
    return [
        *lines,
        "",
        "| error rate | width: mean | median | alike for all | truth within | 95 % interval "
        "| by third of the prediction | alike for all |",
        "|---|--:|--:|--:|--:|---|---|---|",
        *(_row(m) for m in intervals.measured),
        "",
        intervals.least_said,
    ]


def _row(m: IntervalSize) -> str:
    thirds = ", ".join(f"{s.value:.0%}" for s in m.thirds)
    alike = ", ".join(f"{share:.0%}" for share in m.constant_thirds)
    widths = " | ".join(
        "-" if width is None else figures.plain(width) for width in (m.mean, m.median, m.constant)
    )
    return (
        f"| {m.error:.0%} | {widths} | {m.coverage.value:.1%} | {m.coverage.interval} | {thirds} | {alike} |"
    )
