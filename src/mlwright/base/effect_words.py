"""Effects in plain words: one sentence for the curves of a column.

Pure functions, used wherever people read effects: by the card and the command line.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from mlwright.base.figures import places_for, plain
from mlwright.base.importance import Change, Curve, stretch_of


def effect_said(curves: Sequence[Curve]) -> str:
    """What the curves of one column say; "" where there are none. Of several classes, the one that
    moves most.

    >>> curve = Curve(
    ...     column="age", kind="numeric", of="yes", average=0.2, at=(18.0, 40.0, 60.0, 90.0),
    ...     answer=(0.1, 0.2, 0.4, 0.4), low=(0.0, 0.1, 0.3, 0.3), high=(0.2, 0.3, 0.5, 0.5),
    ...     rows=(50, 50, 50),
    ... )
    >>> effect_said([curve])
    'higher: yes more likely, from 0.1 to 0.4; flat above 60'
    """
    if not curves:
        return ""
    curve = max(curves, key=lambda c: c.spread)
    if curve.low and max(curve.low) <= min(curve.high):
        return "no clear direction"
    if curve.levels:
        return _extremes(curve)
    if curve.kind == "boolean":
        return f"{_likelier(curve, curve.answer[-1] > curve.answer[0])} where true, {_both(curve, -1, 0)}"
    run = stretch_of(curve.answer, curve.rows)
    if run.way == 0:
        return _extremes(curve)
    later = "later" if curve.kind == "datetime" else "higher"
    said = f"{later}: {_likelier(curve, run.way > 0)}, from {_answer(curve, 0)} to {_answer(curve, -1)}"
    before, after = ("before", "after") if curve.kind == "datetime" else ("below", "above")
    flat = [f"{before} {point_said(curve, run.begins)}"] if run.begins > 0 else []
    flat += [f"{after} {point_said(curve, run.ends)}"] if run.ends < len(curve.at) - 1 else []
    return said + (f"; flat {' and '.join(flat)}" if flat else "")


def point_said(curve: Curve, place: int) -> str:
    """A point of the curve as people write it: a category, a number, a day.

    >>> point_said(Curve(column="a", kind="datetime", average=0.0, at=(0.0,)), 0)
    '1970-01-01'
    """
    if curve.levels:
        if curve.pooled and place in (-1, len(curve.levels) - 1):
            return f"{curve.pooled:,} others"
        return curve.levels[place] or "missing"
    value = curve.at[place]
    if curve.kind == "boolean":
        return "true" if value else "false"
    if curve.kind == "datetime":
        try:
            return dt.datetime.fromtimestamp(value, dt.UTC).date().isoformat()
        except (OverflowError, ValueError, OSError):
            return "?"
    return f"{value:.4g}" if abs(value) < 10_000 else plain(value)


def change_said(change: Change) -> tuple[str, str]:
    """A difference and its interval with the same number of decimals.

    >>> change_said(Change(value=0.01234, low=0.0101, high=0.0149)), change_said(Change(value=2.0))
    (('0.0123', '0.0101 to 0.0149'), ('2', 'none'))
    """
    if change.low is None or change.high is None:
        return plain(change.value, 3), "none"
    places = places_for(change.high - change.low) if change.high > change.low else 4
    return f"{change.value:,.{places}f}", f"{change.low:,.{places}f} to {change.high:,.{places}f}"


def _extremes(curve: Curve) -> str:
    """Where the answer is greatest and least."""
    most = max(range(len(curve.answer)), key=lambda k: curve.answer[k])
    least = min(range(len(curve.answer)), key=lambda k: curve.answer[k])
    near = "at" if curve.levels else "near"
    top, bottom = (f"{curve.of} most likely", "least") if curve.of else ("largest", "smallest")
    return (
        f"{top} {near} {point_said(curve, most)} ({_answer(curve, most)}), "
        f"{bottom} {near} {point_said(curve, least)} ({_answer(curve, least)})"
    )


def _likelier(curve: Curve, more: bool) -> str:
    if not curve.of:
        return "larger" if more else "smaller"
    return f"{curve.of} {'more' if more else 'less'} likely"


def _both(curve: Curve, first: int, second: int) -> str:
    return f"{_answer(curve, first)} against {_answer(curve, second)}"


def _answer(curve: Curve, place: int) -> str:
    return plain(curve.answer[place], 2 if curve.of else 3)
