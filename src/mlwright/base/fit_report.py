"""The FitReport: what is wrong with a fit, or is not, or cannot be told; each with figures and a remedy.

Made by `training`, part of the evaluation in a model file, offered as `model.fit_report`, shown by `cli` and
the card. Values only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from mlwright.base.finding import Finding, Status
from mlwright.base.shown import cell, shown, table

Kind = Literal[
    "overfitting", "underfitting", "not enough data", "label noise", "instability", "shift", "weak slices"
]
SAID: dict[Status, str] = {
    "found": "found",
    "passed": "not found",
    "not_enough_data": "cannot tell",
    "skipped": "not looked at",
    "not_applicable": "not applicable",
    "waived": "waived",
}
"""How people read a status."""
ORDER: dict[Status, int] = {s: i for i, s in enumerate(SAID)}

ALSO: dict[Kind, tuple[str, ...]] = {
    "label noise": ("MLW202", "MLW307"),
    "shift": ("MLW601", "MLW602", "MLW603"),
}
"""Codes of checks that say the same of the data."""
MERELY_TOLD = ("MLW202",)
"""Some equal rows of different targets are no reason to say that most of the error is noise."""
SLICES = ("MLW801", "MLW802", "MLW803")
"""Codes of what slices of an evaluation show."""
MOST_NAMED = 3
"""So many findings are told in full."""


def brief(value: float, digits: int = 4) -> str:
    """`value` with so many significant digits, never in powers of ten where it is large.

    >>> brief(54321.9), brief(0.12345), brief(-482.6, 2), brief(999.7, 3)
    ('54,322', '0.1235', '-483', '1,000')
    """
    large = min(1000.0, 10**digits - 0.5)  # with fewer digits a smaller number would get a power of ten
    return f"{value:,.0f}" if large <= abs(value) < 1e15 else f"{value:.{digits}g}"


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float

    def said(self, digits: int = 2) -> str:
        """In words, with so many significant digits.

        >>> Span(value=0.0123, low=0.004, high=0.02).said()
        '0.012 (0.004 to 0.02)'
        """
        value, low, high = (brief(v, digits) for v in (self.value, self.low, self.high))
        return f"{value} ({low} to {high})"

    def percent(self) -> str:
        """In words, as a share.

        >>> Span(value=0.0123, low=0.004, high=0.02).percent()
        '1.2 % (0.4 to 2.0)'
        """
        return f"{100 * self.value:.1f} % ({100 * self.low:.1f} to {100 * self.high:.1f})"


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One question asked of a fit, and its answer."""

    kind: Kind
    status: Status
    """`found`, `passed` (it is not there), `not_enough_data` (looked, cannot tell), `skipped`, or
    `not_applicable`."""
    evidence: str
    """In words, with the figures that say so."""
    figure: Span | None = None
    """The figure that decided, where there is one."""
    remedy: str = ""

    def __str__(self) -> str:
        line = f"{SAID[self.status]:14} {self.kind}: {self.evidence}"
        return plainly(line) + (f"\n{'':14} -> {plainly(self.remedy)}" if self.remedy else "")


class LearningCurve(msgspec.Struct, frozen=True, kw_only=True):
    """The error of one candidate by the rows it learned from, judged on the same unseen rows, and what more
    rows would bring."""

    candidate: str
    metric: str
    """What the errors are of: 1 less the metric where greater is better."""
    rows: tuple[int, ...]
    """Rows learned from, ascending."""
    errors: tuple[Span, ...]
    """With the intervals of judged rows and of repeated fits."""
    twice: Span
    """By how much twice the last number of rows would lower the error."""
    fourfold: Span
    """The same of four times."""
    how: str

    def __str__(self) -> str:
        points = "; ".join(f"{n:,}: {brief(e.value)}" for n, e in zip(self.rows, self.errors, strict=True))
        return f"{self.metric} error of {plainly(self.candidate)} by rows: {points}"


class FitReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Over- and underfitting, not enough data, label noise, instability, shift, weak slices.

    Iterates over its diagnoses, what was found first.

    >>> one = Diagnosis(kind="shift", status="found", evidence="later rows are worse", remedy="fit anew")
    >>> FitReport(diagnoses=(one,))
    fit report: 1 found
    found          shift: later rows are worse
                   -> fit anew
    """

    diagnoses: tuple[Diagnosis, ...] = ()
    curve: LearningCurve | None = None

    def __iter__(self) -> Iterator[Diagnosis]:
        return iter(sorted(self.diagnoses, key=lambda d: ORDER[d.status]))

    def __len__(self) -> int:
        return len(self.diagnoses)

    @property
    def found(self) -> tuple[Diagnosis, ...]:
        return tuple(d for d in self.diagnoses if d.status == "found")

    def beside(self, findings: Iterable[Finding]) -> FitReport:
        """The same, to which findings of checks that say the same in another way are added.

        >>> one = Diagnosis(kind="label noise", status="passed", evidence="few contradict")
        >>> wrong = Finding(code="MLW307", title="", severity="tip", status="found", evidence="5 % are odd")
        >>> FitReport(diagnoses=(one,)).beside([wrong]).found[0].evidence
        'few contradict; MLW307: 5 % are odd'
        """
        found = [f for f in findings if f.status in ("found", "waived")]
        return FitReport(diagnoses=tuple(_told(d, found) for d in self.diagnoses), curve=self.curve)

    def of(self, kind: Kind) -> Diagnosis:
        """The diagnosis of that kind. Raises `KeyError` where it was not asked."""
        for one in self.diagnoses:
            if one.kind == kind:
                return one
        raise KeyError(kind)

    @property
    def said(self) -> str:
        """How many there are of each status, in words."""
        counts = {s: sum(d.status == s for d in self.diagnoses) for s in SAID}
        return ", ".join(f"{n} {SAID[s]}" for s, n in counts.items() if n) or "nothing was asked"

    def __str__(self) -> str:
        lines = [f"fit report: {self.said}", *(str(d) for d in self)]
        return "\n".join([*lines, *([str(self.curve)] if self.curve else [])])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = [
            (
                f'<span class="tip">{cell(SAID[d.status])}</span>'
                if d.status == "found"
                else cell(SAID[d.status]),
                f"<b>{cell(d.kind)}</b>" if d.status == "found" else cell(d.kind),
                cell(d.evidence) + (f"<br>&rarr; {cell(d.remedy)}" if d.remedy else ""),
            )
            for d in self
        ]
        curve = f"<p><small>{cell(str(self.curve))}</small></p>" if self.curve else ""
        return shown(table(("", "diagnosis", "evidence"), rows) + curve)


def weak_slices(findings: Iterable[Finding]) -> Diagnosis:
    """What findings of slices say of a fit: the slices in which the model is weaker than elsewhere.

    >>> weak_slices([]).status
    'skipped'
    """
    looked = [f for f in findings if f.code in SLICES]
    found = [f for f in looked if f.status == "found"]
    if found:
        said = "; ".join(f.evidence for f in found[:MOST_NAMED])
        more = f"; and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
        return Diagnosis(kind="weak slices", status="found", evidence=said + more, remedy=found[0].remedy)
    if not looked:
        return Diagnosis(kind="weak slices", status="skipped", evidence="no slices were searched")
    passed = any(f.status == "passed" for f in looked)
    return Diagnosis(
        kind="weak slices",
        status="passed" if passed else looked[0].status,
        evidence="no slice is clearly weaker than the other rows" if passed else looked[0].evidence,
    )


def _told(one: Diagnosis, findings: list[Finding]) -> Diagnosis:
    """A diagnosis, with the evidence of checks of the same thing."""
    more = [f for f in findings if f.code in ALSO.get(one.kind, ())][:MOST_NAMED]
    if not more:
        return one
    said = "; ".join([one.evidence, *(f"{f.code}: {f.evidence}" for f in more)])
    remedy = one.remedy or more[0].remedy
    if all(f.code in MERELY_TOLD for f in more):
        return msgspec.structs.replace(one, evidence=said)
    return msgspec.structs.replace(one, status="found", evidence=said, remedy=remedy)


def plainly(text: str) -> str:
    """`text` without control characters: it may come from a file."""
    return "".join(c if c.isprintable() else "?" for c in text)
