"""What a column allows beyond its kind: a range, a list of texts, a pattern; and what no column can ask for.

`decoding` refuses by it value by value; ways in that decode whole columns at once ask it for the same words;
whoever opens a schema asks it whether the rules can be. A missing value breaks none of them.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Callable, Iterator

from mlwright.base.errors import Misuse, shown
from mlwright.base.pattern import pattern_of
from mlwright.base.schema import NUMBER_KINDS, Column

Broken = tuple[str, str]
"""The reason, and what was expected."""
_NAMED = 3
_RANGED = ("numeric", "datetime")


def breach(column: Column) -> Callable[[float | str], Broken | None] | None:
    """A function from a decoded value to what it breaks, if anything; None where the column allows all.

    >>> percent = breach(Column(name="share", kind="numeric", least=0, most=100))
    >>> percent(7.0), percent(-1.0)
    (None, ('under what is allowed', 'a number from 0 to 100'))
    """
    if column.kind in NUMBER_KINDS:
        return _in_range(column) if column.least is not None or column.most is not None else None
    if column.allowed or column.pattern:
        return _of_text(column)
    return None


def _in_range(column: Column) -> Callable[[float | str], Broken | None]:
    least = -math.inf if column.least is None else column.least
    most = math.inf if column.most is None else column.most
    expected = range_of(column)

    def broken(value: float | str) -> Broken | None:
        assert not isinstance(value, str)
        if value < least:
            return "under what is allowed", expected
        return ("over what is allowed", expected) if value > most else None

    return broken


def _of_text(column: Column) -> Callable[[float | str], Broken | None]:
    allowed = frozenset(column.allowed)
    pattern = pattern_of(column.pattern) if column.pattern else None
    one_of = (f"one of {texts_of(column)}" if len(allowed) > 1 else texts_of(column)) if allowed else ""
    matching = f"text that matches {shown(column.pattern, 60)}" if pattern else ""

    def broken(value: float | str) -> Broken | None:
        assert isinstance(value, str)
        if allowed and value not in allowed:
            return "not one of the texts that are allowed", one_of
        if pattern is not None and not pattern.matches(value):
            return "not of the pattern that is asked for", matching
        return None

    return broken


def range_of(column: Column) -> str:
    """The allowed range in words.

    >>> range_of(Column(name="age", kind="numeric", least=18))
    'a number of at least 18'
    """
    noun = "a time" if column.kind == "datetime" else "a number"
    low, high = (None if v is None else bound(v, column.kind) for v in (column.least, column.most))
    if low is None or high is None:
        return f"{noun} of at most {high}" if low is None else f"{noun} of at least {low}"
    return f"{noun} from {low} to {high}"


def bound(value: float, kind: str) -> str:
    """An end of a range as people write it: a number, or a moment in ISO 8601.

    >>> bound(86400.0, "datetime"), bound(86401.5, "datetime"), bound(0.5, "numeric")
    ('1970-01-02', '1970-01-02T00:00:01.500000Z', '0.5')
    """
    value = float(value)
    if kind != "datetime":
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    try:
        moment = dt.datetime(1970, 1, 1) + dt.timedelta(seconds=value)
    except OverflowError:
        return repr(value)
    return moment.date().isoformat() if value % 86400 == 0 else moment.isoformat() + "Z"


def texts_of(column: Column) -> str:
    """The allowed texts in words, the first of many."""
    first = ", ".join(shown(t) for t in column.allowed[:_NAMED])
    more = len(column.allowed) - _NAMED
    return first + (f" and {more:,} more" if more > 0 else "")


def faults(column: Column) -> Iterator[tuple[str, str]]:
    """Rules that this column cannot have: the field and why.

    >>> list(faults(Column(name="age", kind="numeric", least=9, most=1)))
    [('least', '9 is over most, 1')]
    """
    for field in ("least", "most"):
        value = getattr(column, field)
        if value is None:
            continue
        if column.kind not in _RANGED:
            yield field, f"a {column.kind} column has no range; only numeric and datetime ones have"
        elif not math.isfinite(value):
            yield field, "it is no finite number; leave it out where there is no limit"
    if column.least is not None and column.most is not None and column.least > column.most:
        ends = [bound(v, column.kind) for v in (column.least, column.most)]
        yield "least", f"{ends[0]} is over most, {ends[1]}"
    for name in ("allowed", "pattern"):
        if getattr(column, name) and column.kind in NUMBER_KINDS:
            instead = "; numbers have least and most" if column.kind == "numeric" else ""
            yield name, f"a {column.kind} column holds no texts{instead}"
    yield from _text_faults(column)


def _text_faults(column: Column) -> Iterator[tuple[str, str]]:
    if len(set(column.allowed)) < len(column.allowed):
        twice = Counter(column.allowed).most_common(1)[0][0]
        yield "allowed", f"{shown(twice)} stands in it twice"
    if "" in column.allowed:
        yield "allowed", "the empty text is a missing value; nullable says whether one may be missing"
    if not column.pattern or column.kind in NUMBER_KINDS:
        return
    try:
        pattern = pattern_of(column.pattern)
    except Misuse as wrong:
        yield "pattern", wrong.message
        return
    odd = next((t for t in column.allowed if not pattern.matches(t)), None)
    if odd is not None:
        yield "allowed", f"{shown(odd)} does not match the column's own pattern"
