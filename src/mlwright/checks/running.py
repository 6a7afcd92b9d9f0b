"""All checks in one table, and the verb that runs them.

A new check is a function and an entry in `CHECKS` of its theme's file; a new theme is a line here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from typing import Final

from mlwright.base.errors import UnknownName
from mlwright.base.finding import Finding, Findings
from mlwright.base.progress import Progress
from mlwright.base.schema import TaskName
from mlwright.base.slices import TITLES as SLICED
from mlwright.base.unjudged import CODE as UNJUDGED
from mlwright.checks import (
    advice,
    against,
    columns,
    differences,
    disguised,
    entities,
    identifiers,
    impossible,
    labels,
    leakage,
    order,
    outliers,
    partial,
    redundant,
    rows,
    spellings,
    target,
    times,
    twins,
    writing,
)
from mlwright.checks.comparing import CONTAMINATION, SHIFT, compare
from mlwright.checks.gate import waived
from mlwright.checks.held import Held
from mlwright.checks.outcome import Check
from mlwright.checks.pair import Pair, Sketch
from mlwright.checks.table import Table
from mlwright.data.codes import TITLES
from mlwright.data.dataset import Dataset

CHECKS: Final[tuple[Check[Table], ...]] = tuple(
    sorted(
        (
            *columns.CHECKS,
            *disguised.CHECKS,
            *impossible.CHECKS,
            *outliers.CHECKS,
            *redundant.CHECKS,
            *writing.CHECKS,
            *spellings.CHECKS,
            *rows.CHECKS,
            *twins.CHECKS,
            *order.CHECKS,
            *target.CHECKS,
            *labels.CHECKS,
            *partial.CHECKS,
            *entities.CHECKS,
            *identifiers.CHECKS,
            *times.CHECKS,
            *advice.CHECKS,
            *leakage.CHECKS,
            *differences.CHECKS,
        ),
        key=lambda c: c.code,
    )
)

AGAINST: Final[tuple[Check[Held], ...]] = against.CHECKS
"""What a table is looked at for when it is held to a schema."""

EVERY: Final[tuple[Check[Table] | Check[Held] | Check[Pair], ...]] = (
    *CHECKS,
    *AGAINST,
    *SHIFT,
    *CONTAMINATION,
)

OVERRUN: Final = 1.6
"""How many times the given seconds all looks together may take: a table of thousands of columns takes
minutes."""

SAME: Final = {"MLW604": "MLW508", "MLW605": "MLW504"}
"""Codes of shift that say of a column what a code of the schema has said already."""


def check(
    dataset: Dataset,
    *,
    task: TaskName | None = None,
    seed: int = 0,
    waive: tuple[str, ...] = (),
    seconds: float | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Findings:
    """All that reading and the checks found in a data set, worst first.

    Looks at every row for what stands in the table, and at a sample of up to 50,000 rows, drawn by `seed`,
    for what tells the target. `task` says whether the target's numbers are classes, where the caller knows;
    `waive` names codes that are known and borne; `seconds` is the time after which looks that need a model
    are skipped, and say so; well after it, all that are left are; `threads` is how many such looks may use
    (None: all that this process may). `progress` is told of each check. Raises `UnknownName` for a code that
    does not exist; no check raises.

    >>> import polars as pl
    >>> from mlwright.base.schema import Column, Schema
    >>> from mlwright.data.dataset import Provenance
    >>> schema = Schema(columns=(Column(name="country", kind="categorical"),))
    >>> loans = Dataset(pl.DataFrame({"country": ["FR"] * 30}), schema, Provenance("frame"))
    >>> [f.column for f in check(loans).found if f.code == "MLW101"]
    ['country']
    """
    known_codes(waive, dataset.findings)
    began = time.monotonic()
    until = math.inf if seconds is None else began + seconds
    ends = math.inf if seconds is None else began + OVERRUN * seconds
    table = Table(dataset, seed, task, until=until, ends=ends, threads=threads)
    findings: list[Finding] = list(dataset.findings)
    # Leaks come first, then whatever else can stop a fit: they should be the last to be skipped.
    in_turn = CHECKS if seconds is None else sorted(CHECKS, key=lambda c: (not c.stops, c.code < "MLW4"))
    for number, one in enumerate(in_turn):
        if progress is not None:
            spent_s = time.monotonic() - began
            left_s = spent_s / number * (len(in_turn) - number) if number and spent_s > 1.0 else None
            progress.step(one.title, number / len(in_turn), left_s)
        findings.extend(one.findings(table, dataset.whole))
    return waived(Findings.of(findings), waive)


def check_against(held: Held, *, findings: Iterable[Finding] = (), waive: tuple[str, ...] = ()) -> Findings:
    """What does not fit where a table is held to a schema, worst first, beside what reading it found; and
    what shifted, where the reference is more than a schema.

    Raises `UnknownName` for a code in `waive` that does not exist; no check raises.
    """
    known_codes(waive, findings)
    found = [*findings]
    for one in AGAINST:
        found.extend(one.findings(held, held.new.whole))
    known = held.reference
    profile = Sketch(known.profile, known.schema) if known.profile is not None else None
    told = {(f.code, f.column) for f in found if f.status == "found"}
    shifts = compare(known.dataset or profile, held.new, seed=held.seed)
    found.extend(f for f in shifts if (SAME.get(f.code), f.column) not in told)
    return waived(Findings.of(found), waive)


def known_codes(waive: Iterable[str], findings: Iterable[Finding] = ()) -> None:
    """Raises `UnknownName` for a code that neither a check, nor reading, nor one of the findings has."""
    known = {c.code for c in EVERY} | {*TITLES, *SLICED, UNJUDGED} | {f.code for f in findings}
    for code in waive:
        if code not in known:
            raise UnknownName("finding", code, sorted(known))


def explained() -> dict[str, str]:
    """How each check is computed and from what source, by code: for pages that people read."""
    return {c.code: f"{c.how} Source: {c.source}." if c.source else c.how for c in EVERY}
