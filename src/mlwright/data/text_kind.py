"""The kind of a column of texts: number, date, truth value, category, free text or identifier, by evidence.

Used by inference for files and for string columns of frames. All evidence is taken over the distinct texts
with their counts, never over a sample alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import msgspec
import polars as pl

from mlwright.base.finding import Finding, counted
from mlwright.base.schema import Column, Kind, NumberFormat
from mlwright.data import codes, missing
from mlwright.data.codes import finding
from mlwright.data.dates import DateForm, date_form, looks_dated, named_like_a_date
from mlwright.data.marks import currencies_of, with_unit
from mlwright.data.missing import beside_numbers
from mlwright.data.named import names_an_identifier
from mlwright.data.numbers import Written, numbers_in, written
from mlwright.data.plain import PlainNumbers
from mlwright.data.texts import Distinct
from mlwright.data.typed_kind import Judged, Numbers, judge_numbers

BOOLEANS: tuple[tuple[str, str], ...] = (
    ("yes", "no"),
    ("true", "false"),
    ("y", "n"),
    ("t", "f"),
    ("on", "off"),
)
_MOST_ODD_TEXTS = 5
_ODD_SHARE = 0.1
_WORDS_OF_TEXT = 3.5
_FEWEST_ROWS = 20
_BLANKS = re.compile(r"[^\S\x1c-\x1f]+")
r"""`\s+` as Polars has it: without the separators of teletypes."""


@dataclass(frozen=True)
class _Evidence:
    name: str
    distinct: Distinct
    """Without the markers."""
    markers: tuple[str, ...]
    raw: pl.Series
    """The cleaned texts, row by row."""
    target: bool
    dates: tuple[str, ...]
    found: tuple[Finding, ...] = ()


def judge_text(
    raw: pl.Series,
    *,
    forced: Kind | None = None,
    target: bool = False,
    declared: tuple[str, ...] | None = None,
    separator: str = "",
    number: NumberFormat | None = None,
    dates: tuple[str, ...] = (),
) -> Judged:
    """The kind of a String column and the rules to read it by.

    >>> judge_text(pl.Series("zip", ["07302", "10001", "07302"])).column.kind
    'categorical'
    """
    raw, distinct = Distinct.of(raw)
    if declared is None:
        markers = tuple(missing.known_markers(distinct))
    else:
        markers = tuple(m for m in declared if m and m in distinct.texts)
    evidence = _Evidence(raw.name, distinct.without(markers), markers, raw, target, dates)
    way = written(evidence.distinct.texts, separator, number)
    if forced is not None:
        return _forced(evidence, forced, way)
    if len(evidence.distinct) == 0:
        return Judged(Column(name=raw.name, kind="categorical", missing=markers, why="no value in any row"))
    return (
        _boolean(evidence)
        or _compact_date(evidence)
        or _numeric(evidence, way)
        or _datetime(evidence)
        or _wordy(evidence)
    )


def judge_plain(name: str, plain: PlainNumbers) -> Judged:
    """What `judge_text` says of a column of plain numbers."""
    values = plain.values
    missing = values.null_count()
    present = values.drop_nulls() if missing else values
    judged = judge_numbers(Numbers(name, present, len(present), missing, lambda: present))
    column = msgspec.structs.replace(judged.column, missing=plain.markers, number=NumberFormat())
    return Judged(column, (*_marked_missing(name, plain.markers, missing, len(values)), *judged.findings))


def _said(e: _Evidence, *more: Finding) -> tuple[Finding, ...]:
    return (*_marked_missing(e.name, e.markers, e.distinct.missing, e.distinct.rows), *more)


def _marked_missing(name: str, markers: tuple[str, ...], count: int, rows: int) -> tuple[Finding, ...]:
    if not markers:
        return ()
    shown = ", ".join(f"`{m}`" for m in markers)
    return (
        finding(codes.MISSING_MARKERS, f"{shown}; {count:,} of {counted(rows, 'row')} missing", column=name),
    )


def _boolean(e: _Evidence) -> Judged | None:
    """Yes and no in one of their spellings; the labels of a target stay as they are written."""
    if len(e.distinct) > 6 or e.target:
        return None
    seen = {t.lower() for t in e.distinct.texts.to_list()}
    for true, false in BOOLEANS:
        if seen == {true, false}:
            column = Column(
                name=e.name,
                kind="boolean",
                missing=e.markers,
                true=(true,),
                false=(false,),
                why=f"its values are {true} and {false}",
            )
            return Judged(column, _said(e))
    return None


def _numeric(e: _Evidence, way: Written) -> Judged | None:
    """Numbers, but for a few texts that say that there is none."""
    if way.values.null_count() == len(way.values):
        return None
    is_number = way.values.is_not_null()
    others = e.distinct.where(~is_number)
    numbers = e.distinct.where(is_number)
    if e.target and way.number.marked and len(numbers) <= _FEWEST_ROWS:
        return None  # a few labels such as `5%` stay as they are written
    odd = [t for t, _ in others.pairs()] if len(others) <= _MOST_ODD_TEXTS else None
    if odd is None or not _may_be_missing(others, numbers):
        return None
    padded = numbers.texts.filter(numbers.texts.str.contains(r"^[+-]?0[0-9]"))
    if len(padded) and not way.number.marked and not numbers.texts.str.contains(r"[.,]").any():
        return None  # 07302 is a code: its zeros mean something
    found: list[Finding] = []
    if odd:
        rows = e.raw.is_in(odd).fill_null(False).arg_true().to_list()
        found.append(
            finding(
                codes.ODD_TEXTS,
                f"{counted(len(odd), 'text')} in {others.present:,} of {counted(e.distinct.rows, 'row')}",
                column=e.name,
                rows=rows,
                remedy=f"kinds={{{e.name!r}: 'categorical'}} if they mean something",
            )
        )
    found += _how_written(e.name, way)
    if e.target or len(padded) or way.number.marked:
        judged = Judged(Column(name=e.name, kind="numeric", why="all values are numbers"))
    else:
        values = way.values.drop_nulls()
        missing = e.distinct.rows - numbers.present
        judged = judge_numbers(
            Numbers(e.name, values, numbers.present, missing, lambda: numbers_in(e.raw, way.number))
        )
    column = msgspec.structs.replace(judged.column, missing=(*e.markers, *sorted(odd)), number=way.number)
    return Judged(column, _said(e, *found, *judged.findings))


def _how_written(name: str, way: Written) -> list[Finding]:
    """What is said of the separators and of the signs beside numbers."""
    found = []
    number = way.number
    if way.ambiguous:
        mark = "point" if number.thousands == "." else "comma"
        use = "a thousands separator" if number.thousands else "a decimal mark"
        remedy = "say decimal= or thousands= when reading"
        found.append(finding(codes.NUMBER_FORMAT, f"the {mark} is read as {use}", column=name, remedy=remedy))
    if number.marked:
        signs = " or ".join(f"`{s}`" for s in number.symbols)
        evidence = (
            "`12%` is read as 0.12" if number.percent else f"{signs} before or after a number is left out"
        )
        if number.units:
            own, others = number.units[0][0], [u for u, factor in number.units if factor != 1.0]
            evidence = f"the numbers are in `{own}`" + (
                f"; those in {', '.join(f'`{u}`' for u in others)} were converted" if others else ""
            )
        evidence += ", a number in brackets is negative" if number.accounting else ""
        remedy = f"kinds={{{name!r}: 'categorical'}} if they are labels"
        found.append(finding(codes.MARKED_NUMBERS, evidence, column=name, remedy=remedy))
    return found


def _may_be_missing(others: Distinct, numbers: Distinct) -> bool:
    """Whether the texts among the numbers are few enough, and unlike values, to count as missing."""
    if not len(others):
        return True
    total = others.present + numbers.present
    for text, count in others.pairs():
        spoken_for = beside_numbers(text)
        like_a_value = any(c.isdigit() for c in text)
        if not spoken_for and (
            count > (0.01 if like_a_value else _ODD_SHARE) * total or total < _FEWEST_ROWS
        ):
            return False
    return others.present <= total / 2


def _datetime(e: _Evidence) -> Judged | None:
    """Dates in one form, but for a few texts that say that there is none."""
    sample = e.distinct.sample(60)
    if not (e.dates or looks_dated(sample)):
        return None
    texts = _in_row_order(e)
    form = date_form(texts, e.name, e.dates)
    odd: list[str] = []
    if form is None:
        odd = _undated(texts, e)
        if not odd:
            return None
        form = date_form([t for t in texts if t not in odd], e.name, e.dates)
    if form is None:
        return None
    found = [_ambiguity(e, form)] if form.other else []
    if odd:
        rows = e.raw.is_in(odd).fill_null(False).arg_true().to_list()
        evidence = f"{counted(len(odd), 'text')} in {len(rows):,} of {counted(e.distinct.rows, 'row')}"
        found.append(finding(codes.ODD_TEXTS, evidence, column=e.name, rows=rows))
    how = form.formats[0] if form.formats else "ISO 8601"
    if ":" in texts[0] and not re.search(r"(Z|[+-]\d\d:?\d\d)$", texts[0]):
        how += ", without a zone: taken as UTC"
    column = Column(
        name=e.name,
        kind="datetime",
        missing=(*e.markers, *sorted(odd)),
        formats=form.formats,
        why=f"all values are dates, written {how}",
    )
    return Judged(column, _said(e, *found))


def _compact_date(e: _Evidence) -> Judged | None:
    """20231231 under a name that speaks of a date; under any other name it is a number."""
    if not named_like_a_date(e.name) or not e.distinct.texts.str.contains(r"^[12][0-9]{7}([0-9]{6})?$").all():
        return None
    form = date_form(_in_row_order(e), e.name)
    if form is None:
        return None
    why = f"all values are dates, written {form.formats[0]}"
    column = Column(name=e.name, kind="datetime", missing=e.markers, formats=form.formats, why=why)
    return Judged(column, _said(e))


def _in_row_order(e: _Evidence) -> list[str]:
    rows = e.raw.unique(maintain_order=True)
    return rows.filter(rows.is_in(e.distinct.texts.implode())).to_list()


def _undated(texts: list[str], e: _Evidence) -> list[str]:
    """Up to five texts without a digit among dates: they say that there is none."""
    odd = [t for t in texts if not any(c.isdigit() for c in t)]
    rows = sum(n for t, n in e.distinct.pairs() if t in odd) if len(odd) <= _MOST_ODD_TEXTS else 0
    return odd if 0 < rows <= e.distinct.present / 2 else []


def _ambiguity(e: _Evidence, form: DateForm) -> Finding:
    reason = "the rows are then in order of time" if form.by_order else "nothing in the values decides"
    return finding(
        codes.DAY_OR_MONTH,
        f"read as {form.formats[0]}, not {form.other}: {reason}",
        column=e.name,
        remedy=f"name the form: dates=({form.other!r},)",
        severity="tip" if form.by_order else "issue",
    )


def _wordy(e: _Evidence) -> Judged:
    """Categories, free text, or identifiers."""
    e = _without_kept_codes(e)
    rows, distinct = e.distinct.present, len(e.distinct)
    words = _mean_words(e.distinct)
    share = distinct / rows
    found = list(_said(e, *e.found))
    kind: Kind = "categorical"
    why = f"{counted(distinct, 'different text')} in {counted(rows, 'row')}"
    if e.target:
        pass_through = Column(name=e.name, kind="categorical", missing=e.markers, why=why)
        return Judged(pass_through, tuple(found))
    wordy = words >= _WORDS_OF_TEXT and ((share >= 0.3 and distinct >= _FEWEST_ROWS) or distinct > 1_000)
    varied = words >= 2.5 and share >= (0.3 if distinct > 1_000 else 0.9) and rows >= _FEWEST_ROWS
    if wordy or (varied and e.distinct.texts.str.len_chars().sum() >= 12 * distinct):
        kind, why = (
            "text",
            f"{words:.1f} words on average, {counted(distinct, 'different text')} in {counted(rows, 'row')}",
        )
    elif share == 1.0 and rows >= _FEWEST_ROWS and words < 1.5:
        kind, why = "id", f"{distinct:,} short texts, all different"
    elif share >= 0.9 and rows >= _FEWEST_ROWS and words < 1.5 and names_an_identifier(e.name):
        kind, why = "id", f"named an id, {counted(distinct, 'different text')} in {counted(rows, 'row')}"
    found += _units(e, kind, why)
    return Judged(Column(name=e.name, kind=kind, missing=e.markers, why=why), tuple(found))


def _units(e: _Evidence, kind: Kind, why: str) -> list[Finding]:
    """Said of texts that would be numbers but for their units."""
    currencies = currencies_of(e.distinct.texts) if kind != "text" else []
    if len(currencies) > 1:
        why = f"several currencies: {', '.join(f'`{c}`' for c in currencies[:5])}"
        remedy = "bring them into one currency, or the currency into a column of its own"
    elif kind == "categorical" and len(e.distinct) > _FEWEST_ROWS and with_unit(e.distinct.sample(100)):
        remedy = "take the unit out, so that they count as numbers"
    else:
        return []
    return [finding(codes.NUMBER_WITH_UNIT, why, column=e.name, remedy=remedy)]


def _without_kept_codes(e: _Evidence) -> _Evidence:
    """`NA` beside other two-letter codes is one of them."""
    if not e.markers:
        return e
    others = e.distinct.texts.head(300).to_list()
    kept = [m for m in e.markers if missing.is_code_beside(m, others)]
    if not kept:
        return e
    markers = tuple(m for m in e.markers if m not in kept)
    note = finding(
        codes.MARKER_KEPT,
        f"{', '.join(f'`{m}`' for m in kept)} beside other codes of two letters",
        column=e.name,
        remedy="declare it missing if it is not a code",
    )
    return replace(e, markers=markers, distinct=Distinct.of(e.raw)[1].without(markers), found=(note,))


def _mean_words(distinct: Distinct) -> float:
    if distinct.is_small:
        total = sum(n * len(_BLANKS.findall(text)) for text, n in distinct.pairs())
        return float(total) / max(1, distinct.present) + 1.0
    blanks = distinct.texts.str.count_matches(r"\s+")
    return float((blanks * distinct.counts).sum()) / max(1, distinct.present) + 1.0


def _forced(e: _Evidence, kind: Kind, way: Written) -> Judged:
    """The rules for reading a column whose kind the user named."""
    column = Column(name=e.name, kind=kind, missing=e.markers, why="named by the user")
    if kind == "numeric":
        others = e.distinct.where(way.values.is_null())
        odd = [t for t, _ in others.pairs() if beside_numbers(t)]
        column = msgspec.structs.replace(column, missing=(*e.markers, *sorted(odd)), number=way.number)
    elif kind == "boolean":
        column = _forced_boolean(column, e)
    elif kind == "datetime":
        form = date_form(_in_row_order(e), e.name, e.dates)
        formats = form.formats if form else e.dates
        column = msgspec.structs.replace(column, formats=formats)
        if form and form.other:
            return Judged(column, _said(e, _ambiguity(e, form)))
    elif kind == "categorical":
        plain = written(e.distinct.texts.filter(~e.distinct.texts.str.contains(r"^[+-]?0[0-9]")))
        whole = len(plain.values) == len(e.distinct) and plain.values.null_count() == 0
        column = msgspec.structs.replace(column, codes=whole and plain.number == NumberFormat())
    return Judged(column, _said(e))


def _forced_boolean(column: Column, e: _Evidence) -> Column:
    """Any two spellings will do; of unknown ones the later in the alphabet is true, as with 0 and 1."""
    seen = sorted({t.lower() for t in e.distinct.texts.to_list()})
    for true, false in BOOLEANS:
        if set(seen) <= {true, false}:
            return msgspec.structs.replace(column, true=(true,), false=(false,))
    if len(seen) == 2 and seen != ["0", "1"]:
        return msgspec.structs.replace(column, false=(seen[0],), true=(seen[1],))
    return column
