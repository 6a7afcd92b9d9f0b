"""Which split is honest for this table, and why: MLW701.

Called by `check` through the table of checks. It follows the rules of the task kind: by time where a time is
named, by group where a group is, else by class or at random; and says where the table speaks for another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from mlwright.checks.entities import entities
from mlwright.checks.leakage import able, figure
from mlwright.checks.outcome import Check, CouldNotLook, Seen
from mlwright.checks.table import Table
from mlwright.checks.times import moving

One = TypeVar("One")


def split(table: Table) -> Iterator[Seen]:
    """MLW701."""
    able(table)
    times, groups = table.dataset.role("time"), table.dataset.role("group")
    if times:
        raise CouldNotLook(
            "passed", f"by time: {times[0].name!r} is named, and later rows judge earlier ones"
        )
    if groups:
        raise CouldNotLook("passed", f"by group: {groups[0].name!r} is named, and its rows stay on one side")
    when = [one for one in _seen(moving, table) if one.target is not None]
    who = _seen(entities, table)
    usual = "random" if table.task == "regression" else "stratified by class"
    if when:
        told = figure(when[0].target) if when[0].target else ""
        also = f"; within one {who[0].name!r}, targets agree as well" if who else ""
        yield Seen(
            f"by time: along {when[0].name!r} the target moves ({told}){also}; the split would be {usual}",
            f"If predictions are about later rows, say time={when[0].name!r}.",
            when[0].name,
        )
    elif who:
        yield Seen(
            f"by group: targets within one {who[0].name!r} agree by {who[0].agreement.value:.2f} "
            f"({who[0].agreement.low:.2f} to {who[0].agreement.high:.2f}); the split would be {usual}",
            f"If new rows will be of others, say group={who[0].name!r}.",
            who[0].name,
        )
    else:
        raise CouldNotLook(
            "passed", f"{usual}: no date along which the target moves, and no entity in many rows, was seen"
        )


def _seen(look: Callable[[Table], list[One]], table: Table) -> list[One]:
    try:
        return look(table)
    except CouldNotLook:
        return []


CHECKS: Final[tuple[Check[Table], ...]] = (
    Check(
        "MLW701",
        "another split would be more honest",
        "tip",
        split,
        "By time where a time is named, by group where a group is, else by class, or at random for numbers. "
        "Found "
        "where none is named and MLW408 saw the target move along a date, or MLW407 entities whose rows "
        "agree.",
        "Roberts et al. (2017), Cross-validation for data with temporal structure, Ecography 40",
    ),
)
