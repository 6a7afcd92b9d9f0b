"""The card: one page of Markdown, all from evidence, that a product owner can read."""

from __future__ import annotations

from collections.abc import Iterable

from mlwright.artifact import Timings
from mlwright.base.abstaining import ASKED, Abstaining
from mlwright.base.conformal import Conformal
from mlwright.base.evaluation import Evaluation, Score
from mlwright.base.finding import UNCHECKED, Finding, Findings
from mlwright.base.leaderboard import Leaderboard, cells, shown
from mlwright.base.limits import limits
from mlwright.base.measures import METRICS, OUTCOMES
from mlwright.base.purpose import UNSTATED, Purpose
from mlwright.base.schema import Schema
from mlwright.base.unjudged import CODE as UNJUDGED
from mlwright.base.unjudged import of_checks
from mlwright.base.verdict import decided, verdict
from mlwright.packaging.card_calibration import calibration_section
from mlwright.packaging.card_fit_report import fit_lines
from mlwright.packaging.card_importance import reliance_section
from mlwright.packaging.card_intervals import interval_lines
from mlwright.packaging.card_slices import slice_sections


def render_card(
    schema: Schema,
    evaluation: Evaluation,
    findings: Findings,
    timings: Timings,
    facts: dict[str, str],
    purpose: Purpose = UNSTATED,
) -> str:
    """The card as Markdown. `facts` are further lines of the last section: source, search."""
    parts = [
        _what(schema),
        *([_use(purpose)] if purpose != UNSTATED else []),
        _quality(evaluation, schema, findings),
        *([_decision(evaluation)] if evaluation.decision else []),
        *([_sets(evaluation.sets, schema)] if evaluation.sets else []),
        *([_abstaining(evaluation.abstaining)] if evaluation.abstaining else []),
        *([interval_lines(evaluation.intervals)] if evaluation.intervals else []),
        *([calibration_section(evaluation.reliability)] if evaluation.reliability else []),
        *slice_sections(evaluation, _plain),
        *([reliance_section(evaluation, _plain)] if evaluation.importance else []),
        _candidates(evaluation, timings),
        *([fit_lines(evaluation.fit_report)] if evaluation.fit_report else []),
        _data(findings),
        ["## Limits", "", *(f"- {_plain(limit)}" for limit in limits(evaluation, findings, purpose, schema))],
        ["## Facts", "", *_facts(evaluation, timings), *(f"- {k}: {_plain(v)}" for k, v in facts.items())],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _what(schema: Schema) -> list[str]:
    target = schema.target
    assert target is not None  # a model has one
    what = "a number" if target.task == "regression" else f"one of {len(target.classes)} classes"
    lines = [f"# Model card: {_plain(target.name)}", ""]
    lines.append(f"Predicts **{_plain(target.name)}** ({what}) from {len(schema.features)} columns.")
    unused = [f"`{_plain(c.name)}`" for c in schema.columns if c.unused]
    if unused:
        more = f" and {len(unused) - 20} more" if len(unused) > 20 else ""
        lines += ["", f"Not used, and not needed in a row: {', '.join(unused[:20])}{more}."]
    if 0 < len(target.classes) <= 12:
        positive = f" Positive: {_plain(target.positive)}." if target.positive else ""
        lines += ["", f"Classes: {', '.join(_plain(c) for c in target.classes)}.{positive}"]
    return lines


def _use(purpose: Purpose) -> list[str]:
    said = {
        "Meant for": purpose.intended_use,
        "Not for": purpose.not_for,
        "Who answers for it": purpose.owner,
    }
    told = (f"**{words}:** {_plain(' '.join(text.split()))}" for words, text in said.items() if text)
    return ["## What it is for", "", "\n\n".join(told)]


def _quality(evaluation: Evaluation, schema: Schema, findings: Findings) -> list[str]:
    if not evaluation.scores:
        said = (evaluation.how, evaluation.calibration)
        lines = ["## How good it is", "", " ".join(f"{_plain(text)}." for text in said if text)]
        own = [f for f in findings if f.code == UNJUDGED]
        lines += (
            ["", *(f"- {_status(f)}**{f.code}** {f.title}: {_plain(f.evidence)}" for f in own)] if own else []
        )
        return lines
    plain = {s.metric: s for s in evaluation.baseline}
    lines = ["## How good it is", ""]
    if schema.target:
        said = (verdict(evaluation, schema.target), decided(evaluation, schema.target))
        lines += [" ".join(_plain(sentence) for sentence in said if sentence), ""]
    lines += [f"Measured {evaluation.how}.", ""]
    lines += ["| metric | model | 95 % interval | plain baseline | meaning |", "|---|---|---|---|---|"]
    lines += [_row(s, plain.get(s.metric)) for s in evaluation.scores]
    why = f"; {_plain(evaluation.why_split)}" if evaluation.why_split else ""
    lines += ["", f"Split: {evaluation.split}{why}."]
    if evaluation.default:
        lines += ["", f"{_plain(evaluation.default.said)}."]
    if evaluation.selection:
        chosen = (evaluation.selection.said, evaluation.selection.whole_said)
        lines += ["", " ".join(_plain(said) for said in chosen if said)]
    if evaluation.calibration:
        lines.append(f"Calibration: {evaluation.calibration}.")
    return lines


def _decision(evaluation: Evaluation) -> list[str]:
    assert evaluation.decision is not None  # else there is nothing to say
    lines = ["## How it decides", "", f"{_plain(evaluation.decision.said)}.", ""]
    lines += ["| labels | measured on unseen rows | 95 % interval |", "|---|---|---|"]
    for way in evaluation.outcomes:
        name = _plain(way.way)
        for score in way.scores:
            said = OUTCOMES.get(score.metric, _plain(score.metric))
            lines.append(f"| {name} | {said} **{score.value:,.4g}** | {score.interval} |")
            name = ""
    return lines


def _sets(sets: Conformal, schema: Schema) -> list[str]:
    classes = schema.target.classes if schema.target else ()
    lines = [
        "## When it is unsure",
        "",
        "Asked for a set of labels, it names each that is plausible: of every class, about the error rate of "
        "its rows get a set without it. Measured on unseen rows, none of which calibrated its own sets:",
        "",
        "| error rate | labels in a set | sets of one label | empty sets | rarest held | 95 % interval |",
        "|---|--:|--:|--:|---|---|",
    ]
    for m in sets.measured:
        seen = [(c, name) for c, name in zip(m.coverage, classes, strict=True) if c.rows]
        worst, name = min(seen, key=lambda pair: pair[0].value)
        lines.append(
            f"| {m.error:.0%} | {m.mean:.2f} | {m.single:.0%} | {m.empty:.0%} "
            f"| {_plain(name)}: {worst.value:.1%} of {worst.rows:,} | {worst.interval} |"
        )
    return lines


def _abstaining(known: Abstaining) -> list[str]:
    """How many rows it answers where it may leave out what it is not sure of."""
    return [ASKED, "", *(f"- {said}" for said in known.said)]


def _candidates(evaluation: Evaluation, timings: Timings) -> list[str]:
    board = Leaderboard(timings.told(evaluation.leaderboard))
    if not board.was_tried:
        return []
    rows = [(*cells(e), shown(e.reason)) for e in board]
    lines = [
        "## What it is made of",
        "",
        _cells((*board.headings, "why")),
        "|---|--:|---|--:|--:|--:|--:|---|",
    ]
    said = (
        f"{board.note.capitalize()}; the scores above are of the whole model. "
        "CPU/row is the CPU time of one row, asked alone."
    )
    return [*lines, *(_cells(row) for row in rows), "", said]


def _data(findings: Findings) -> list[str]:
    lines, by_checks = ["## What the data showed", ""], of_checks(findings)
    for f in by_checks.found:
        column = f"`{_plain(f.column)}` " if f.column else ""
        lines.append(f"- **{f.code}** {column}{f.title}: {_plain(f.evidence)}")
    if not by_checks.found:
        lines.append("Nothing was found." if by_checks.items else UNCHECKED)
    for f in by_checks:
        if f.status == "waived":
            column = f"`{_plain(f.column)}` " if f.column else ""
            lines.append(f"- {_status(f)}**{f.code}** {column}{f.title}: {_plain(f.evidence)}")
    return lines


def _status(finding: Finding) -> str:
    return "waived by its author: " if finding.status == "waived" else ""


def _facts(evaluation: Evaluation, timings: Timings) -> Iterable[str]:
    if timings.cpu_us_p50 is not None:
        p99 = f"99th percentile {timings.cpu_us_p99:.0f}"
        cost = f"{timings.cpu_us_p50:.0f} microseconds of CPU time ({p99})"
        yield f"- One row costs {cost} on {timings.machine}."
        if timings.original_said:
            yield f"- Before it was converted, one row cost {timings.original_said} there."
    if timings.memory_said:
        yield f"- Serving it takes {timings.memory_said}, interpreter and libraries included."
    if evaluation.parity is not None:
        p = evaluation.parity
        difference = f"largest relative difference {p.largest:.1g}"
        yield f"- The graph answers as training does: {p.rows} rows compared, {difference}."


def _row(s: Score, plain: Score | None) -> str:
    beside = f"{plain.value:.4g}" if plain else ""
    return f"| {s.metric} | **{s.value:.4g}** | {s.interval} | {beside} | {METRICS.get(s.metric, '')} |"


def _cells(texts: Iterable[str]) -> str:
    return f"| {' | '.join(_plain(text) for text in texts)} |"


def _plain(text: str | None) -> str:
    """Text that Markdown and HTML show as it is."""
    out = "".join(c if c.isprintable() else " " for c in text or "")
    for mark in ("\\", "|", "<", ">", "*", "_", "`", "["):
        out = out.replace(mark, {"<": "&lt;", ">": "&gt;"}.get(mark, f"\\{mark}"))
    return out
