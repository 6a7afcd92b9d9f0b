"""The sections on doubt: whether probabilities hold, sets of plausible labels, and intervals of numbers.

Called by `card`, in its order. Every figure that is drawn stands beside the drawing.
"""

from __future__ import annotations

import math

from mlwright.base.abstaining import ASKED, Abstaining
from mlwright.base.evaluation import Score
from mlwright.base.figures import plain
from mlwright.base.prediction_intervals import Intervals, IntervalSize
from mlwright.base.reliability import Bin as Group
from mlwright.base.reliability import Reliability
from mlwright.pages.card_charts import At, Bin, Dot, Row, curve, dot_list, reliability, table
from mlwright.pages.page import text
from mlwright.pages.shown import ModelPage, section


def probabilities(shown: ModelPage) -> str:
    """What was foretold beside what came, by bins; the errors and the slope in words, and what to do."""
    of = shown.evaluation.reliability
    if of is None or not of.bins:
        return ""
    number = of.subject == "number"
    subject = "number foretold" if number else f"probability of the {of.subject}"
    caption = (
        f"Rows in {len(of.bins)} parts by the {subject}. On the dashed line what was foretold is what came; "
        "whiskers are 95 % intervals, bars count the rows."
    )
    low, high = _span(of)
    ends = (plain(low, 3), plain(high, 3)) if number else (f"{low:.0%}", f"{high:.0%}")
    bins = [Bin(b.predicted, b.observed, b.low, b.high, b.rows) for b in of.bins]
    off = sum(not b.holds for b in of.bins)
    said = f"{len(of.bins) - off} of {len(of.bins)} parts came as foretold, within their intervals"
    drawn = reliability(bins, said, span=(low, high), ends=ends)
    words = [f"<p>{text(said)}.</p>"]
    words += [f'<p class="do">{text(of.remedy)}</p>'] if of.remedy else []
    words += [f'<p class="small">{text(s)}</p>' for s in of.said]
    inner = table(
        ("rows", "foretold", "came", "95 % interval"), [_cells(b, number) for b in of.bins], "bins", words=()
    )
    heading = "Whether numbers hold on the whole" if number else "Whether probabilities hold"
    figures = f"<details><summary>the figures of this chart</summary>{inner}</details>"
    return section(
        heading,
        f'<div class="side"><figure>{drawn}<figcaption>{text(caption)}</figcaption></figure>'
        f"<div>{''.join(words)}{figures}{_classes(shown, of)}</div></div>",
    )


def unsure(shown: ModelPage) -> str:
    """Sets of plausible labels; and what share of rows is answered where few answers may be wrong."""
    parts = _sets(shown) + _abstaining(shown.evaluation.abstaining)
    return section("When it is unsure", parts) if parts else ""


def _sets(shown: ModelPage) -> str:
    """How large sets of plausible labels are, and how often they hold the truth."""
    conformal, names = shown.evaluation.sets, shown.target.classes
    if conformal is None or not conformal.measured:
        return ""
    usual = next((m for m in conformal.measured if m.error == 0.1), conformal.measured[0])
    told = (
        "Where it is unsure it can answer with every label that is plausible. Allowed to miss the truth in "
        f"{usual.error:.0%} of the rows of each class, it names a single label for {usual.single:.0%} of "
        f"rows, {usual.mean:.2f} labels in the mean."
    )
    rows = []
    for m in conformal.measured:
        seen = [(c, name) for c, name in zip(m.coverage, names, strict=True) if c.rows]
        worst = min(seen, key=lambda pair: pair[0].value, default=None)
        held = "" if worst is None else f"{worst[1]}: {_share_of(worst[0])}"
        rows.append((f"{m.error:.0%}", f"{m.mean:.2f}", f"{m.single:.0%}", f"{m.empty:.0%}", held))
    heads = ("error rate", "labels in a set", "sets of one label", "empty sets", "class held least often")
    inner = table(heads, rows, "sets of labels by error rate", words=(0, 4))
    return f"<p>{text(told)}</p>{inner}"


