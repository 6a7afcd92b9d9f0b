"""Checks that hold a table to a schema: its columns, rules and types, what was never seen: MLW501 to MLW509.

Called by `lifecycle.check` where it is given something to check against. A broken rule is a fact; what was
never seen before matters only where chance does not explain it, which each check works out.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

import polars as pl

from mlwright.base.errors import RowProblem, nearest
from mlwright.base.finding import counted
from mlwright.base.profile import ColumnProfile
from mlwright.base.schema import Column
from mlwright.base.texts import clean
from mlwright.checks.held import Held
from mlwright.checks.outcome import MOST_ROWS, Check, CouldNotLook, Seen, percent
from mlwright.data.missing import KNOWN
from mlwright.statistics.intervals import wilson

UNLIKELY = 0.05
"""The chance of any finding of one check where both tables come from one source."""
RARE = 5
"""Categories seen fewer times are not named in a profile."""
LISTED = 1_000
"""Nor are those beyond this many."""
_ONLY_RULES = "it is not known what was seen: a schema by itself says only what is allowed"
_NAMED = 20
_MOST_OF_IT = 0.5


def missing_columns(held: Held) -> Iterator[Seen]:
    """MLW501."""
    for column in held.absent:
        if column.optional:
            continue
        near = nearest(column.name, held.added)
        meant = f"; {near!r} is there, which the schema does not know" if near else ""
        remedy = "Give the column, or make it optional in the schema where it may be absent."
        yield Seen(
            f"{column.kind}, {column.role}{meant}",
            f"Rename {near!r} to {column.name!r} if that is what it is." if near else remedy,
            column.name,
        )


def added_columns(held: Held) -> Iterator[Seen]:
    """MLW502."""
    if held.added:
        names = ", ".join(map(repr, held.added[:_NAMED]))
        more = f" and {len(held.added) - _NAMED} more" if len(held.added) > _NAMED else ""
        yield Seen(
            f"{counted(len(held.added), 'column')}: {names}{more}",
            "Nothing need be done; to use them, train anew.",
        )


def broken_rules(held: Held) -> Iterator[Seen]:
    """MLW503."""
    changed = set(_changed(held))
    for column in held.columns:
        problems = [*held.broken.get(column.name, ())]
        problems += [] if column.name in changed else held.unread.get(column.name, [])
        by_reason: dict[tuple[str, str], list[RowProblem]] = {}
        for p in problems:
            by_reason.setdefault((p.reason, p.expected), []).append(p)
        for (reason, expected), same in sorted(by_reason.items(), key=lambda g: -len(g[1])):
            yield Seen(
                f"{reason} in {_of(len(same), held)}; expected {expected}",
                _mend(held, column, same),
                column.name,
                tuple(sorted(p.row for p in same)[:MOST_ROWS]),
            )


def newly_missing(held: Held) -> Iterator[Seen]:
    """MLW504."""
    full = [(c, p) for c, p in _profiled(held) if p.missing == 0 and p.rows and c.nullable]
    need_chance(held, [p.rows for _, p in full], "no column without a missing value to compare with")
    for column, seen in full:
        refused = {p.row for p in (*held.unread.get(column.name, ()), *held.broken.get(column.name, ()))}
        rows = [r for r in held.rows(held.values(column.name).is_null()) if r not in refused]
        if rows and chance(len(rows), len(held.comparable), seen.rows) < UNLIKELY / len(full):
            yield Seen(
                f"missing in {_of(len(rows), held)}; in none of {seen.rows:,} before",
                "Look for what changed where the column comes from.",
                column.name,
                tuple(rows[:MOST_ROWS]),
            )


def changed_types(held: Held) -> Iterator[Seen]:
    """MLW505."""
    for name, said in _changed(held).items():
        yield Seen(
            said,
            "Give the column its type back; if values are only written otherwise, say how (decimals, dates).",
            name,
        )


def widened_types(held: Held) -> Iterator[Seen]:
    """MLW506."""
    changed = _changed(held)
    compared = [(c, p) for c, p in _profiled(held) if c.name not in changed]
    if not compared:
        raise CouldNotLook("not_applicable", _ONLY_RULES)
    for column, seen in compared:
        if column.kind == "numeric" and seen.whole:
            rows = held.rows((held.values(column.name) % 1) != 0)
            before = seen.rows - seen.missing
            if rows and chance(len(rows), len(held.comparable), before) < UNLIKELY / len(compared):
                yield Seen(
                    f"whole numbers before, fractions in {_of(len(rows), held)} now",
                    "Nothing need be done where that is meant: fractions are accepted.",
                    column.name,
                    tuple(rows[:MOST_ROWS]),
                )
        elif column.kind == "categorical" and _is_text(held, column):
            yield Seen(
                "categories before, free text now",
                "Nothing need be done where that is meant; to a model every unknown text is the same.",
                column.name,
            )


def outside_range(held: Held) -> Iterator[Seen]:
    """MLW507."""
    ranged = [(c, p) for c, p in _profiled(held) if p.quantiles and c.kind in ("numeric", "datetime")]
    need_chance(held, [p.rows - p.missing for _, p in ranged], "no numbers or dates to compare with")
    for column, seen in ranged:
        values = held.values(column.name)
        present = len(values) - values.null_count()
        parts, rows = [], []
        for side, wrong in (("under", values < seen.quantiles[0]), ("over", values > seen.quantiles[-1])):
            found = held.rows(wrong)
            if found and chance(len(found), present, seen.rows - seen.missing) < UNLIKELY / (2 * len(ranged)):
                parts.append(f"{side} it in {_of(len(found), held)}")
                rows += found
        if parts:
            yield Seen(
                " and ".join(parts),
                "A model has not learnt what lies there. Make sure of the unit, or train anew.",
                column.name,
                tuple(sorted(rows)[:MOST_ROWS]),
            )


def unseen_categories(held: Held) -> Iterator[Seen]:
    """MLW508."""
    changed = _changed(held)
    listed = [(c, p) for c, p in _profiled(held) if c.kind == "categorical" and p.counts]
    listed = [(c, p) for c, p in listed if c.name not in changed]
    need_chance(held, [p.rows - p.missing for _, p in listed], "no categories to compare with")
    for column, seen in listed:
        values = held.values(column.name)
        unknown = values.filter(~values.is_in([text for text, _ in seen.counts])).drop_nulls()
        if unknown.is_empty() or _is_text(held, column):
            continue
        before, present = seen.rows - seen.missing, len(values) - values.null_count()
        counts = unknown.alias("text").value_counts(name="count")
        often = [
            text
            for text, count in counts.iter_rows()
            if unlisted(count, present, before, _most_unlisted(seen)) < UNLIKELY / (len(listed) * len(counts))
        ]
        if often:
            rows = held.rows(values.is_in(often))
            yield Seen(
                f"{counted(len(often), 'category', 'categories')} not known before in {_of(len(rows), held)}",
                "A model takes them as unknown. Look for another spelling, or train anew.",
                column.name,
                tuple(rows[:MOST_ROWS]),
            )


def repeated_values(held: Held) -> Iterator[Seen]:
    """MLW509."""
    unique = [c for c in held.new.schema.columns if c.unique]
    if not unique:
        raise CouldNotLook("not_applicable", "no column of the table has to be unique")
    for column in unique:
        values = held.new.frame[column.name]
        rows = repeats(values)
        if rows:
            yield Seen(
                f"an earlier row has the value of {_of(len(rows), held)}",
                "Make sure that no row came twice; leave out the repeats.",
                column.name,
                tuple(rows[:MOST_ROWS]),
            )


def repeats(values: pl.Series) -> list[int]:
    """The rows whose value stands in an earlier row; missing values do not count.

    >>> repeats(pl.Series(["a", None, "b", "a", None]))
    [3]
    """
    return (~values.is_first_distinct() & values.is_not_null()).arg_true().to_list()


def chance(count: int, rows: int, before: int) -> float:
    """The chance that all of `count` odd rows are among `rows` new ones and none among `before` others.

    Were the tables one, shuffled, each odd row could stand anywhere (an end of Fisher's exact test). So could
    the rows with the largest values, whatever their distribution.

    >>> round(chance(1, 10, 90), 4), round(chance(3, 100, 100), 4)
    (0.1, 0.1231)
    """
    whole, log = before + rows, math.lgamma
    return math.exp(log(rows + 1) - log(rows - count + 1) + log(whole - count + 1) - log(whole + 1))


def unlisted(count: int, rows: int, before: int, most: int) -> float:
    """The chance that a category with `count` of the new rows stands in `most` or fewer of those before.

    The worst case: as many as `most` did. Dealt anew, its rows would fall by the hypergeometric distribution.

    >>> unlisted(5, 10, 90, 0) == chance(5, 10, 90), round(unlisted(12, 100, 100, 4), 3)
    (True, 0.033)
    """
    if most == 0:
        return chance(count, rows, before)
    from scipy.stats import hypergeom

    return float(hypergeom.cdf(most, rows + before, before, count + most))


def need_chance(held: Held, before: Iterable[int], otherwise: str) -> None:
    """Raises `CouldNotLook` where nothing can be compared, or no row count could convince."""
    known = [b for b in before if b > 0]
    if held.reference.profile is None:
        raise CouldNotLook("not_applicable", _ONLY_RULES)
    if not known:
        raise CouldNotLook("not_applicable", otherwise)
    if all(chance(len(held), len(held), b) >= UNLIKELY / (2 * len(known)) for b in known):
        raise CouldNotLook(
            "not_enough_data", f"{counted(len(held), 'row')}: whatever they hold may be chance"
        )


def _most_unlisted(seen: ColumnProfile) -> int:
    """In how many rows a category may have been that the profile does not name."""
    if not seen.other:
        return 0
    return seen.counts[-1][1] if len(seen.counts) >= LISTED else RARE - 1


def _mend(held: Held, column: Column, problems: list[RowProblem]) -> str:
    """What to do about refused values: they may be marks of a missing one that the schema does not know."""
    texts = {clean(str(held.raw[column.name][p.row])) for p in problems[:1_000]}
    marks = KNOWN.union(*(c.missing for c in held.new.schema.columns))
    if texts and {t.lower() for t in texts} <= {m.lower() for m in marks}:
        named = ", ".join(map(repr, sorted(texts)))
        return f"They look like marks of a missing value: say so with missing=({named},), or in the schema."
    if column.name in {c.name for c in held.reference.schema.features}:
        return "Mend the values; a served model refuses such rows."
    return "Mend the values; a model is not given this column, so predictions go on without it."


def _profiled(held: Held) -> list[tuple[Column, ColumnProfile]]:
    """The columns in use beside what was seen of them before."""
    pairs = ((c, held.reference.seen(c.name)) for c in held.columns if c.kind != "id")
    return [(c, p) for c, p in pairs if p is not None]


def _changed(held: Held) -> dict[str, str]:
    """The columns of another type, and why: most values are unreadable, or numbers stand for words."""
    out: dict[str, str] = {}
    for column in held.columns:
        raw = held.raw[column.name]
        present = len(raw) - raw.null_count()
        unread = held.unread.get(column.name, [])
        if wilson(len(unread), present).low > _MOST_OF_IT:
            reason = Counter(p.reason for p in unread).most_common(1)[0][0]
            out[column.name] = f"{column.kind} before; now {reason} in {_of(len(unread), held)}"
        elif column.kind == "categorical" and _are_numbers_for_words(held, column):
            out[column.name] = f"words before, {held.own(column.name).kind} values now"
    return out


def _are_numbers_for_words(held: Held, column: Column) -> bool:
    """Whether none of the column's words is left, and what is there instead are numbers or dates."""
    words = column.allowed or column.categories
    values = held.new.frame[column.name].drop_nulls()
    if not words or values.is_empty() or values.is_in(list(words)).any():
        return False
    if any(text[:1].isdigit() or text[:1] in "+-." for text in words):
        return False
    share = wilson(len(values), len(values))
    return share.low > _MOST_OF_IT and held.own(column.name).kind in ("numeric", "datetime")


def _is_text(held: Held, column: Column) -> bool:
    """Whether a column of categories holds free text now, few of it known."""
    values = held.new.frame[column.name].drop_nulls()
    unknown = len(values) - int(values.is_in(list(column.categories)).sum())
    if wilson(unknown, len(values)).low <= _MOST_OF_IT:
        return False
    return held.own(column.name).kind == "text"


def _of(count: int, held: Held) -> str:
    return f"{counted(count, 'row')}, {percent(wilson(count, len(held)))}"


CHECKS: Final[tuple[Check[Held], ...]] = (
    Check(
        "MLW501",
        "a column is missing",
        "issue",
        missing_columns,
        "Every column that the schema names has to be there, unless it is optional; against a model, those "
        "that it is given. The target may be absent.",
    ),
    Check(
        "MLW502",
        "columns were added; they are ignored",
        "tip",
        added_columns,
        "Columns that the schema does not name.",
    ),
    Check(
        "MLW503",
        "values break the schema",
        "issue",
        broken_rules,
        "Values that the column's kind cannot hold, and those that its rules refuse (least, most, allowed, "
        "pattern, nullable), counted by reason, with Wilson's interval of their share.",
    ),
    Check(
        "MLW504",
        "values are missing where none were",
        "tip",
        newly_missing,
        "Found where rows drawn from one source would fall so with a chance under 5 % over all columns "
        "(Fisher's exact test).",
        "Fisher (1935), The Design of Experiments",
    ),
    Check(
        "MLW505",
        "a column has another type",
        "issue",
        changed_types,
        "Found where more than half of its values cannot be read as the schema's kind (the 95 % interval is "
        "above a half), or where numbers or dates stand in place of all its words.",
    ),
    Check(
        "MLW506",
        "a column has a wider type, which is accepted",
        "tip",
        widened_types,
        "Whole numbers that became fractions, by the test of MLW504; categories that became free text, more "
        "than half of it unknown.",
    ),
    Check(
        "MLW507",
        "values lie outside the range seen",
        "tip",
        outside_range,
        "Found where more lie beyond the least or the greatest value seen than would from one source: a "
        "matter of ranks, whatever the distribution. The test of MLW504, on each side.",
        "Fisher (1935), The Design of Experiments",
    ),
    Check(
        "MLW508",
        "categories that were never seen",
        "tip",
        unseen_categories,
        "Found where a category has so many rows that it would not have been unknown before (or rarer than "
        "five rows) by chance: the hypergeometric distribution, at 5 % over all new categories and columns.",
        "Fisher (1935), The Design of Experiments",
    ),
    Check(
        "MLW509",
        "a value that must be unique stands in several rows",
        "issue",
        repeated_values,
        "Every value of a column that is unique by the schema stands in one row; missing ones do not count.",
    ),
)
