"""The card's section on the fit: what is wrong with it, or is not, or cannot be told, and what to do."""

from __future__ import annotations

from mlwright.base.fit_report import SAID, FitReport, brief

MARKS = ("\\", "|", "<", ">", "*", "_", "`", "[")


def fit_lines(report: FitReport) -> list[str]:
    """The section as Markdown.

    >>> fit_lines(FitReport())[0]
    '## What is wrong with the fit'
    """
    lines = ["## What is wrong with the fit", ""]
    if not len(report):
        return [*lines, "Nothing was asked."]
    lines += ["| diagnosis | | evidence | remedy |", "|---|---|---|---|"]
    for d in report:
        kind = f"**{d.kind}**" if d.status == "found" else d.kind
        lines.append(f"| {kind} | {SAID[d.status]} | {_plain(d.evidence)} | {_plain(d.remedy)} |")
    curve = report.curve
    if curve is not None:
        lines += [
            "",
            f"Errors ({_plain(curve.metric)}) of {_plain(curve.candidate)}, {_plain(curve.how)}:",
            "",
        ]
        lines += ["| rows learned from | error | 95 % interval |", "|--:|--:|---|"]
        for n, e in zip(curve.rows, curve.errors, strict=True):
            lines.append(f"| {n:,} | {brief(e.value)} | {brief(e.low)} to {brief(e.high)} |")
    return lines


def _plain(text: str) -> str:
    out = "".join(c if c.isprintable() else " " for c in text)
    for mark in MARKS:
        out = out.replace(mark, {"<": "&lt;", ">": "&gt;"}.get(mark, f"\\{mark}"))
    return out
