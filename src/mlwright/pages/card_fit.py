"""The section on the fit: what is wrong with it, or is not, or cannot be told; what more rows would bring.

Called by `card`, in its order. Every figure that is drawn stands beside the drawing.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Final

from mlwright.base.fit_report import SAID, Diagnosis, LearningCurve, brief
from mlwright.pages.card_charts import At, curve, table
from mlwright.pages.page import text
from mlwright.pages.shown import ModelPage, section

MOST_SAID: Final = 220
"""Characters of evidence that are shown at once, whole clauses only; the rest is folded away."""


def fit(shown: ModelPage) -> str:
    """The diagnoses, what was found first, and the learning curve."""
    report = shown.evaluation.fit_report
    if report is None or not len(report):
        return ""
    lines = "".join(_diagnosis(d) for d in report)
    drawn = _learning(report.curve) if report.curve is not None else ""
    return section("What is wrong with the fit", f'<ul class="told">{lines}</ul>{drawn}')


def _diagnosis(one: Diagnosis) -> str:
    told = one.status in ("found", "not_enough_data", "waived")
    kind = "tip" if told else "quiet"
    first, rest = _parted(one.evidence) if told else ("", one.evidence)
    head = f"<p>{text(first)}</p>" if first else ""
    more = f"<details><summary>{'more' if first else 'why'}</summary><p>{text(rest)}</p></details>"
    more = more if rest else ""
    remedy = f'<p class="do">{text(one.remedy)}</p>' if one.remedy else ""
    name = one.kind[:1].upper() + one.kind[1:]
    return (
        f'<li><h3 class="part">{text(name)} <span class="mark {kind}">{SAID[one.status]}</span></h3>'
        f'<div class="small">{head}{more}{remedy}</div></li>'
    )


def _parted(evidence: str) -> tuple[str, str]:
    """The first clauses, and the rest."""
    clauses = evidence.split("; ")
    for k in range(1, len(clauses)):
        if len("; ".join(clauses[: k + 1])) > MOST_SAID:
            return "; ".join(clauses[:k]), "; ".join(clauses[k:])
    return evidence, ""


def _doubling(rows: tuple[int, ...]) -> bool:
    return all(abs(b / a - 2) < 0.05 for a, b in pairwise(rows))


def _learning(one: LearningCurve) -> str:
    """The errors by rows, each step as wide as its factor, and where twice and four times the rows lead."""
    if len(one.rows) != len(one.errors) or not one.rows or one.rows[0] < 1:
        return ""
    last = one.errors[-1].value
    points = [At(math.log(n), e.value, e.low, e.high) for n, e in zip(one.rows, one.errors, strict=True)]
    more = [
        At(math.log(times * one.rows[-1]), last - s.value, last - s.high, last - s.low)
        for times, s in ((2, one.twice), (4, one.fourfold))
    ]
    said = (
        f"{one.metric} error of {one.candidate}: {brief(one.errors[0].value)} after {one.rows[0]:,} rows, "
        f"{brief(last)} after {one.rows[-1]:,}"
    )
    drawn = curve(
        points,
        (f"rows learned from, {'doubling' if _doubling(one.rows) else 'logarithmic'}", f"{one.metric} error"),
        said,
        ends=(f"{one.rows[0]:,}", f"{4 * one.rows[-1]:,}"),
        beyond=more,
    )
    rows = [
        (f"{n:,}", brief(e.value), f"{brief(e.low)} to {brief(e.high)}")
        for n, e in zip(one.rows, one.errors, strict=True)
    ]
    rows += [
        (f"{times * one.rows[-1]:,} (foretold)", brief(p.y), f"{brief(p.low)} to {brief(p.high)}")
        for times, p in zip((2, 4), more, strict=True)
    ]
    inner = table(("rows learned from", "error", "95 % interval"), rows, "errors by rows", words=())
    note = (
        f"Errors ({one.metric}) of {one.candidate}, {one.how}. The band is the 95 % interval. Dashed is what "
        "nobody measured: what twice and four times the rows are expected to change, with that change's "
        "interval."
    )
    return (
        f'<h3 class="part">What more rows would bring</h3><figure>{drawn}'
        f"<figcaption>{text(note)}</figcaption></figure>"
        f"<details><summary>the figures of this curve</summary>{inner}</details>"
    )
