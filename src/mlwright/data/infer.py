"""From a raw table to its Schema: the kind, rules and role of each column, by evidence.

Used by `sources` once a table is read. Raw columns are as they came: String where a file was text, typed
otherwise. Each column's kind stands with the sentence that says why; all of it can be overruled by name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import polars as pl

from mlwright.base.errors import UnknownName
from mlwright.base.finding import Finding, counted
from mlwright.base.numerals import number_of
from mlwright.base.schema import KINDS, NUMBER_KINDS, Column, Kind, NumberFormat, Schema
from mlwright.base.texts import clean
from mlwright.data import codes
from mlwright.data.codes import finding
from mlwright.data.dates import named_like_a_date
from mlwright.data.decode import decode_series
from mlwright.data.plain import plain_columns
from mlwright.data.text_kind import judge_plain, judge_text
from mlwright.data.texts import counted_texts
from mlwright.data.typed_kind import Judged, judge_typed

MOST_CATEGORIES = 10_000
_FEWEST_SEEN = 5
_MOST_ALIKE = 10
_GROUPED = r"^\s*[+-]?[1-9][0-9]{0,2}(\.[0-9]{3})+\s*$"
_SHARED = frozenset((codes.CONSTANT, codes.ALL_MISSING, codes.MISSING_MARKERS, codes.ROW_COUNTER))


@dataclass(frozen=True)
class Hints:
    """What the user or the source already knows about a table; all of it overrules the evidence."""

    kinds: Mapping[str, str] = field(default_factory=dict)
    """Kinds by column name."""
    missing: Sequence[str] | None = None
    """The texts that mean missing in every column; None: found by evidence."""
    target: str | None = None
    index: str | None = None
    """A leading column that only numbers the rows."""
    spoken_for: frozenset[str] = frozenset()
    """Columns whose role the user named: they are never left out."""
    separator: str = ""
    """The field separator of the file, which says something about decimal commas."""
    number: NumberFormat | None = None
    """How numbers are written in every column; None: found by evidence."""
    dates: tuple[str, ...] = ()
    """strptime forms that are tried first."""
    categorical: frozenset[str] = frozenset()
    """Columns whose type in the source said that they are categories."""


Looked = tuple[Column, pl.Series, list[Finding]]
"""A column's schema, its values, and what was found on the way."""


@dataclass(frozen=True)
class Inferred:
    """A schema, the table decoded by it, and what was found on the way."""

    schema: Schema
    frame: pl.DataFrame
    findings: tuple[Finding, ...]


def infer_schema(raw: pl.DataFrame, hints: Hints | None = None) -> tuple[Schema, tuple[Finding, ...]]:
    """The schema of a raw table, and what was found on the way.

    The only roles it gives are `target`, `id` and `ignored` (constant or empty columns). Raises `UnknownName`
    for a kind or column that does not exist.

    >>> schema, _ = infer_schema(pl.DataFrame({"age": ["41", "NA", "7"], "vip": ["yes", "no", "yes"]}))
    >>> [(c.kind, c.missing) for c in schema.columns]
    [('numeric', ('NA',)), ('boolean', ())]
    """
    inferred = infer_table(raw, hints)
    return inferred.schema, inferred.findings


def infer_table(raw: pl.DataFrame, hints: Hints | None = None) -> Inferred:
    """As `infer_schema`, with the decoded table, which inference needs anyway."""
    hints = hints or Hints()
    for name, kind in hints.kinds.items():
        if name not in raw.columns:
            raise UnknownName("column", name, raw.columns)
        if kind not in KINDS:
            raise UnknownName("kind", kind, KINDS)
    columns, values, findings = [], [], []
    plain = _plain_columns(raw, hints)
    for series in raw.get_columns():
        column, decoded, found = plain.get(series.name) or _infer_column(series, hints)
        columns.append(column)
        values.append(decoded)
        findings.extend(found)
    if hints.number is None and any(c.number.decimal == "," for c in columns):
        again = replace(hints, number=NumberFormat(decimal=",", thousands="."))
        for i in (i for i, c in enumerate(columns) if _all_grouped(raw.to_series(i), c)):
            columns[i], values[i], _ = _infer_column(raw.to_series(i), again)
            evidence = "its points separate thousands, since other columns have decimal commas"
            findings.append(finding(codes.NUMBER_FORMAT, evidence, column=columns[i].name))
    return Inferred(Schema(columns=tuple(columns)), pl.DataFrame(values), gathered(findings))


def gathered(findings: list[Finding]) -> tuple[Finding, ...]:
    """The findings, those that many columns share as one."""
    by_code = Counter(f.code for f in findings if f.code in _SHARED and f.column)
    many = {code for code, count in by_code.items() if count > _MOST_ALIKE}
    out = [f for f in findings if f.code not in many]
    for code in sorted(many):
        names = [f.column for f in findings if f.code == code]
        first = ", ".join(map(repr, names[:5]))
        out.append(finding(code, f"{len(names)} columns: {first} and {len(names) - 5} more"))
    return tuple(out)


