"""From the flags `--target`, `--time`, ... to the arguments that `lifecycle.read` takes."""

from __future__ import annotations

import argparse
from typing import TypedDict


class Roles(TypedDict):
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
