"""The card's section on what the model relies on: columns by importance, and how each moves the answer.

Called by `card`. It draws values of `base.importance`; it measures nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mlwright.base.effect_words import change_said, effect_said
from mlwright.base.evaluation import Evaluation
from mlwright.base.importance import Curve, Importance, Reliance

MOST_LINES = 15
MOST_NAMED = 20


def reliance_section(evaluation: Evaluation, escaped: Callable[[str], str]) -> list[str]:
    """The lines of the section; none where importance was not asked for. `escaped` makes text safe."""
    importance = evaluation.importance
    if importance is None:
        return []
    lines = ["## What it relies on", ""]
    if importance.skipped:
        return [*lines, f"Not measured: {escaped(importance.skipped)}.", *_unused(importance, escaped)]
    grows = "falls" if importance.greater_is_better else "grows"
    lines += [
        f"How far the answers get worse where a column's values are shuffled among the rows: by "
        f"{escaped(importance.how)}; {importance.rows:,} rows, {importance.repeats} times."
    ]
    if not importance.unseen:
        lines += [
            "",
            "**It had seen these rows:** columns that it merely remembers look more useful than they are.",
        ]
    loss = importance.loss.replace("_", " ")
    lines += [
        "",
        f"| column | {escaped(importance.metric)} {grows} by | 95 % interval | {loss} | effect |",
    ]
    lines += ["|---|--:|---|--:|---|"]
    ranked = importance.ranked()
    for one in ranked[:MOST_LINES]:
        lines += _rows(one, importance, evaluation.effects, escaped)
    more = len(ranked) - MOST_LINES
    left = importance.not_measured
    if more > 0 or left:
        parts = [f"{more} more that were measured matter less"] if more > 0 else []
        parts += [f"{left} others were not measured"] if left else []
        lines += ["", f"Further columns: {'; '.join(parts)}."]
    lines += _unused(importance, escaped)
    lines += [
        "",
        "This says what the model uses, not what would happen if a column were changed in the world.",
    ]
    return lines


def _rows(
    one: Reliance, importance: Importance, effects: Sequence[Curve], escaped: Callable[[str], str]
) -> list[str]:
    """The line of a column; of columns together, theirs and then one for each alone."""
    if len(one.columns) == 1:
        return [_row(escaped(one.columns[0]), one, importance, _effect(one, effects, escaped))]
    some = ", ".join(escaped(name) for name in one.columns[:MOST_NAMED])
    more = f" and {len(one.columns) - MOST_NAMED} more" if len(one.columns) > MOST_NAMED else ""
    lines = [_row(f"{some}{more} (together)", one, importance, "")]
    alone = [r for r in (importance.of(name) for name in one.columns) if r is not None]
    for r in sorted(alone, key=lambda r: -r.first.value):
        lines.append(_row(f"– {escaped(r.columns[0])} alone", r, importance, _effect(r, effects, escaped)))
    return lines


def _row(name: str, one: Reliance, importance: Importance, effect: str) -> str:
    change = one.metric
    value, interval = change_said(change) if change else ("", "")
    relative = f"{one.loss.value / importance.loss_value:+.0%}" if importance.loss_value > 0 else ""
    return f"| {name} | {value} | {interval} | {relative} | {effect} |"


def _effect(one: Reliance, effects: Sequence[Curve], escaped: Callable[[str], str]) -> str:
    return escaped(effect_said([c for c in effects if c.column == one.columns[0]]))


def _unused(importance: Importance, escaped: Callable[[str], str]) -> list[str]:
    if not importance.unused_count:
        return []
    some = ", ".join(f"`{escaped(name)}`" for name in importance.unused[:MOST_NAMED])
    more = importance.unused_count - min(len(importance.unused), MOST_NAMED)
    return ["", f"Nothing rests on what it does not use: {some}{f' and {more} more' if more > 0 else ''}."]