def _all_grouped(raw: pl.Series, column: Column) -> bool:
    """Whether a column of numbers has points, each of them before three digits: `1.000`, never `1.5`."""
    if column.kind != "numeric" or column.number != NumberFormat() or raw.dtype != pl.String:
        return False
    pointed = raw.filter(raw.str.contains(".", literal=True))
    return len(pointed) > 0 and bool(pointed.str.contains(_GROUPED).all())


def _plain_columns(raw: pl.DataFrame, hints: Hints) -> dict[str, Looked]:
    """The columns of amounts in plain numbers of which nothing is said beforehand, as `_infer_column` has
    them."""
    if hints.missing is not None or hints.number is not None:
        return {}
    told = {*hints.kinds, *hints.categorical, hints.target}
    texts = [s.name for s in raw.get_columns() if s.dtype == pl.String and s.name not in told]
    looked: dict[str, Looked] = {}
    for name, plain in plain_columns(raw, [n for n in texts if not named_like_a_date(n)]):
        judged = judge_plain(name, plain)
        if judged.column.kind == "numeric":
            column, more = _with_role(_with_range(judged.column, plain.values), plain.values, hints)
            looked[name] = column, plain.values, [*judged.findings, *more]
    return looked


def _infer_column(raw: pl.Series, hints: Hints) -> Looked:
    """One column of the schema with its range or categories, its values, and what was found on the way."""
    judged = judge(raw, hints)
    column = judged.column
    found = list(judged.findings)
    values, problems = decode_series(raw, column, text=True)
    if problems:
        found.append(
            finding(
                codes.REFUSED_VALUES,
                f"{len(problems):,} of {counted(len(raw), 'row')}: {problems[0].reason}",
                column=column.name,
                rows=[p.row for p in problems],
                remedy="mend the values, or give the column another kind",
                severity="issue",
            )
        )
    column, more = _with_role(_with_range(column, values), values, hints)
    return column, values, found + more


def judge(raw: pl.Series, hints: Hints) -> Judged:
    """The kind and the reading rules of one raw column, without its range or role."""
    forced = _kind(hints.kinds.get(raw.name))
    if forced is None and raw.name in hints.categorical and raw.name != hints.target:
        forced = "categorical"
    if raw.dtype == pl.String:
        return judge_text(
            raw,
            forced=forced,
            target=raw.name == hints.target,
            declared=None if hints.missing is None else tuple(clean(m) for m in hints.missing),
            separator=hints.separator,
            number=hints.number,
            dates=hints.dates,
        )
    judged = judge_typed(raw, forced=forced, target=raw.name == hints.target)
    if hints.missing and raw.dtype.is_numeric():
        values = raw.cast(pl.Float64)
        numbers = {m: number_of(clean(m)) for m in hints.missing}
        markers = tuple(m for m, n in numbers.items() if n is not None and (values == n).any())
        return replace(judged, column=_changed(judged.column, missing=markers))
    return judged


def _kind(name: str | None) -> Kind | None:
    return next((k for k in KINDS if k == name), None)


def _with_range(column: Column, values: pl.Series) -> Column:
    if column.kind in NUMBER_KINDS:
        low, high = values.min(), values.max()
        if not isinstance(low, float) or not isinstance(high, float):
            return column
        return _changed(column, minimum=low, maximum=high)
    if column.kind != "categorical":
        return column
    return _changed(column, categories=categories_of(values))


def categories_of(values: pl.Series) -> tuple[str, ...]:
    """Canonical texts seen at least five times, most frequent first (then by text), at most 10,000."""
    return tuple(text for text, _ in counted_texts(values, _FEWEST_SEEN, MOST_CATEGORIES)[1])


def _with_role(column: Column, values: pl.Series, hints: Hints) -> tuple[Column, list[Finding]]:
    name, rows = column.name, len(values)
    if name == hints.target:
        return _changed(column, role="target"), []
    if name in hints.spoken_for:
        return column, []
    missing = values.null_count()
    if name == hints.index and missing < rows:
        found = finding(codes.INDEX_COLUMN, "it counts 0, 1, 2, ... and is not used", column=name)
        why = "it only numbers the rows"
        return _changed(column, kind="id", codes=True, role="ignored", why=why), [found]
    return role_by_values(column, rows, missing, missing == 0 and bool((values == values[0]).all()))


def role_by_values(column: Column, rows: int, missing: int, constant: bool) -> tuple[Column, list[Finding]]:
    """The role that a column's values give it, where neither the user nor the source did.

    `constant` says that all rows hold one value.
    """
    name = column.name
    if missing == rows:
        found = finding(codes.ALL_MISSING, counted(rows, "row"), column=name, remedy="drop the column")
        return _changed(column, role="ignored", why="no value in any row"), [found]
    if constant and rows > 1:
        found = finding(codes.CONSTANT, counted(rows, "row"), column=name, remedy="drop the column")
        return _changed(column, role="ignored", why="one value in all rows"), [found]
    if column.kind == "id":
        remedy = f"kinds={{{name!r}: ...}} if it does say something"
        found = finding(codes.IDENTIFIER, column.why, column=name, remedy=remedy)
        return _changed(column, role="id"), [found]
    return column, []


def _changed(column: Column, **fields: object) -> Column:
    return msgspec.structs.replace(column, **fields)
