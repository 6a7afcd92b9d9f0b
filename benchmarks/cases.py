"""One case of the benchmark: a clean table, a defect put into it, and what `mlwright.check` says to it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
from tables import drawn, typed

import mlwright as mw
from mlwright.base.finding import Finding, Findings
from mlwright.checks import CHECKS, compare, contaminated
from mlwright.checks.table import Table as Looked
from mlwright.lifecycle.fit import like
from mlwright.testing import DEFECTS, Spoilt, inject

LATER = 0.4
"""The share of the rows that make the later of two tables."""
MOST_ROWS = 20
_LAST: dict[str, pl.DataFrame] = {}


@dataclass(frozen=True)
class Case:
    defect: str
    strength: Any
    seed: int

    @property
    def pair(self) -> bool:
        return DEFECTS[self.defect].pair


@dataclass(frozen=True)
class Files:
    """Where the spoilt table lies, and the earlier one where there are two."""

    path: Path
    other: Path | None = None


@dataclass
class Table:
    """A clean table in random order, and what is said to it before anything is spoilt."""

    entry: dict[str, Any]
    frame: pl.DataFrame
    folder: Path
    said: dict[str, set[tuple[str, str]]] = field(default_factory=dict)

    @classmethod
    def of(cls, entry: dict[str, Any], rows: int, seed: int, folder: Path) -> Table:
        if entry["name"] not in _LAST:
            _LAST.clear()
            _LAST[entry["name"]] = typed(entry)
        return cls(entry, drawn(_LAST[entry["name"]], rows, seed), folder)

    @property
    def target(self) -> str:
        return str(self.entry["target"])

    @cached_property
    def halves(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The earlier and the later part."""
        at = round((1 - LATER) * self.frame.height)
        return self.frame[:at], self.frame[at:]

    def spoilt(self, case: Case) -> Spoilt:
        """The table with the defect. Raises `Misuse` where it cannot have it."""
        earlier, later = self.halves
        return inject(
            case.defect,
            later if case.pair else self.frame,
            strength=case.strength,
            seed=case.seed,
            target=self.target,
            other=earlier if case.pair else None,
        )

    def written(self, spoilt: Spoilt, name: str = "spoilt") -> Files:
        """Both tables as CSV files, which is how a defect comes."""
        path, other = self.folder / f"{name}.csv", self.folder / f"{name}_earlier.csv"
        spoilt.frame.write_csv(path)
        if spoilt.other is None:
            return Files(path)
        spoilt.other.write_csv(other)
        return Files(path, other)

    def before(self, pair: bool) -> set[tuple[str, str]]:
        """Codes and columns that are found in the clean table."""
        key = "pair" if pair else "table"
        if key not in self.said:
            earlier, later = self.halves
            clean = Spoilt(later if pair else self.frame, other=earlier if pair else None)
            files = self.written(clean, "clean")
            found = findings(files.path, files.other, {"target": self.target})[0].found
            self.said[key] = {(f.code, n) for f in found for n in names(f, self.frame.columns)}
        return self.said[key]


def findings(
    path: Path, other: Path | None, roles: Mapping[str, str], codes: tuple[str, ...] = ()
) -> tuple[Findings, float]:
    """What is said to a table, or to one beside an earlier one, and the seconds of reading and checking.

    Of two tables, the later is looked at as `fit` looks at its test table. With `codes`, only the checks
    that have these are run.
    """
    options = mw.ReadOptions(separator=",")
    began = time.perf_counter()
    if other is not None:
        earlier = mw.read(other, options=options, **roles)
        later = like(earlier, path, options)
        said = [f for look in (contaminated, compare) for f in look(earlier, later)]
        return Findings.of([*later.findings, *said]), time.perf_counter() - began
    data = mw.read(path, options=options, **roles)
    if not codes:
        return mw.check(data), time.perf_counter() - began
    looked_at = Looked(data)
    said = [f for c in CHECKS if c.code in codes for f in c.findings(looked_at)]
    return Findings.of([*data.findings, *said]), time.perf_counter() - began


def names(finding: Finding, columns: list[str]) -> list[str]:
    """The columns that a finding names: its own, and those of its evidence."""
    named = [c for c in columns if f"'{c}'" in finding.evidence]
    return [finding.column, *named] if finding.column or not named else named


def outcome(table: Table, case: Case, spoilt: Spoilt, files: Files, narrow: bool) -> dict[str, Any]:
    """Whether the defect was found, where, and what else was said; `narrow` runs its own checks alone."""
    before = table.before(case.pair)
    alarm = any(code in spoilt.codes for code, _ in before)
    answer: dict[str, Any] = {"columns": spoilt.columns, "false alarm": alarm}
    try:
        roles = {"target": table.target, **spoilt.roles}
        said, seconds = findings(files.path, files.other, roles, spoilt.codes if narrow else ())
    except mw.MlwrightError as e:
        return answer | {"outcome": "failed", "why": str(e).splitlines()[0]}
    columns = spoilt.frame.columns
    hits, known = [], False
    for f in said.found:
        if f.code in spoilt.codes:
            at = [n for n in names(f, columns) if not spoilt.columns or n in spoilt.columns]
            if at:
                hits.append(f)
                known = known or any((f.code, n) in before for n in at)
    answer |= {"seconds": seconds, "further": _further(said, spoilt, before)}
    if known:
        return answer | {"outcome": "there before"}
    if hits:
        rows = {r for f in hits for r in f.rows}
        if rows and spoilt.rows:
            belonging = rows & {*spoilt.rows, *spoilt.partners}
            answer["located"] = spoilt.located(sorted(rows))
            answer["reached"] = min(1.0, len(belonging) / min(MOST_ROWS, len(spoilt.rows)))
        return answer | {"outcome": "found", "code": hits[0].code}
    looked = [f.status for f in said if f.code in spoilt.codes]
    blind = looked and not any(s in ("passed", "found") for s in looked)
    return answer | {"outcome": "could not look" if blind else "missed"}


def _further(said: Findings, spoilt: Spoilt, before: set[tuple[str, str]]) -> int:
    """Issues that the clean table did not have and the defect does not explain."""
    touched = {*spoilt.columns, *spoilt.roles.values(), ""}
    return sum(
        f.code not in spoilt.codes and f.column not in touched and (f.code, f.column) not in before
        for f in said.issues
    )
