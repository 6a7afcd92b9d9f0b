"""From a command's arguments to a table, read and checked, with progress; shared by check, fit and demo."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from mlwright.base.progress import Progress

if TYPE_CHECKING:
    from mlwright.base.finding import Findings
    from mlwright.data.dataset import Dataset


class Roles(TypedDict, total=False):
    """What the columns of a table are for."""

    target: str | None
    time: str | None
    group: str | None
    id: str | None
    weight: str | None
    protected: tuple[str, ...]
    drop: tuple[str, ...]
    kinds: dict[str, str] | None


def roles_of(arguments: argparse.Namespace) -> Roles:
    """The roles that were given on the command line.

    >>> empty = dict.fromkeys(("target", "time", "group", "id", "weight", "protected", "drop", "kind"))
    >>> roles_of(argparse.Namespace(**empty | {"target": "y", "drop": ["duration"]}))["drop"]
    ('duration',)
    """
    return Roles(
        target=arguments.target,
        time=arguments.time,
        group=arguments.group,
        id=arguments.id,
        weight=arguments.weight,
        protected=tuple(arguments.protected or ()),
        drop=tuple(arguments.drop or ()),
        kinds=dict(arguments.kind) if arguments.kind else None,
    )


def read_and_check(source: str | Path, roles: Roles, progress: Progress) -> tuple[Dataset, Findings]:
    """The table and what was found in it. Raises what `lifecycle.read` raises."""
    from mlwright.lifecycle import check, read

    try:
        progress.stage("reading")
        dataset = read(source, **roles)
        progress.stage("checking")
        return dataset, check(dataset)
    finally:
        progress.done()
