"""The page about a model: what it is for, how good it is and how one knows, for those who decide about it.

An ordered list of sections, each made from the page's values alone, or absent. It loads nothing and runs no
script.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Final

from mlwright.base import figures
from mlwright.base.finding import Finding, counted
from mlwright.base.leaderboard import Leaderboard, cells, in_brief
from mlwright.base.leaderboard import shown as plainly
from mlwright.base.limits import limits
from mlwright.base.unjudged import CODE as UNJUDGED
from mlwright.base.unjudged import of_checks
from mlwright.base.verdict import decided, verdict
from mlwright.pages.card_charts import table
from mlwright.pages.card_data import data, findings
from mlwright.pages.card_fit import fit
from mlwright.pages.card_groups import groups, weak
from mlwright.pages.card_reliance import reliance
from mlwright.pages.card_scores import confusion, decision, scores
from mlwright.pages.card_unsure import intervals, probabilities, unsure
from mlwright.pages.page import page, text
from mlwright.pages.shown import ModelPage, section

CARD_STYLE: Final = files("mlwright.pages").joinpath("card.css").read_text(encoding="utf-8")


def model_page(shown: ModelPage) -> str:
    """The page as one HTML document that loads nothing."""
    target = shown.target
    parts = [head(shown), *(make(shown) for make in SECTIONS)]
    body = "\n".join(part for part in parts if part)
    return page(
        f"{target.name}: model card", f'<main class="card">{body}</main>', style=CARD_STYLE, script=""
    )


def head(shown: ModelPage) -> str:
    """What it predicts, and the verdict."""
    target = shown.target
    what = (
        "a number"
        if target.task == "regression"
        else f"one of {counted(len(target.classes), 'class', 'classes')}"
    )
    names = f" ({', '.join(target.classes)})" if 0 < len(target.classes) <= 8 else ""
    asked = counted(len(shown.schema.features), "column")
    positive = f", of which '{target.positive}' counts as positive" if target.positive else ""
    said = f"Predicts {target.name}, {what}{names}{positive}, from {asked} of a row."
    brief = "".join(f"<div><dt>{text(k)}</dt><dd>{text(v)}</dd></div>" for k, v in shown.brief.items())
    return (
        f'<header><p class="soft small">Model card</p><h1>{text(target.name)}</h1><p>{text(said)}</p>'
        f'{_verdict(shown)}<dl class="facts">{brief}</dl></header>'
    )


def use(shown: ModelPage) -> str:
    """What people stated; where they did not, that is said."""
    purpose = shown.purpose
    said = {
        "Meant for": purpose.intended_use,
        "Not for": purpose.not_for,
        "Who answers for it": purpose.owner,
    }
    missing = '<span class="unsaid">not stated</span>'
    rows = "".join(
        f'<dt>{words}</dt><dd class="said">{text(told) if told else missing}</dd>'
        for words, told in said.items()
    )
    return section("What it is for", f'<dl class="use">{rows}</dl>')


def made_of(shown: ModelPage) -> str:
    """The candidates, folded away."""
    board = Leaderboard(shown.evaluation.leaderboard)
    if not board.was_tried:
        return ""
    kept = ", ".join(f"{plainly(e.name)} ({e.weight:.0%})" for e in board.kept) or "one candidate"
    rows = [(*cells(e), in_brief(e)) for e in board]
    inner = table((*board.headings, "outcome"), rows, "candidates", words=(0, 2, 7))
    return section(
        "What it is made of",
        f"<p>{text(kept)}, out of {counted(len(board), 'candidate')} that were tried.</p>"
        f"<details><summary>every candidate, with its costs</summary>{inner}"
        f'<p class="small soft">{text(board.note)}; the scores above are of the whole model. CPU/row is the '
        f"CPU time of one row, asked alone.</p></details>",
    )


def limited(shown: ModelPage) -> str:
    """What the evidence does not say."""
    lines = "".join(
        f"<li>{text(said)}</li>"
        for said in limits(shown.evaluation, shown.findings, shown.purpose, shown.schema)
    )
    return section("Limits", f'<ul class="plainly">{lines}</ul>')


def made(shown: ModelPage) -> str:
    """Costs and provenance."""
    settings = (
        f"<details><summary>all settings</summary>{_facts(shown.settings)}</details>"
        if shown.settings
        else ""
    )
    return section("What it costs, and where it is from", _facts(shown.made) + settings) if shown.made else ""


def again(shown: ModelPage) -> str:
    """How it is made again."""
    if not shown.again:
        return ""
    blocks = "".join(
        f'<p class="small soft">{text(what)}</p><pre><code>{text(code)}</code></pre>'
        for what, code in shown.again.items()
    )
    notes = "".join(f'<p class="small">{text(note)}</p>' for note in shown.notes)
    return section("How to make it again", blocks + notes)


SECTIONS: Final[tuple[Callable[[ModelPage], str], ...]] = (
    use,
    scores,
    confusion,
    decision,
    fit,
    groups,
    weak,
    reliance,
    probabilities,
    unsure,
    intervals,
    limited,
    data,
    findings,
    made_of,
    made,
    again,
)
"""The page under its head, in order."""


def _verdict(shown: ModelPage) -> str:
    evaluation = shown.evaluation
    by_checks = of_checks(shown.findings)
    borne = any(f.status == "waived" and f.severity == "issue" for f in by_checks)
    unjudged = [f for f in shown.findings if f.code == UNJUDGED]
    bad = evaluation.doubt or any(f.status == "found" for f in unjudged)
    grave = " issue" if bad else " tip" if borne or shown.findings.issues or unjudged else ""
    said = verdict(evaluation, shown.target), decided(evaluation, shown.target)
    first, *others = [s for s in (evaluation.doubt, *said) if s]
    lines = [f'<p class="lead">{text(first)}</p>', *(f"<p>{text(s)}</p>" for s in others)]
    lines += [f"<p>{text(_owned(f))}</p>" for f in unjudged]
    lines += ["<p>It was trained although an issue was found in its data: see there.</p>"] if borne else []
    if any(f.status == "found" and f.severity == "issue" for f in evaluation.weak):
        lines.append("<p>It is not as good for all rows: see for whom it works, and where it is worse.</p>")
    rows = figures.counted(evaluation.rows, "row")
    unseen = f"On {rows} that it had not seen." if shown.trained else f"On {rows} of its owner."
    told = f"{unseen} In brackets: 95 % intervals." if evaluation.rows else f"{evaluation.how}."
    lines.append(f'<p class="small soft">{text(told)}</p>')
    return f'<div class="verdict{grave}">{"".join(lines)}</div>'


def _owned(finding: Finding) -> str:
    borne = "waived: known and borne" if finding.status == "waived" else f"an issue. {finding.remedy}"
    return f"{finding.code}, {borne}."


def _facts(facts: Mapping[str, str]) -> str:
    rows = "".join(f"<dt>{text(k)}</dt><dd>{text(v)}</dd>" for k, v in facts.items())
    return f'<dl class="made">{rows}</dl>'
