"""A Finding: what one check saw. Findings: all of them, in the order of what matters most.

Made by `checks` and by reading; shown by `cli`, written into model files. A finding names row numbers, not
values, save for labels of the target, and for what a group or slice of thirty rows or more has in common.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from mlwright.base.shown import cell, shown, table

Status = Literal["passed", "found", "not_applicable", "not_enough_data", "skipped", "waived"]
Severity = Literal["issue", "tip"]


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One result of one check."""

    code: str
    """Stable, such as `MLW101`; what a user waives."""
    title: str
    """One line in the reader's words."""
    severity: Severity
    status: Status
    column: str = ""
    evidence: str = ""
    """The figure, with its interval or count, that says so."""
    rows: tuple[int, ...] = ()
    """The first rows concerned, counted from 0; at most 20."""
    remedy: str = ""
    stops: bool = False
    """Whether it stops `fit` unless its code is waived."""
    fault: bool = False
    """The check itself failed: a fault of ours, which says nothing about the table."""


def counted(count: int, noun: str, plural: str = "") -> str:
    """A count with its noun.

    >>> counted(1, "row"), counted(10297, "row"), counted(2, "class", "classes")
    ('1 row', '10,297 rows', '2 classes')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


MOST_ALIKE = 6
"""Findings of one kind that a notebook lists before it counts the others."""

UNCHECKED = "No check looked at its data."
"""Where there is not one finding, not even that a check passed."""


class Findings(msgspec.Struct, frozen=True):
    """Findings, worst first. Iterates and prints.

    >>> f = Finding(code="MLW101", title="constant", severity="tip", status="found", column="country")
    >>> Findings.of([f]).found[0].column
    'country'
    """

    items: tuple[Finding, ...] = ()

    @classmethod
    def of(cls, items: Any) -> Findings:  # Any: an iterable of Finding
        """Findings in order: found issues, found tips, waived, could not look, passed."""
        rank = {"found": 0, "waived": 2, "not_enough_data": 3, "skipped": 4, "passed": 5, "not_applicable": 6}
        return cls(tuple(sorted(items, key=lambda f: (rank[f.status], f.severity != "issue", f.code))))

    @property
    def found(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.items if f.status == "found")

    @property
    def issues(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.found if f.severity == "issue")

    @property
    def faults(self) -> tuple[Finding, ...]:
        """Checks that failed themselves."""
        return tuple(f for f in self.items if f.fault)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def to_json(self) -> str:
        """All findings as an indented JSON text: a list of objects with the fields of `Finding`.

        >>> one = Finding(code="MLW101", title="one value", severity="tip", status="passed")
        >>> print(Findings.of([one]).to_json())
        [
          {
            "code": "MLW101",
            "title": "one value",
            "severity": "tip",
            "status": "passed"
          }
        ]
        """
        return msgspec.json.format(msgspec.json.encode(self.items), indent=2).decode()

    def _repr_html_(self) -> str:
        """A table for notebooks: what was found, and in one line what was in order or could not be told."""
        alike: dict[tuple[str, str], list[Finding]] = {}
        for one in dict.fromkeys(self.found):
            alike.setdefault((one.code, one.title), []).append(one)
        rows = [_row(same) for same in alike.values()]
        found = table(("", "code", "column", "what was found"), rows) if rows else "<p>nothing found</p>"
        return shown(found + "".join(f"<p><small>{cell(line)}</small></p>" for line in self._others()))

    def __str__(self) -> str:
        lines = []
        for f in self.found:
            place = f" [{f.column}]" if f.column else ""
            lines.append(f"{f.severity:5} {f.code}{place} {f.title}: {f.evidence}")
            if f.remedy:
                lines.append(f"      -> {f.remedy}")
        return "\n".join([*lines, *self._others()]) or "no findings"

    def _others(self) -> list[str]:
        """A line for each other status, with the codes of its checks."""
        lines = [f"fault in mlwright, please report it: {f.code} {f.evidence}" for f in self.faults]
        for status in ("waived", "not_enough_data", "skipped", "passed"):
            codes = sorted({f.code for f in self.items if f.status == status})
            if codes:
                lines.append(f"{status.replace('_', ' ')}: {', '.join(codes)}")
        return lines


def _row(same: list[Finding]) -> tuple[str, ...]:
    """Findings of one kind as cells: each column with its figures, each remedy once."""
    first, columns = same[0], [f.column for f in same if f.column]
    told = [f"<b>{cell(first.title)}</b>{': ' if len(same) == 1 and first.evidence else ''}"]
    told[0] += cell(first.evidence) if len(same) == 1 else ""
    if len(same) > 1:
        told += [f"{cell(f.column or 'the table')}: {cell(f.evidence)}" for f in same[:MOST_ALIKE]]
    told += [f"and {len(same) - MOST_ALIKE} more"] if len(same) > MOST_ALIKE else []
    told += [f"&rarr; {cell(remedy)}" for remedy in dict.fromkeys(f.remedy for f in same) if remedy][:2]
    where = columns[0] if len(columns) == 1 else counted(len(columns), "column") if columns else ""
    severity = f'<span class="{first.severity}">{first.severity}</span>'
    return severity, cell(first.code), cell(where), "<br>".join(told)
