"""All checks of two tables in one table each, and the verbs that run them: shift, and contamination.

Called by `lifecycle` with a reference (a table, or what a model file keeps of one) and fresh rows, both read
by one schema.
"""

from __future__ import annotations

from typing import Final

from mlwright.base.finding import Finding, Findings
from mlwright.base.schema import TaskName
from mlwright.checks import apart, contamination, copies, shift
from mlwright.checks.outcome import Check
from mlwright.checks.pair import Pair, Sketch
from mlwright.data.dataset import Dataset

SHIFT: Final[tuple[Check[Pair], ...]] = tuple(sorted((*shift.CHECKS, *apart.CHECKS), key=lambda c: c.code))


CONTAMINATION: Final[tuple[Check[Pair], ...]] = tuple(
    sorted((*contamination.CHECKS, *copies.CHECKS), key=lambda c: c.code)
)


def compare(
    reference: Dataset | Sketch | None,
    fresh: Dataset,
    *,
    task: TaskName | None = None,
    seed: int = 0,
    threads: int | None = None,
) -> Findings:
    """Whether `fresh` rows come from where the rows of `reference` came from: shift, by column and together.

    Both are decoded by the reference's schema; without a reference each check says that it could not look.
    Where nothing shifted, fewer than one comparison in twenty finds anything. `task` says whether the
    target's numbers are classes, where the caller knows; `threads` is how many the look at all columns
    together may use (None: all that this process may). Costs seconds: shift is measured on up to 50,000 rows
    of each table, drawn by `seed`. No check raises.

    >>> import numpy as np, polars as pl
    >>> from mlwright.base.schema import Column, Schema
    >>> from mlwright.data.dataset import Provenance
    >>> schema, random = Schema(columns=(Column(name="age", kind="numeric"),)), np.random.default_rng(0)
    >>> old, new = (
    ...     Dataset(pl.DataFrame({"age": random.normal(at, 10, 500)}), schema, Provenance("frame"))
    ...     for at in (40, 48)
    ... )
    >>> [(f.code, f.column) for f in compare(old, new).found]
    [('MLW601', 'age'), ('MLW602', '')]
    """
    if reference is None:
        return Findings.of(
            one.could_not_look("a schema alone has no values to compare with") for one in SHIFT
        )
    return _run(SHIFT, Pair(reference, fresh, seed, task, threads))


def contaminated(train: Dataset, test: Dataset, *, task: TaskName | None = None, seed: int = 0) -> Findings:
    """Whether `test` is as unseen as it should be: rows, near copies, times and subjects of `train` in it.

    Both are decoded by the training table's schema; row numbers are those of `test`, from 0. `task` says
    whether the target's numbers are classes, where the caller knows. No check raises.

    >>> import numpy as np, polars as pl
    >>> from mlwright.base.schema import Column, Schema
    >>> from mlwright.data.dataset import Provenance
    >>> schema = Schema(columns=(Column(name="age", kind="numeric"),))
    >>> ages = np.random.default_rng(0).normal(40, 10, 500)
    >>> old, new = (Dataset(pl.DataFrame({"age": a}), schema, Provenance("frame")) for a in (ages, ages[::5]))
    >>> [f.code for f in contaminated(old, new).issues]
    ['MLW651']
    """
    return _run(CONTAMINATION, Pair(train, test, seed, task))


def _run(checks: tuple[Check[Pair], ...], pair: Pair) -> Findings:
    findings: list[Finding] = []
    for one in checks:
        findings.extend(one.findings(pair, pair.fresh.whole))
    return Findings.of(findings)
