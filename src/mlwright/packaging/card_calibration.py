"""The section of the card on probabilities: whether they mean what they say, by evidence.

Called by `card`. It draws `base.reliability` and measures nothing.
"""

from __future__ import annotations

from mlwright.base.figures import plain
from mlwright.base.reliability import Reliability


def calibration_section(reliability: Reliability) -> list[str]:
    """The lines of the section as Markdown."""
    if reliability.subject == "number":
        lines = ["## Whether numbers hold on the whole", "", "Rows by what was foretold of them:", ""]
        lines += ["| rows | mean foretold | mean that came | 95 % interval |", "|--:|--:|--:|---|"]
        lines += [
            f"| {b.rows:,} | {plain(b.predicted)} | **{plain(b.observed)}** "
            f"| {plain(b.low)} to {plain(b.high)} |"
            for b in reliability.bins
        ]
        return lines
    lines = ["## Whether probabilities hold", ""]
    lines += list(reliability.said)
    if reliability.remedy:
        lines += ["", f"**{reliability.remedy}**"]
    lines += ["", f"Rows by the probability of the {reliability.subject}:", ""]
    lines += ["| rows | foretold | came | 95 % interval |", "|--:|--:|--:|---|"]
    lines += [
        f"| {b.rows:,} | {b.predicted:.1%} | **{b.observed:.1%}** | {b.low:.1%} to {b.high:.1%} |"
        for b in reliability.bins
    ]
    return lines
