"""The sections on what a model was trained on: the table, its columns, the split, and what was found in it.

Called by `card`, in its order. Bins and counts, never rows.
"""

from __future__ import annotations

from itertools import groupby
from typing import Final

from mlwright.base.finding import UNCHECKED, Finding, counted
from mlwright.base.profile import ColumnProfile
from mlwright.base.schema import Column
from mlwright.base.unjudged import of_checks
from mlwright.pages import charts
from mlwright.pages.card_charts import table
from mlwright.pages.page import text
from mlwright.pages.shown import ModelPage, section

MOST_COLUMNS: Final = 200
"""Columns that are listed."""
MOST_ALIKE: Final = 6
"""Findings of one code that are shown before the rest is counted."""


def data(shown: ModelPage) -> str:
    """Which table, over which time, how it was split and why, how the target is spread, and the columns."""
    schema, profile, evaluation = shown.schema, shown.profile, shown.evaluation
    facts = {"rows": f"{profile.rows:,}", "columns that it uses": f"{len(schema.features):,}", **shown.data}
    for column in schema.columns:
        if column.role == "time" and column.minimum is not None and column.maximum is not None:
            moments = column.kind == "datetime"
            ends = [charts.figure(v, moments=moments) for v in (column.minimum, column.maximum)]
            facts[f"time span ({column.name})"] = f"{ends[0]} to {ends[1]}"
    why = f": {evaluation.why_split}" if evaluation.why_split else ""
    facts["split"] = f"{evaluation.split}{why}"
    told = "".join(f"<dt>{text(k)}</dt><dd>{text(v)}</dd>" for k, v in facts.items())
    known = {c.name: c for c in profile.columns}
    of = known.get(shown.target.name)
    spread = f"<div><p>{text(shown.target.name)} in the training rows</p>{_drawn(of)}</div>" if of else ""
    return section(
        "What it was trained on" if shown.trained else "What is known of its data",
        f'<div class="side"><dl class="made">{told}</dl>{spread if of and _drawn(of) else ""}</div>'
        + _columns(shown, known),
    )


def findings(shown: ModelPage) -> str:
    """What the checks found, what was waived, and how many found nothing."""
    by_checks = of_checks(shown.findings)
    above = {f.code for f in shown.evaluation.weak}
    said_above = [f for f in by_checks.found if f.code in above]
    left = [f for f in by_checks.found if f.code not in above]
    found = sorted(left, key=lambda f: f.severity != "issue")
    waived = [f for f in by_checks if f.status == "waived"]
    parts = [
        _group(list(same))
        for _, same in groupby([*waived, *found], key=lambda f: (f.code, f.title, f.status))
    ]
    passed = len({f.code for f in by_checks if f.status == "passed"})
    blind = sorted({f.code for f in by_checks if f.status in ("not_enough_data", "skipped")})
    said = [f"{counted(passed, 'check')} found nothing." if passed else ""]
    said += [f"Could not look: {', '.join(blind)}."] if blind else []
    said += ["What was found of groups and slices stands above."] if said_above else []
    rest = " ".join(s for s in said if s) or (
        "" if parts else "Nothing was found." if by_checks.items else UNCHECKED
    )
    return section(
        "What the checks found in the data", "".join(parts) + f'<p class="small soft">{text(rest)}</p>'
    )


def _drawn(column: ColumnProfile) -> str:
    return charts.bars(column) if column.counts else charts.histogram(column, moments=False)


def _columns(shown: ModelPage, known: dict[str, ColumnProfile]) -> str:
    """The columns that a row must have, folded away."""
    rows = []
    for column in shown.schema.features[:MOST_COLUMNS]:
        of = known.get(column.name)
        missing = charts.share(of.missing, of.rows) if of and of.rows and of.missing else ""
        rows.append((column.name, column.kind, missing, _values(column)))
    more = len(shown.schema.features) - MOST_COLUMNS
    unused = [c.name for c in shown.schema.columns if c.unused]
    notes = [f"and {more:,} more" if more > 0 else ""]
    if unused:
        others = f" and {len(unused) - 20} more" if len(unused) > 20 else ""
        notes.append(f"Not used, and not needed in a row: {', '.join(unused[:20])}{others}.")
    said = "".join(f'<p class="small">{text(n)}</p>' for n in notes if n)
    inner = table(("column", "kind", "missing", "values seen"), rows, "columns", words=(0, 1, 3))
    return f"<details><summary>the columns that a row has</summary>{inner}{said}</details>"


def _values(column: Column) -> str:
    if column.kind in ("numeric", "datetime") and column.minimum is not None and column.maximum is not None:
        moments = column.kind == "datetime"
        ends = [charts.figure(v, moments=moments) for v in (column.minimum, column.maximum)]
        return f"{ends[0]} to {ends[1]}"
    more = f" and {len(column.categories) - 4:,} more" if len(column.categories) > 4 else ""
    return ", ".join(c if len(c) <= 24 else c[:23] + "…" for c in column.categories[:4]) + more


def _group(same: list[Finding]) -> str:
    first = same[0]
    borne = first.status == "waived"
    lines = "".join(
        f"<li>{f'<b>{text(f.column)}</b>: ' if f.column else ''}{text(f.evidence)}</li>"
        for f in same[:MOST_ALIKE]
    )
    more = f"<li>and {len(same) - MOST_ALIKE} more</li>" if len(same) > MOST_ALIKE else ""
    word = f"{first.severity} {first.code}{', waived: known and borne' if borne else ''}"
    remedies = dict.fromkeys(f.remedy for f in same if f.remedy and not borne)
    done = "".join(f'<p class="do small">{text(r)}</p>' for r in list(remedies)[:2])
    title = first.title[:1].upper() + first.title[1:]
    return (
        f'<article class="finding {first.severity}"><span class="mark {first.severity}">{text(word)}</span>'
        f"<h3>{text(title)}</h3><ul>{lines}{more}</ul>{done}</article>"
    )
