"""How things look on a terminal: findings, scores beside the baseline, columns, what to do next.

Each function takes values from `base` and returns something that rich draws. Little colour: bold for
headings, dim for what may be skipped, green for good, yellow for tips, red for issues; all of it readable
without colour.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from mlwright.base import figures
from mlwright.base.comparison import ALIKE, Comparison
from mlwright.base.evaluation import Evaluation, Score
from mlwright.base.finding import UNCHECKED, Finding, Findings
from mlwright.base.profile import Profile
from mlwright.base.schema import Column, Schema
from mlwright.cli.screen import safe
from mlwright.cli.spoken import spoken, typed

INDENT = 2
MOST_CLASSES = 5
MOST_MISTAKES = 8


def title(text: str, aside: str = "") -> RenderableType:
    """The first line of an answer."""
    return Text.assemble((safe(text), "bold"), ("   " + safe(aside) if aside else "", "dim"))


def section(heading: str, *body: RenderableType) -> RenderableType:
    """A heading with its indented body, set apart by an empty line."""
    inside = (b if isinstance(b, Whole) else Padding(b, (0, 0, 0, INDENT), expand=False) for b in body)
    return Group(Text(""), Text(heading, style="bold"), *inside)


@dataclass(frozen=True)
class Whole:
    """Indented lines for people to copy, paths and commands: never broken, however narrow the terminal."""

    lines: tuple[tuple[str, str], ...]
    """Texts and their styles."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for text, style in self.lines:
            yield Segment(" " * INDENT + safe(text), console.get_style(style))
            yield Segment.line()


def written(path: object, aside: str = "") -> RenderableType:
    """The section that says which file was written."""
    return section("Written", Whole(((f"{path}{'   ' if aside else ''}{aside}", "none"),)))


