"""A Finding: what one check saw. Findings: all of them, in the order of what matters most.

Made by `checks` and by reading; shown by `cli`, written into model files. A finding names row numbers, not
values, save for labels of the target.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

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


def counted(count: int, noun: str, plural: str = "") -> str:
    """A count with its noun.

    >>> counted(1, "row"), counted(10297, "row"), counted(2, "class", "classes")
    ('1 row', '10,297 rows', '2 classes')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


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

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __str__(self) -> str:
        lines = []
        for f in self.found:
            place = f" [{f.column}]" if f.column else ""
            lines.append(f"{f.severity:5} {f.code}{place} {f.title}: {f.evidence}")
            if f.remedy:
                lines.append(f"      -> {f.remedy}")
        others = [f for f in self.items if f.status not in ("found", "not_applicable")]
        for status in ("waived", "not_enough_data", "skipped", "passed"):
            codes = sorted({f.code for f in others if f.status == status})
            if codes:
                lines.append(f"{status.replace('_', ' ')}: {', '.join(codes)}")
        return "\n".join(lines) or "no findings"
