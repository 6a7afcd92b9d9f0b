"""From a command's arguments to a table: what its columns are for, how it is written, and reading it.

Shared by every command that takes a table. It decides nothing about what it reads.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

from mlwright.base.errors import Misuse
from mlwright.base.progress import Progress

if TYPE_CHECKING:
    from mlwright.base.finding import Findings
    from mlwright.base.schema import TaskName
    from mlwright.data.dataset import Dataset
    from mlwright.lifecycle.fit import FitSettings
    from mlwright.sources import ReadOptions

_MARKS = {"none": "", "space": " "}


class Roles(TypedDict, total=False):
    """What the columns of a table are for."""

    target: str | None
    time: str | None
    group: str | None
    id: str | None
    weight: str | None
    exposure: str | None
    fold: str | None
    protected: tuple[str, ...]
    drop: tuple[str, ...]
    kinds: dict[str, str] | None
    schema: object


class Known(TypedDict, total=False):
    """What the caller knows beside the table: the task, the seed, and the seconds and threads that models of
    checks may take."""

    task: TaskName | None
    seed: int
    seconds: float | None
    threads: int | None


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
        exposure=getattr(arguments, "exposure", None),
        fold=getattr(arguments, "fold", None),
        protected=tuple(arguments.protected or ()),
        drop=tuple(arguments.drop or ()),
        kinds=dict(arguments.kind) if arguments.kind else None,
        schema=getattr(arguments, "schema", None),
    )


def options_of(arguments: argparse.Namespace) -> ReadOptions | None:
    """How the table is written, where anything was said about it. Raises `Misuse` for what cannot be.

    >>> from mlwright.cli.flags import WRITTEN
    >>> empty = {f.key: False if f.takes == "nothing" else f.default for f in WRITTEN}
    >>> said = {"column_names": ['a,"b, c"', "d"], "quote": "none", "no_header": True}
    >>> options = options_of(argparse.Namespace(**empty | said))
    >>> options.names, options.quote, options.header
    (('a', 'b, c', 'd'), '', False)
    """
    said = {
        "separator": arguments.separator,
        "encoding": arguments.encoding,
        "quote": "" if arguments.quote == "none" else arguments.quote,
        "header": _header(arguments),
        "names": _names(arguments.column_names),
        "skip_rows": arguments.skip_rows or None,
        "decimal": arguments.decimal,
        "thousands": _MARKS.get(arguments.thousands, arguments.thousands),
        "missing": None if arguments.missing is None else tuple(arguments.missing),
        "dates": None if arguments.date_format is None else tuple(arguments.date_format),
        "sheet": arguments.sheet,
        "member": arguments.member,
        "memory": arguments.memory,
        "sample_rows": arguments.sample_rows,
        "most_bytes": arguments.most_bytes,
        "query": arguments.query,
        "table": arguments.table,
        "parameters": parameters_of(arguments.parameter, getattr(arguments, "source", None)),
    }
    given = {name: value for name, value in said.items() if value is not None}
    if not given:
        return None
    from mlwright.lifecycle.extras import need

    need("train", "reading tables")
    from mlwright.sources import ReadOptions

    return ReadOptions(**given)


def parameters_of(named: list[tuple[str, str]] | None, source: str | None) -> dict[str, object] | None:
    """The values of a query's parameters: texts, which a server takes for what the query needs.

    SQLite compares a text with a number as unequal, whatever they say; for it, what is a number becomes one.

    >>> parameters_of([("since", "2024-01-01"), ("n", "7")], "sqlite:///shop.db")
    {'since': '2024-01-01', 'n': 7}
    """
    if named is None:
        return None
    plain = (source or "").lower().startswith("sqlite")
    return {name: _number(value) if plain else value for name, value in named}


def _number(text: str) -> object:
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        if str(value) == text:
            return value
    return text


def read_and_check(
    source: str | Path,
    roles: Roles,
    progress: Progress,
    options: ReadOptions | None = None,
    waive: Sequence[str] = (),
    settings: FitSettings | None = None,
    **known: Unpack[Known],
) -> tuple[Dataset, Findings]:
    """The table and what was found in it. Raises what `lifecycle.read` raises, and `Misuse` for codes that do
    not exist, before it reads, and for `settings` that do not suit the target, before it checks."""
    from mlwright.lifecycle import check, read
    from mlwright.lifecycle.extras import need

    need("train", "reading tables")
    from mlwright.checks import known_codes
    from mlwright.lifecycle.foreseen import refuse_metric

    known_codes(waive)
    try:
        progress.stage("reading")
        dataset = read(source, options=options, **roles)
        if settings is not None:
            refuse_metric(dataset, settings)
        return dataset, check(dataset, waive=tuple(waive), progress=progress, **known)
    finally:
        progress.done()


def _header(arguments: argparse.Namespace) -> bool | None:
    if arguments.header and arguments.no_header:
        raise Misuse("--header and --no-header contradict each other", remedy="give one of them")
    return True if arguments.header else False if arguments.no_header else None


def _names(texts: list[str] | None) -> tuple[str, ...] | None:
    """The names in lists such as `a,"b, c"`, which are written as a line of CSV is."""
    if texts is None:
        return None
    return tuple(name for text in texts for name in next(csv.reader([text], skipinitialspace=True), []))
