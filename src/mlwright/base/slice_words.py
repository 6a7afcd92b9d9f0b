"""Groups and slices in plain words: what was compared, what was not, and what is the matter where.

Pure functions, used by both cards. The texts are not escaped.
"""

from __future__ import annotations

from mlwright.base.finding import counted
from mlwright.base.slices import LEAST_OF_CLASS, LEAST_ROWS, RATES, Slices, Subgroups

NOT_ENOUGH = "not enough data"


def compared_said(groups: Subgroups) -> str:
    """By which columns, on which rows.

    >>> compared_said(Subgroups(columns=("sex", "race"), groups=()))
    'By sex, race, of which the model sees nothing, on the judged rows; with 95 % intervals.'
    """
    columns = ", ".join(groups.columns)
    return f"By {columns}, of which the model sees nothing, on the judged rows; with 95 % intervals."


def marked_said(groups: Subgroups) -> str:
    """What it means that a figure is marked; stands behind how it is."""
    if not groups.compared:
        return "would differ from all other rows by more than chance, but no difference could be tested."
    return (
        f"differs from all other rows by more than chance, corrected for the "
        f"{counted(groups.compared, 'difference')} that were tested (Benjamini and Hochberg, 5 %)."
    )


def left_said(groups: Subgroups) -> str:
    """Which groups and columns cannot be told of."""
    small = any(not g.enough for g in groups.groups)
    notes = []
    if not groups.compared:
        notes.append("No group was compared: too few rows, or too few groups of rows that belong together.")
    notes += [f"Not enough data to tell: groups of fewer than {LEAST_ROWS} rows."] if small else []
    notes.append(f"Shares that rest on fewer than {LEAST_OF_CLASS} rows of a class are not compared.")
    if groups.left_out:
        notes.append(f"{counted(groups.left_out, 'further group')} not shown.")
    if groups.not_looked_at:
        notes.append(f"Not looked at: {', '.join(groups.not_looked_at)}.")
    return " ".join(notes)


def metrics_of(groups: Subgroups) -> list[str]:
    """The figures of groups, in their order."""
    return list(dict.fromkeys(f.metric for g in groups.groups for f in g.figures))


def metric_said(metric: str) -> str:
    """A figure of groups by the name that people read."""
    return RATES.get(metric, metric)


def found_said(slices: Slices) -> str:
    """Whether slices were found, as a sentence."""
    return f"{slices.said[:1].upper()}{slices.said[1:]}."
