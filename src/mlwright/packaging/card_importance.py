"""The card's section on what the model relies on: columns by importance, and how each moves the answer.

Called by `card`. It draws values of `base.importance`; it measures nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mlwright.base.effect_words import change_said, effect_said
from mlwright.base.evaluation import Evaluation
from mlwright.base.importance import Curve, Importance, Reliance
from mlwright.base.reliance_words import (
    IN_USE,
    MOST_LINES,
    MOST_NAMED,
    SEEN,
    alone,
    further_said,
    grows_said,
    measured_said,
    together_said,
    unused_more,
    without_said,
)


def reliance_section(evaluation: Evaluation, escaped: Callable[[str], str]) -> list[str]:
    """The lines of the section; none where importance was not asked for. `escaped` makes text safe."""
    importance = evaluation.importance
    if importance is None:
        return []
    lines = ["## What it relies on", ""]
    lines.append(escaped(measured_said(importance)))
    if importance.skipped:
        return [*lines, *_unused(importance, escaped)]
    if not importance.unseen:
        lines += ["", f"**{SEEN[0]}** {SEEN[1]}"]
    loss = importance.loss.replace("_", " ")
    lines += [
        "",
        f"| column | {escaped(grows_said(importance))} | 95 % interval | {loss} | effect |",
    ]
    lines += ["|---|--:|---|--:|---|"]
    for one in importance.ranked()[:MOST_LINES]:
        lines += _rows(one, importance, evaluation.effects, escaped)
    if without := without_said(importance):
        lines += ["", without]
    if further := further_said(importance):
        lines += ["", further]
    lines += _unused(importance, escaped)
    return [*lines, "", IN_USE]


def _rows(
    one: Reliance, importance: Importance, effects: Sequence[Curve], escaped: Callable[[str], str]
) -> list[str]:
    """The line of a column; of columns together, theirs and then one for each alone."""
    if len(one.columns) == 1:
        return [_row(escaped(one.columns[0]), one, importance, _effect(one, effects, escaped))]
    lines = [_row(escaped(together_said(one)), one, importance, "")]
    for r in alone(one, importance):
        lines.append(_row(f"– {escaped(r.columns[0])} alone", r, importance, _effect(r, effects, escaped)))
    return lines


def _row(name: str, one: Reliance, importance: Importance, effect: str) -> str:
    value, interval = change_said(one.first)
    relative = f"{one.loss.value / importance.loss_value:+.0%}" if importance.loss_value > 0 else ""
    return f"| {name} | {value} | {interval} | {relative} | {effect} |"


def _effect(one: Reliance, effects: Sequence[Curve], escaped: Callable[[str], str]) -> str:
    return escaped(effect_said([c for c in effects if c.column == one.columns[0]]))


def _unused(importance: Importance, escaped: Callable[[str], str]) -> list[str]:
    if not importance.unused_count:
        return []
    some = ", ".join(f"`{escaped(name)}`" for name in importance.unused[:MOST_NAMED])
    more = unused_more(importance)
    return ["", f"Nothing rests on what it does not use: {some}{f' and {more} more' if more else ''}."]