def pairs(rows: Iterable[tuple[str, str]]) -> RenderableType:
    """Names and their values in two columns."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(safe(name), safe(value))
    return grid


def commands(rows: Iterable[tuple[str, str]]) -> RenderableType:
    """Commands to type next, each under what it does."""
    lines = ([(f"# {does}", "dim"), (typed(command), "cyan")] for does, command in rows)
    return Whole(tuple(line for pair in lines for line in pair))


def findings(all_findings: Findings, *, every: bool = False) -> RenderableType:
    """What was found, worst first: columns with the same finding together, each kind with its remedy once.

    Unless `every` is asked for, one line says how many checks passed and which could not look.
    """
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    kinds: dict[tuple[str, str, str], list[Finding]] = {}
    shown = (f for f in all_findings if every or f.status in ("found", "waived"))
    for one in dict.fromkeys(shown):
        kinds.setdefault((one.code, one.title, one.status), []).append(one)
    for same in kinds.values():
        first = same[0]
        found = first.status == "found"
        word = first.severity if found else first.status.replace("_", " ")
        style = {"issue": "red", "tip": "yellow"}[first.severity] if found else "dim"
        grid.add_row(Text(word, style), first.code, _alike(same))
    nothing = Text("nothing found", style="green") if all_findings.items else Text(UNCHECKED, style="yellow")
    parts: list[RenderableType] = [grid if kinds else nothing]
    parts += [
        Text(f"{f.code} {f.evidence}: a fault in mlwright, not in your data; please report it", style="red")
        for f in all_findings.faults
    ]
    quiet = "" if every else _quietly(all_findings)
    return Group(*parts, *([Text(quiet, style="dim")] if quiet else []))


def in_short(all_findings: Findings) -> str:
    """How many issues and tips there are, and of how many kinds where `findings` shows several as one."""
    parts = []
    for severity in ("issue", "tip"):
        some = [f for f in dict.fromkeys(all_findings.found) if f.severity == severity]
        kinds = len({f.code for f in some})
        of_kinds = f" of {figures.counted(kinds, 'kind')}" if kinds < len(some) else ""
        parts.append(figures.counted(len(some), severity) + of_kinds)
    return ", ".join(parts)


def scores(evaluation: Evaluation) -> RenderableType:
    """Every metric with its interval, beside the plain baseline."""
    table = _table("metric", ">model", "95 % interval", ">baseline", "")
    baseline = {s.metric: s for s in evaluation.baseline}
    for number, score in enumerate(evaluation.scores):
        value, interval = figures.score(score)
        plain = baseline.get(score.metric)
        table.add_row(
            Text(safe(score.metric), style="bold" if number == 0 else ""),
            Text(value, style="bold" if number == 0 else ""),
            interval,
            Text(figures.like(plain.value, score) if plain else "-", style="dim"),
            _verdict(score, plain),
        )
    return table


def differences(comparison: Comparison) -> RenderableType:
    """Every metric of two models, and the gain of the second with its interval."""
    table = _table("metric", ">first", ">second", ">gain", "95 % interval", ">p", "")
    for number, pair in enumerate(comparison.pairs):
        gain, style = pair.gain, "bold" if number == 0 else ""
        places = min(figures.places_for(gain.high - gain.low), 4)
        alike = gain.method == ALIKE
        table.add_row(
            Text(safe(gain.metric), style=style),
            figures.like(pair.first.value, pair.first),
            figures.like(pair.second.value, pair.first),
            Text("0" if alike else f"{gain.value:+,.{places}f}", style=style),
            "" if alike else f"{gain.low:+,.{places}f} to {gain.high:+,.{places}f}",
            "" if alike else f"{gain.p_value:.2g}",
            Text(
                "alike" if alike else gain.verdict,
                style={"better": "green", "worse": "red", "unclear": "dim"}[gain.verdict],
            ),
        )
    return table


def quality(evaluation: Evaluation) -> RenderableType:
    """The section of scores, how they came about, and what should keep one from trusting them."""
    body: list[RenderableType] = [scores(evaluation), Text(safe(evaluation.how))]
    if evaluation.default:
        body.append(Text(safe(evaluation.default.said), "dim"))
    if evaluation.selection:
        body.append(Text(safe(evaluation.selection.said), "dim"))
    elif "holdout" in evaluation.how:
        said = "The scores under Tried chose the model and may flatter; those of the holdout chose nothing."
        body.append(Text(said, "dim"))
    if evaluation.doubt:
        body.append(Text(safe(evaluation.doubt), style="yellow"))
    return section("How good", *body)


def confusion(evaluation: Evaluation, classes: Sequence[str], width: int) -> RenderableType:
    """Counts by true class (rows) and predicted class (columns), what is right on the diagonal; where the
    terminal is too narrow for that, the most frequent mistakes."""
    names, counts = [safe(c) for c in classes], evaluation.confusion
    rows = [f"truly {n}" for n in names]
    for corner, before in (("", "predicted "), ("predicted", "")):
        headings = [f"{before}{n}" for n in names]
        cells = [[f"{n:,}" for n in row] for row in counts]
        needed = INDENT + max(map(len, (corner, *rows)))
        needed += sum(2 + max(map(len, column)) for column in zip(headings, *cells, strict=True))
        if len(names) <= MOST_CLASSES and needed <= width:
            table = _table(corner, *(f">{h}" for h in headings))
            for number, (row, shown) in enumerate(zip(rows, cells, strict=True)):
                right = [Text(n, "green" if k == number else "") for k, n in enumerate(shown)]
                table.add_row(Text(row, "dim", no_wrap=True), *right)
            return table
    return _mistakes(rows, names, counts)


def _mistakes(rows: list[str], names: list[str], counts: tuple[tuple[int, ...], ...]) -> RenderableType:
    wrong = [(n, i, k) for i, row in enumerate(counts) for k, n in enumerate(row) if n and i != k]
    right, total = sum(row[i] for i, row in enumerate(counts)), sum(map(sum, counts))
    lines = [Text(f"{right:,} of {total:,} right" + ("; the most frequent mistakes:" if wrong else ""))]
    for n, i, k in sorted(wrong, key=lambda w: -w[0])[:MOST_MISTAKES]:
        lines.append(Text(f"{n:,} of {sum(counts[i]):,} {rows[i]}, predicted {names[k]}"))
    return Group(*lines)


def columns(schema: Schema, profile: Profile | None, *, most: int = 20) -> RenderableType:
    """What a row must hold: each feature with its kind, how often it is missing, and its values."""
    table = _table("column", "kind", ">missing", "values")
    known = {c.name: c for c in profile.columns} if profile else {}
    features = schema.features
    for column in features[:most]:
        seen = known.get(column.name)
        missing = f"{seen.missing / seen.rows:.1%}" if seen and seen.rows and seen.missing else ""
        values = Text(_values(column), style="dim", overflow="ellipsis", no_wrap=True)
        table.add_row(
            Text(safe(column.name), overflow="ellipsis", no_wrap=True), column.kind, missing, values
        )
    more = len(features) - most
    note = (
        [Text(f"and {figures.counted(more, 'more column')} (--all lists them)", style="dim")]
        if more > 0
        else []
    )
    unused = [safe(c.name) for c in schema.columns if c.unused]
    if unused:
        others = f" and {len(unused) - most} more" if len(unused) > most else ""
        note.append(Text(f"not used: {', '.join(unused[:most])}{others}", style="dim"))
    return Group(table, *note)


def _table(*headings: str) -> Table:
    """A table without lines; a heading with `>` in front stands to the right."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for heading in headings:
        right = heading.startswith(">")
        table.add_column(heading.lstrip(">"), justify="right" if right else "left", no_wrap=right)
    return table