def _abstaining(of: Abstaining | None) -> str:
    """How many answers are wrong by the share of rows that are answered, the surest first."""
    if of is None:
        return ""
    lines = "".join(f"<li>{text(said)}</li>" for said in of.said)
    steps = sorted(of.steps, key=lambda s: s.answered)
    points = [At(s.answered, s.wrong, s.wrong, s.at_most) for s in steps]
    said = "the share of wrong answers by the share of rows that are answered"
    ends = (f"{points[0].x:.0%}", f"{points[-1].x:.0%}") if points else None
    drawn = curve(points, ("share of rows answered, the surest first", "share wrong"), said, ends=ends)
    note = "The line is the share of its answers that were wrong; the band reaches to the 95 % upper end."
    shown = f"<figure>{drawn}<figcaption>{note}</figcaption></figure>" if drawn else ""
    rows = [
        (f"{s.least:.3g}", f"{s.answered:.1%} ({s.answers:,})", f"{s.wrong:.2%}", f"{s.at_most:.2%}")
        for s in steps
    ]
    heads = ("from a probability of", "rows answered", "wrong", "at most")
    inner = table(heads, rows, "answers by how sure", words=())
    figures = f"<details><summary>the figures of this chart</summary>{inner}</details>" if shown else ""
    return f'<p>{text(ASKED)}</p><ul class="plainly">{lines}</ul>{shown}{figures}'


def intervals(shown: ModelPage) -> str:
    """How wide intervals are, and how often they held the truth, by third of the prediction."""
    of = shown.evaluation.intervals
    if of is None:
        return ""
    heading = "How far off it may be"
    if not of.measured:
        return section(heading, f"<p>{text(of.measured_said)}</p>")
    usual = next((m for m in of.measured if m.error == 0.1), of.measured[0])
    lead = (
        f"Allowed to miss the truth in {usual.error:.0%} of rows, its intervals are {plain(usual.median, 3)} "
        f"wide in the median, and {usual.coverage.value:.1%} of unseen rows lay within."
    )
    return section(
        heading,
        f'<p>{text(lead)}</p>{_by_third(usual)}<p class="small">{text(of.measured_said)}</p>'
        f'{_widths(of)}<p class="small soft">{text(of.least_said)}</p>',
    )


def _by_third(usual: IntervalSize) -> str:
    names = ("lowest third of predictions", "middle third", "highest third")
    rows = [Row("all rows", _dot(usual.coverage), _share_of(usual.coverage))]
    rows += [Row(n, _dot(s), _share_of(s), part=True) for n, s in zip(names, usual.thirds, strict=False)]
    asked = 1 - usual.error
    drawn = dot_list(rows, ("rows", "truth within"), marks=(asked,))
    return f'{drawn}<p class="small soft">Dashed: {asked:.0%}, as asked for.</p>' if drawn else ""


def _widths(of: Intervals) -> str:
    rows = [
        (
            f"{m.error:.0%}",
            *("-" if width is None else plain(width) for width in (m.mean, m.median, m.constant)),
            _share_of(m.coverage),
            ", ".join(f"{s.value:.0%}" for s in m.thirds),
            ", ".join(f"{share:.0%}" for share in m.constant_thirds),
        )
        for m in of.measured
    ]
    heads = ("error rate", "width: mean", "median", "alike for all", "truth within", "by third")
    inner = table((*heads, "by third, alike for all"), rows, "intervals by error rate")
    return inner


def _span(of: Reliability) -> tuple[float, float]:
    """Of numbers all that is drawn; of probabilities from 0 to 1, or to less where all are small."""
    ends = [v for b in of.bins for v in (b.predicted, b.observed, b.low, b.high) if math.isfinite(v)]
    if of.subject == "number":
        return min(ends), max(ends)
    most = max(ends)
    return 0.0, next((top for top in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if most <= top), 1.0)


def _cells(one: Group, number: bool) -> tuple[str, str, str, str]:

    def said(value: float) -> str:
        return plain(value) if number else f"{value:.1%}"

    mark = "" if one.holds else " ≠"
    return (
        f"{one.rows:,}",
        said(one.predicted),
        f"{said(one.observed)}{mark}",
        f"{said(one.low)} to {said(one.high)}",
    )


def _classes(shown: ModelPage, of: Reliability) -> str:
    """Of several classes: the mean probability of each beside its share."""
    names = shown.target.classes
    if not of.classes or len(of.classes) != len(names):
        return ""
    rows = [
        (name, *_cells(b, False)[1:])  # every class is foretold in every row
        for name, b in zip(names, of.classes, strict=True)
    ]
    inner = table(("class", "foretold", "came", "95 % interval"), rows, "classes")
    return f"<details><summary>by class</summary>{inner}</details>"


def _dot(score: Score) -> Dot:
    return Dot(score.value, score.low, score.high)


def _share_of(score: Score) -> str:
    return f"{score.value:.1%} of {score.rows:,} ({score.low:.1%} to {score.high:.1%})"
