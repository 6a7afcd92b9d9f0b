"""What a model relies on in plain words: how that was measured, and what was left.

Pure functions, used by both cards. The texts are not escaped.
"""

from __future__ import annotations

from mlwright.base.importance import Importance, Reliance

MOST_LINES = 15
MOST_NAMED = 20
IN_USE = "This says what the model uses, not what would happen if a column were changed in the world."
SEEN = ("It had seen these rows:", "columns that it merely remembers look more useful than they are.")
"""To be stressed, and the rest."""


def measured_said(importance: Importance) -> str:
    """How it was measured, or why it was not."""
    if importance.skipped:
        return f"Not measured: {importance.skipped}."
    return (
        f"How far the answers get worse where a column's values are shuffled among the rows: by "
        f"{importance.how}; {importance.rows:,} rows, {importance.repeats} times."
    )


def grows_said(importance: Importance) -> str:
    """What the figures are, as a heading: of the metric, or of the loss where it has none.

    >>> grows_said(Importance(metric="roc_auc", greater_is_better=True, metric_value=0.9, loss="log_loss",
    ...                       loss_value=0.3, rows=9, repeats=1, how=""))
    'roc_auc falls by'
    """
    if importance.columns and all(r.metric is None for r in importance.columns):
        return f"{importance.loss.replace('_', ' ')} grows by"
    return f"{importance.metric} {'falls' if importance.greater_is_better else 'grows'} by"


def without_said(importance: Importance) -> str:
    """Which figures have no interval, and why that may be; "" where each has one."""
    ranked = importance.ranked()[:MOST_LINES]
    bare = sum(r.first.low is None for r in ranked)
    if not bare:
        return ""
    which = f"{bare} of the {len(ranked)} figures {'has' if bare == 1 else 'have'}"
    if bare == len(ranked):
        which = "The figures have"
    why = "the metric takes too long to be asked so often, or is undefined without some of the rows"
    return f"{which} no interval: {why}."


def further_said(importance: Importance) -> str:
    """How many columns are beyond those listed, or were not measured; "" where none is."""
    more, left = len(importance.ranked()) - MOST_LINES, importance.not_measured
    parts = [f"{more} more that were measured matter less"] if more > 0 else []
    parts += [f"{left} others were not measured"] if left else []
    return f"Further columns: {'; '.join(parts)}." if parts else ""


def together_said(one: Reliance) -> str:
    """The columns of a group.

    >>> from mlwright.base.importance import Change
    >>> together_said(Reliance(columns=("pay", "tax"), metric=None, loss=Change(value=0.1)))
    'pay, tax (together)'
    """
    more = f" and {len(one.columns) - MOST_NAMED} more" if len(one.columns) > MOST_NAMED else ""
    return f"{', '.join(one.columns[:MOST_NAMED])}{more} (together)"


def alone(one: Reliance, importance: Importance) -> list[Reliance]:
    """What rests on each column of a group alone, the largest first."""
    known = [r for r in (importance.of(name) for name in one.columns) if r is not None]
    return sorted(known, key=lambda r: -r.first.value)


def unused_more(importance: Importance) -> int:
    """How many unused columns there are beyond the first that are named."""
    return max(0, importance.unused_count - min(len(importance.unused), MOST_NAMED))
