"""The page about a table: what was found in it and what to do, and how each column looks.

Made for those who own the data as much as for those who model it. Bins and counts, never rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from mlwright.base.finding import Finding, Findings, counted
from mlwright.base.profile import Along, ColumnProfile, Profile
from mlwright.base.schema import Column, Schema
from mlwright.pages import charts
from mlwright.pages.page import page, text

MOST_LINES: Final = 12
"""Columns with one finding that are listed before the rest is folded away."""
_STATUS: Final = {
    "waived": "waived: known and borne",
    "not_enough_data": "not enough data to tell",
    "skipped": "could not look",
    "passed": "looked at and found in order",
    "not_applicable": "nothing to look at",
}


@dataclass(frozen=True)
class TablePage:
    """All that the page shows."""

    name: str
    """The table's name, as a reader knows it."""
    schema: Schema
    profile: Profile
    findings: Findings
    along: tuple[Along, ...] = ()
    """The target along columns."""
    how: Mapping[str, str] = field(default_factory=dict)
    """How each check is computed, by code."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Further facts about the table: label and value."""


def table_page(shown: TablePage) -> str:
    """The page as one HTML document that loads nothing.

    >>> from mlwright.base.profile import ColumnProfile
    >>> schema = Schema(columns=(Column(name="age", kind="numeric"),))
    >>> profile = Profile(rows=3, columns=(ColumnProfile(name="age", rows=3, missing=1),))
    >>> html = table_page(TablePage("people.csv", schema, profile, Findings()))
    >>> html.startswith("<!doctype html>"), "people.csv" in html
    (True, True)
    """
    found = shown.findings
    tips = [f for f in found.found if f.severity == "tip"]
    quiet = [f for f in found if f.status != "found"]
    sections = [
        f"<header><h1>{text(shown.name)}</h1>{_verdict(found)}{_facts(shown)}</header>",
        _section("Issues", _groups(found.issues, shown.how)) if found.issues else "",
        _section("Tips", _groups(tips, shown.how)) if tips else "",
        _section("Columns", _columns(shown)),
        _section("What else was looked at", _quiet(quiet, shown.how)) if quiet else "",
    ]
    return page(f"{shown.name}: what is in it and what is wrong with it", "\n".join(filter(None, sections)))


def _verdict(found: Findings) -> str:
    tips = len(found.found) - len(found.issues)
    also = f" and {counted(tips, 'tip')}" if tips else ""
    if found.issues:
        return (
            f'<div class="verdict issue"><b>Not yet fit to learn from: {counted(len(found.issues), "issue")}'
            f"{also}.</b><p>An issue makes the scores of a model unbelievable, or training fail. "
            "Each is below with what to do about it.</p></div>"
        )
    if tips:
        return (
            f'<div class="verdict tip"><b>No issue, {counted(tips, "tip")}.</b>'
            "<p>A model can be trained on this table; the tips may make it better.</p></div>"
        )
    looked = len({f.code for f in found if f.status == "passed"})
    return f'<div class="verdict"><b>Nothing found.</b><p>{counted(looked, "check")} passed.</p></div>'


def _facts(shown: TablePage) -> str:
    target = next((c for c in shown.schema.columns if c.role == "target"), None)
    cells = shown.profile.rows * len(shown.profile.columns)
    missing = sum(c.missing for c in shown.profile.columns)
    facts = {
        "rows": f"{shown.profile.rows:,}",
        "columns": f"{len(shown.schema.columns):,}",
        "target": target.name if target else "none named",
        "missing cells": charts.share(missing, cells) if cells else "0 %",
        **shown.facts,
    }
    inner = "".join(f"<div><dt>{text(k)}</dt><dd>{text(v)}</dd></div>" for k, v in facts.items())
    return f'<dl class="facts">{inner}</dl>'


def _section(heading: str, body: str) -> str:
    return f"<section><h2>{text(heading)}</h2>\n{body}</section>"


def _groups(findings: Iterable[Finding], how: Mapping[str, str]) -> str:
    """Findings of one code together: what was found, where, and what to do."""
    parts = []
    for _, same in groupby(findings, key=lambda f: (f.code, f.title)):
        some = list(same)
        first = some[0]
        lines = [f"<li>{_place(f)}{text(f.evidence)}{_rows(f)}</li>" for f in some]
        listed = "".join(lines[:MOST_LINES])
        more = len(lines) - MOST_LINES
        folded = "".join(lines[MOST_LINES:])
        rest = f"<details><summary>and {more} more</summary><ul>{folded}</ul></details>" if more > 0 else ""
        remedies = dict.fromkeys(f.remedy for f in some if f.remedy)
        told = "".join(f'<p class="do">{text(r)}</p>' for r in remedies)
        parts.append(
            f'<article class="finding {first.severity}" id="{_group(first)}">'
            f'<span class="mark {first.severity}">'
            f"{first.severity} {text(first.code)}</span><h3>{text(_sentence(first.title))}</h3>"
            f"<ul>{listed}</ul>{rest}{told}{_how(first.code, how)}</article>"
        )
    return "\n".join(parts)