def _alike(same: Sequence[Finding], *, most: int = 6) -> Text:
    """Findings of one kind: what it is, where (the first columns with their figures), and what to do."""
    first = same[0]
    if len(same) == 1:
        place = f"{safe(first.column)}: " if first.column else ""
        body = Text.assemble((place, "bold"), safe(first.title))
        if first.evidence:
            body.append(f" ({safe(first.evidence)})")
    else:
        places = figures.counted(len(same), "column") if all(f.column for f in same) else f"{len(same)} times"
        body = Text(f"{safe(first.title)}, {places}")
        for one in same[:most]:
            body.append(f"\n{safe(one.column or 'the whole table')}", "bold")
            body.append(f" ({safe(one.evidence)})" if one.evidence else "")
        if len(same) > most:
            body.append(f"\nand {len(same) - most} more", "dim")
    if first.remedy and first.status == "found":
        body.append(f"\n→ {safe(spoken(first.remedy))}", "dim")
    return body


def _quietly(all_findings: Findings) -> str:
    """How many checks passed, and which could not look: that is never the same."""
    codes: dict[str, set[str]] = {}
    for finding in all_findings:
        codes.setdefault(finding.status, set()).add(finding.code)
    passed = len(codes.get("passed", ()))
    parts = [f"{figures.counted(passed, 'check')} passed"] if passed else []
    for status in ("not_enough_data", "skipped"):
        if status in codes:
            parts.append(f"{status.replace('_', ' ')}: {', '.join(sorted(codes[status]))}")
    return "; ".join(parts)


def _verdict(score: Score, baseline: Score | None) -> Text:
    """Whether the whole interval is on the better side of the baseline."""
    if baseline is None or baseline.value != baseline.value:
        return Text("")
    return {
        "better": Text("better", style="green"),
        "worse": Text("worse", style="red"),
        "unclear": Text("no clear difference", style="yellow"),
    }[score.beside(baseline)]


def _values(column: Column) -> str:
    if column.kind == "boolean":
        return f"{_spelled(column.true, 'true')}; {_spelled(column.false, 'false')}"
    if column.kind == "datetime" and column.minimum is not None and column.maximum is not None:
        return f"{_day(column.minimum)} to {_day(column.maximum)}"
    if column.kind == "numeric" and column.minimum is not None and column.maximum is not None:
        return f"{figures.plain(column.minimum)} to {figures.plain(column.maximum)}"
    if column.categories:
        first = ", ".join(safe(c) for c in column.categories[:5])
        return first + (f" and {len(column.categories) - 5:,} more" if len(column.categories) > 5 else "")
    return ""


def _spelled(spellings: Sequence[str], otherwise: str) -> str:
    return " or ".join(safe(s) for s in spellings[:3]) or otherwise


def _day(seconds: float) -> str:
    try:
        return dt.datetime.fromtimestamp(seconds, dt.UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):
        return "?"
