"""All checks in one table, and the verb that runs them.

A new check is a function and an entry in `CHECKS` of its theme's file; a new theme is a line here.
"""

from __future__ import annotations

from typing import Final

import msgspec

from mlwright.base.errors import UnknownName
from mlwright.base.finding import Finding, Findings
from mlwright.base.schema import TaskName
from mlwright.checks import columns, differences, leakage, rows, spellings, target
from mlwright.checks.outcome import Check
from mlwright.checks.table import Table
from mlwright.data.dataset import Dataset

CHECKS: Final[tuple[Check[Table], ...]] = tuple(
    sorted(
        (
            *columns.CHECKS,
            *spellings.CHECKS,
            *rows.CHECKS,
            *target.CHECKS,
            *leakage.CHECKS,
            *differences.CHECKS,
        ),
        key=lambda c: c.code,
    )
)


def check(
    dataset: Dataset, *, task: TaskName | None = None, seed: int = 0, waive: tuple[str, ...] = ()
) -> Findings:
    """All that reading and the checks found in a data set, worst first.

    Looks at every row for what stands in the table, and at a sample of up to 50,000 rows, drawn by `seed`,
    for what tells the target. `task` says whether the target's numbers are classes, where the caller knows;
    `waive` names codes that are known and borne. Raises `UnknownName` for a code that does not exist; no
    check raises.

    >>> import polars as pl
    >>> from mlwright.base.schema import Column, Schema
    >>> from mlwright.data.dataset import Provenance
    >>> schema = Schema(columns=(Column(name="country", kind="categorical"),))
    >>> loans = Dataset(pl.DataFrame({"country": ["FR"] * 30}), schema, Provenance("frame"))
    >>> [f.column for f in check(loans).found if f.code == "MLW101"]
    ['country']
    """
    known = {c.code for c in CHECKS} | {f.code for f in dataset.findings}
    for code in waive:
        if code not in known:
            raise UnknownName("finding", code, sorted(known))
    table = Table(dataset, seed, task)
    findings: list[Finding] = list(dataset.findings)
    for one in CHECKS:
        findings.extend(one.findings(table))
    return Findings.of(_waived(f, waive) for f in findings)


def _waived(finding: Finding, waive: tuple[str, ...]) -> Finding:
    if finding.code not in waive or finding.status != "found":
        return finding
    return msgspec.structs.replace(finding, status="waived")