def _place(found: Finding) -> str:
    if not found.column:
        return ""
    return f'<a href="#{_anchor(found.column)}"><b>{text(found.column)}</b></a>: '


def _rows(found: Finding) -> str:
    if not found.rows:
        return ""
    rows = ", ".join(f"{r:,}" for r in found.rows)
    return f"<details><summary>row numbers, counted from 0</summary><p>{rows}</p></details>"


def _how(code: str, how: Mapping[str, str]) -> str:
    if code not in how:
        return ""
    return f'<details><summary>how this is computed</summary><p class="small">{text(how[code])}</p></details>'


def _quiet(findings: Iterable[Finding], how: Mapping[str, str]) -> str:
    parts = []
    for status, heading in _STATUS.items():
        lines = [
            f"<li>{text(f.code)} {text(f.title)}{f': {text(f.evidence)}' if f.evidence else ''}</li>"
            for f in findings
            if f.status == status
        ]
        if lines:
            opened = " open" if status in ("waived", "not_enough_data", "skipped") else ""
            parts.append(
                f"<details{opened}><summary>{heading} ({len(lines)})</summary>"
                f"<ul>{''.join(lines)}</ul></details>"
            )
    return "\n".join(parts)


def _columns(shown: TablePage) -> str:
    by_column: dict[str, list[Finding]] = {}
    for f in shown.findings.found:
        if f.column:
            by_column.setdefault(f.column, []).append(f)
    curves = {a.column: a for a in shown.along}
    cards = [
        _card(column, profile, by_column.get(column.name, []), curves.get(column.name))
        for column, profile in zip(shown.schema.columns, shown.profile.columns, strict=True)
    ]
    search = (
        '<input type="search" id="find" placeholder="find a column" aria-label="find a column">'
        if len(cards) > 12
        else ""
    )
    return f'{search}<div class="columns">{"".join(cards)}</div>'


def _card(column: Column, profile: ColumnProfile, found: list[Finding], curve: Along | None) -> str:
    role = "" if column.role in ("feature", column.kind) else f"<span>{text(column.role)}</span>"
    links = "".join(
        f'<a class="{f.severity}" href="#{_group(f)}" title="{text(f.title)}">{text(f.code)}</a>'
        for f in {f.code: f for f in found}.values()
    )
    drawn = (
        charts.bars(profile)
        if profile.counts
        else charts.histogram(profile, moments=column.kind == "datetime")
    )
    told = f'<p class="small soft">{text(column.why)}</p>' if column.why else ""
    facts = "".join(f"<dt>{text(k)}</dt><dd>{text(v)}</dd>" for k, v in _figures(column, profile))
    return (
        f'<article class="column" id="{_anchor(column.name)}" data-name="{text(column.name)}">'
        f"<h3>{text(column.name)}</h3>"
        f'<p class="chips"><span>{column.kind}</span>{role}{links}</p>{told}<dl>{facts}</dl>{drawn}'
        f"{charts.along(curve) if curve else ''}</article>"
    )


def _figures(column: Column, profile: ColumnProfile) -> Iterable[tuple[str, str]]:
    moments = column.kind == "datetime"
    yield "missing", charts.share(profile.missing, profile.rows) if profile.rows else "0 %"
    if profile.distinct:
        yield "distinct", f"{profile.distinct:,}{' or more' if profile.distinct == 10_000 else ''}"
    if profile.quantiles:
        at = [charts.figure(profile.quantiles[p], moments=moments) for p in (0, 50, 100)]
        yield "least, median, greatest", " · ".join(at)
    if profile.mean is not None and not moments and column.kind != "boolean":
        yield "mean", charts.figure(profile.mean)
    if profile.length is not None:
        yield "words, on average", f"{profile.length:.1f}"
    if column.missing:
        yield "read as missing", ", ".join(column.missing[:6])


def _group(found: Finding) -> str:
    return f"{found.severity}-{text(found.code)}"


def _anchor(name: str) -> str:
    """An id for a column's card: letters and digits alone, different for different names."""
    return "c-" + "".join(c if c.isascii() and c.isalnum() else f"_{ord(c):x}_" for c in name)


def _sentence(title: str) -> str:
    return title[:1].upper() + title[1:]
