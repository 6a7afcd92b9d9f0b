"""The gate before training: findings that would make a model a lie stop `fit`, unless their code is waived.

Called by `lifecycle.fit` with all that was found, before any time is spent on training. What stops it, says
each finding itself (`Finding.stops`).
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from mlwright.base.errors import ChecksRefused
from mlwright.base.finding import Finding, Findings


def waived(findings: Findings, codes: Collection[str]) -> Findings:
    """The findings, those of these codes marked as known and borne.

    >>> known = Finding(code="MLW401", title="a leak", severity="issue", status="found")
    >>> [f.status for f in waived(Findings.of([known]), {"MLW401"})]
    ['waived']
    """
    return Findings.of(
        msgspec.structs.replace(f, status="waived") if f.code in codes and f.status == "found" else f
        for f in findings
    )


def pass_or_refuse(findings: Findings, where: str = "") -> None:
    """Raises `ChecksRefused` where an issue stops training, naming columns, figures, and both ways on."""
    grave = Findings.of(f for f in findings.issues if f.stops)
    if not len(grave):
        return
    said = "; ".join(_said(f) for f in grave)
    raise ChecksRefused(grave, f"nothing was trained: {said}", where=where, remedy=_ways_on(grave))


def to_drop(grave: Findings) -> tuple[str, ...]:
    """The columns that findings name, each once."""
    return tuple(dict.fromkeys(f.column for f in grave if f.column and f.code.startswith("MLW4")))


def to_waive(grave: Findings) -> tuple[str, ...]:
    """The codes that may be waived; without a target or a feature there is nothing to train on."""
    return tuple(dict.fromkeys(f.code for f in grave if not f.code.startswith("MLW3")))


def _said(finding: Finding) -> str:
    place = f", column {finding.column!r}" if finding.column else ""
    evidence = f" ({finding.evidence})" if finding.evidence else ""
    return f"{finding.code}{place}: {finding.title}{evidence}"


def _ways_on(grave: Findings) -> str:
    columns, codes = to_drop(grave), to_waive(grave)
    ways = []
    if columns:
        ways.append(f"leave out what is not known in time with drop={columns!r}")
    elif codes:
        ways.append(grave.items[0].remedy.rstrip("."))
    if codes:
        but = "where it is known in time after all, " if columns else "or "
        ways.append(f"{but}bear it with waive={codes!r}, which the card says")
    return "; ".join(ways) or grave.items[0].remedy
