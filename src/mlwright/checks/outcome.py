"""What a check is and what it may answer: the values between the themes' files and `check`.

Used within `checks` only. A check answers with `Seen` values, or raises `CouldNotLook` to say why not.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec
import numpy as np

from mlwright.base.finding import Finding, Severity, Status
from mlwright.data.whole import Whole
from mlwright.statistics.intervals import Interval

Looked = TypeVar("Looked")

MOST_ROWS = 20
MOST_SEEN = 8
"""Findings of one check; the others are told together."""
MOST_NAMES = 20


@dataclass(frozen=True)
class Seen:
    """One thing that a check found: in words and figures, with no value of the table but its classes."""

    evidence: str
    remedy: str
    column: str = ""
    rows: tuple[int, ...] = ()
    severity: Severity | None = None
    """Where it differs from the check's own."""
    stops: bool = True
    """False for an issue that does not stop `fit`, though others of its code do."""

    def as_finding(self, check: Check[Any]) -> Finding:  # Any: a check of whatever is looked at
        severity = self.severity or check.severity
        return Finding(
            code=check.code,
            title=check.title,
            severity=severity,
            stops=check.stops and self.stops and severity == "issue",
            status="found",
            column=self.column,
            evidence=self.evidence,
            rows=self.rows,
            remedy=self.remedy,
        )


class CouldNotLook(Exception):
    """A check has nothing to say: its status and the reason."""

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


@dataclass(frozen=True)
class Check(Generic[Looked]):
    """One check: its stable code, what it looks for, and how it is computed, which the docs print.

    What it looks at is a `Table`, or two tables beside each other.
    """

    code: str
    title: str
    severity: Severity
    look: Callable[[Looked], Iterable[Seen]]
    how: str
    source: str = ""
    stops: bool = False
    """Whether an issue of this code stops `fit` unless it is waived, where `Seen` does not say otherwise."""
    of_all: bool = False
    """Whether its figures and row numbers are of all rows, also where a sample stands for them."""

    def findings(self, looked_at: Looked, whole: Whole | None = None) -> list[Finding]:
        """What the check has to say; one finding `passed` where it saw nothing wrong.

        Where a sample of a `whole` was looked at, it says so, and rows are numbered as in the source.
        """
        said = self._findings(looked_at)
        return said if whole is None or self.of_all else [_of_sample(f, whole) for f in said]

    def _findings(self, looked_at: Looked) -> list[Finding]:
        try:
            seen = list(self.look(looked_at))
        except CouldNotLook as e:
            return [self._finding(e.status, e.reason)]
        except Exception as e:  # one faulty check must not cost the user all the others
            if os.environ.get("MLWRIGHT_DEBUG"):
                raise
            failed = self._finding("skipped", f"the check itself failed: {type(e).__name__}")
            return [msgspec.structs.replace(failed, fault=True)]
        if not seen:
            return [self._finding("passed", "")]
        return [s.as_finding(self) for s in _shortened(seen)]

    def could_not_look(self, reason: str) -> Finding:
        """What it says where there is nothing that it could look at."""
        return self._finding("not_applicable", reason)

    def _finding(self, status: Status, evidence: str) -> Finding:
        return Finding(
            code=self.code, title=self.title, severity=self.severity, status=status, evidence=evidence
        )


def _of_sample(one: Finding, whole: Whole) -> Finding:
    if one.status not in ("found", "passed"):
        return one
    named = "drawn from" in one.evidence
    evidence = one.evidence if named else "; ".join(filter(None, (one.evidence, whole.said)))
    rows = tuple(int(whole.numbers[row]) for row in one.rows if row < len(whole.numbers))
    return msgspec.structs.replace(one, evidence=evidence, rows=rows)


def _shortened(seen: list[Seen]) -> list[Seen]:
    """The first few, and the others as one: sixty columns with one fault are one thing to read."""
    if len(seen) <= MOST_SEEN:
        return seen
    shown, others = seen[: MOST_SEEN - 1], seen[MOST_SEEN - 1 :]
    names = ", ".join(repr(s.column) for s in others[:MOST_NAMES])
    more = f" and {len(others) - MOST_NAMES} more" if len(others) > MOST_NAMES else ""
    evidence = f"and so do {len(others)} other columns: {names}{more}"
    return [*shown, Seen(evidence, others[0].remedy, severity=others[0].severity)]


def first_rows(mask_or_rows: np.ndarray[tuple[int], np.dtype[np.generic]]) -> tuple[int, ...]:
    """The first row numbers of a mask or of row numbers, at most 20.

    >>> first_rows(np.array([False, True, True]))
    (1, 2)
    """
    rows = np.flatnonzero(mask_or_rows) if mask_or_rows.dtype == bool else mask_or_rows
    return tuple(int(r) for r in rows[:MOST_ROWS])


def percent(share: Interval) -> str:
    """A share with its interval, as it stands in evidence.

    >>> percent(Interval(0.5, 0.42, 0.58))
    '50.0 % (42.0 to 58.0)'
    """
    return f"{_short(share.value)} % ({_short(share.low)} to {_short(share.high)})"


def _short(share: float) -> str:
    value = 100 * share
    return f"{value:.1f}" if 1 <= value <= 99 or value in (0, 100) else f"{value:.3g}"


def need_rows(count: int, least: int, what: str = "rows") -> None:
    """Raises `CouldNotLook` where there are fewer than `least`."""
    if count < least:
        raise CouldNotLook("not_enough_data", f"{count} {what}; {least} are needed to look")
