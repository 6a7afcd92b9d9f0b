"""A Finding: what one check saw. Findings: all of them, in the order of what matters most.

Made by `checks` and by reading; shown by `cli`, written into model files. A finding names row numbers, not
values, save for labels of the target, and for what a group or slice of thirty rows or more has in common.
"""

from __future__ import annotations

import html
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
        rows = [
            f"<tr><td>{f.severity}</td><td>{_cell(f.code)}</td><td>{_cell(f.column)}</td>"
            f"<td><b>{_cell(f.title)}</b>: {_cell(f.evidence)}"
            + (f"<br>&rarr; {_cell(f.remedy)}</td></tr>" if f.remedy else "</td></tr>")
            for f in self.found
        ]
        heading = "<tr><th></th><th>code</th><th>column</th><th>what was found</th></tr>"
        table = f"<table>{heading}{''.join(rows)}</table>" if rows else "<p>nothing found</p>"
        return table + "".join(f"<p><small>{_cell(line)}</small></p>" for line in self._others())

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


def _cell(text: str) -> str:
    """`text` on a page: escaped, without control characters."""
    return html.escape("".join(c if c.isprintable() else "\ufffd" for c in text))
