"""Slices of an evaluation: how a model does for each group of people, and where it is weaker than elsewhere.

Made by `evaluation`, kept in the evaluation of a model file, shown by `packaging` and `cli`. Values only: no
rows, and no category that fewer than five of the judged rows have.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

import msgspec

from mlwright.base.canonical import number_text
from mlwright.base.finding import Finding, Status, counted
from mlwright.base.fit_report import brief

GROUPS_DIFFER, WEAK_SLICE, WRONG_SLICE = "MLW801", "MLW802", "MLW803"
TITLES: dict[str, str] = {
    GROUPS_DIFFER: "the model does not treat all groups of a protected column alike",
    WEAK_SLICE: "the model is less sure of some rows than of others",
    WRONG_SLICE: "predictions are off for some rows",
}
"""Codes of what an evaluation finds, and what each means in one line."""
HOW: dict[str, str] = {
    GROUPS_DIFFER: (
        "Compares each group of a protected column, and of two together, with all other rows that the "
        "model had not seen: shares by the score or Fisher's exact test, means and ROC AUC by the larger "
        "of two variances, by cluster where rows are dependent. Found at a false-discovery rate of 5 % "
        "over all that was compared; a tip where only the share predicted positive or the log loss "
        "differs. Groups of fewer than 30 rows, and shares of fewer than 10 rows of a class, are not "
        "compared. Names groups of five rows or more. (Newcombe (1998); DeLong et al. (1988); Benjamini & "
        "Hochberg (1995), JRSS B 57)"
    ),
    WEAK_SLICE: (
        "Half of the rows that the model had not seen name slices by one column or two, of 30 rows up to "
        "a third of them, in which the loss is larger; the other half is asked about these, and the other "
        "way round. Found where the interval of the difference, which holds for all that were named "
        "together, lies over a tenth of the mean loss. (Chung et al. (2019), Slice Finder, ICDE; Cox "
        "(1975), Biometrika 62)"
    ),
    WRONG_SLICE: (
        "The same for what happened less what was predicted, to either side (of several classes, for "
        "losses beyond what the probabilities foretell), over 0.05 deviations. All together raise a false "
        "alarm in 5 % of the tables at most. (Kim, Ghorbani & Zou (2019), Multiaccuracy, AIES)"
    ),
}
"""How each is found, for the page of checks."""
LEAST_ROWS, LEAST_OF_CLASS = 30, 10
"""Rows of a group, and of each class in it, below which it is not compared with others."""
CHANCE = 0.05
"""The share of false discoveries that is borne, and the chance of any false slice."""
RATES = {
    "selection_rate": "share predicted positive",
    "true_positive_rate": "share of positives found",
    "false_positive_rate": "share of negatives called positive",
    "calibration": "mean predicted less observed",
    "mean_error": "mean error (predicted less true)",
}
"""Figures of groups beside the metrics, in words."""


class Condition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one column holds, in its own units: a value, a range, or none. Of a date, a part of it."""

    column: str
    value: str | None = None
    """The one value, as a canonical text."""
    least: float | None = None
    """At least this."""
    below: float | None = None
    """And less than this."""
    missing: bool = False
    other: bool = False
    """All values that are too rare to be named."""
    part: Literal["", "month", "hour", "time"] = ""
    """Which part of a date `value` is; `time` where the range is one of dates, in seconds since 1970."""

    @property
    def said(self) -> str:
        """In words.

        >>> Condition(column="age", least=61.0).said, Condition(column="job", value="retired").said
        ('age at least 61', 'job = retired')
        """
        name = f"{self.part} of {self.column}" if self.part not in ("", "time") else self.column
        if self.missing:
            return f"{name} missing"
        if self.other:
            return f"{name} = one of its rare values"
        if self.value is not None:
            return f"{name} = {self.value}"
        ends = [None if end is None else self._end(end) for end in (self.least, self.below)]
        if ends[0] is None:
            return f"{name} below {ends[1]}" if ends[1] is not None else f"{name} known"
        return f"{name} at least {ends[0]}" + ("" if ends[1] is None else f" and below {ends[1]}")

    def _end(self, value: float) -> str:
        if self.part != "time":
            return number_text(value)
        try:
            moment = dt.datetime.fromtimestamp(value, dt.UTC)
        except (OverflowError, ValueError, OSError):
            return number_text(value)
        return moment.date().isoformat() if value % 86_400 == 0 else moment.isoformat()[:19]


def said_of(conditions: tuple[Condition, ...]) -> str:
    """Conditions that all hold, in words.

    >>> said_of((Condition(column="age", below=30.0), Condition(column="job", missing=True)))
    'age below 30 and job missing'
    """
    return " and ".join(c.said for c in conditions) or "all rows"


class Apart(msgspec.Struct, frozen=True, kw_only=True):
    """How far a figure of some rows lies from that of all other rows, which say it too."""

    value: float
    low: float
    high: float
    p: float
    """Of no difference, corrected for the number of groups and figures compared."""

    @property
    def found(self) -> bool:
        """Whether the difference is more than chance."""
        return self.p <= CHANCE


class Figure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One figure of a group, with its 95 % interval, and how far it is from that of all other rows."""

    metric: str
    """A metric of the task, or one of `RATES`."""
    value: float
    low: float | None = None
    high: float | None = None
    """None where the rows cannot say."""
    rows: int
    """The rows that it rests on: of a share of positives, the positives."""
    apart: Apart | None = None
    """None where it was not compared."""


class Subgroup(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One group of a protected column (or of two together), and how the model does for it."""

    conditions: tuple[Condition, ...]
    rows: int
    events: int | None = None
    """Of two classes: the rows that are truly positive."""
    figures: tuple[Figure, ...] = ()
    enough: bool = True
    """Whether there are enough rows to tell."""

    @property
    def said(self) -> str:
        return said_of(self.conditions)


class Subgroups(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All groups of the protected columns, on rows that the model had not seen."""

    columns: tuple[str, ...]
    groups: tuple[Subgroup, ...]
    compared: int = 0
    """Differences that were tested together."""
    left_out: int = 0
    """Groups that are not shown: too many, or of too few rows to be named."""
    not_looked_at: tuple[str, ...] = ()
    """Protected columns beyond the first six, texts, and those that have one value."""

    def of(self, column: str) -> tuple[Subgroup, ...]:
        """The groups of one column alone."""
        return tuple(g for g in self.groups if [c.column for c in g.conditions] == [column])

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One for each column, or pair of columns, whose groups differ by more than chance."""
        kinds: dict[tuple[str, ...], list[tuple[Subgroup, Figure, Apart]]] = {}
        for group in self.groups:
            for figure in group.figures:
                if figure.apart is not None and figure.apart.found:
                    columns = tuple(c.column for c in group.conditions)
                    kinds.setdefault(columns, []).append((group, figure, figure.apart))
        return tuple(_gap_finding(columns, found) for columns, found in kinds.items())


Kind = Literal["unsure", "too_low", "too_high", "too_sure"]


class Slice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Rows for which the model is worse than elsewhere, found on some rows and measured on others.

    `unsure`: the loss is larger. `too_low`, `too_high`: predictions lie below (above) what happened.
    `too_sure`: the loss is larger than the model's own probabilities foretell.
    """

    kind: Kind
    conditions: tuple[Condition, ...]
    rows: int
    """Of all judged rows."""
    share: float
    measured: int
    """The rows that the figures rest on: those of the slice that had no part in finding it."""
    inside: float
    """The mean loss; else that of what happened less what was predicted, or of the loss less the foretold."""
    elsewhere: float
    low: float
    high: float
    """Ends of the interval of `inside - elsewhere`; it holds for all slices that were tried out, together."""
    effect: float
    """The difference in standard deviations of what is compared."""
    figures: tuple[Figure, ...] = ()
    """In the slice: the metric, what was predicted and what was observed on average."""
    outside: tuple[Figure, ...] = ()
    """The same of all other rows."""

    @property
    def said(self) -> str:
        return said_of(self.conditions)

    def of(self, metric: str) -> Figure | None:
        """The figure in the slice that is called so."""
        return next((f for f in self.figures if f.metric == metric), None)

    @property
    def remedy(self) -> str:
        """What to do about it."""
        if self.kind == "unsure":
            return (
                "The model knows less there: bring columns that tell these rows apart, "
                "or hand them to people."
            )
        return (
            "Predictions are off there, not only unsure: see how these rows came about and were labelled, "
            "bring more of them, and until then do not rely on them there."
        )


class Slices(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the model is worse than elsewhere: slices by one or two columns, or why none is named."""

    status: Literal["found", "passed", "not_enough_data", "not_applicable"]
    loss: str
    """The loss of each row that was compared."""
    rows: int
    """Rows that were judged; one half named slices, the other confirmed them, and the other way round."""
    columns: int
    """Columns that were looked at."""
    tried: int = 0
    """Slices that one half named, and the other was asked about."""
    found: tuple[Slice, ...] = ()
    detectable: float | None = None
    """How many times the loss elsewhere it must be in a tenth of the rows, to be confirmed four times in
    five; None where no loss would do."""

    @property
    def said(self) -> str:
        """The answer in words."""
        if self.status == "not_applicable":
            return "not looked for: all rows have one loss, or no column can be cut"
        looked = f"in {self.rows:,} rows and {counted(self.columns, 'column')}"
        if self.status == "found":
            return (
                f"{counted(len(self.found), 'slice')} found {looked}, by one half of the rows and confirmed "
                "by the other, which the figures are of"
            )
        if self.status == "not_enough_data" and self.detectable is None:
            return f"not enough data to tell {looked}"
        what = f"a tenth of the rows with a loss {_times(self.detectable)} that elsewhere"
        if self.status == "passed":
            return f"nothing found {looked}; {what} would be confirmed four times in five, once named"
        return f"not enough data to tell {looked}: only {what} would be confirmed four times in five"

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One for each slice; or what was looked for in vain."""
        if self.status == "not_applicable":
            return ()
        found = [_slice_finding(s, self.loss) for s in self.found]
        for code, kinds in ((WEAK_SLICE, ("unsure",)), (WRONG_SLICE, ("too_low", "too_high", "too_sure"))):
            if not any(s.kind in kinds for s in self.found):
                status: Status = "not_enough_data" if self.status == "not_enough_data" else "passed"
                said = "" if self.status == "found" else self.said
                found.append(
                    Finding(code=code, title=TITLES[code], severity="tip", status=status, evidence=said)
                )
        return tuple(found)


def _times(ratio: float | None) -> str:
    return "many times" if ratio is None else f"{ratio:.2g} times"


def told(one: Slice, loss: str) -> str:
    """What is the matter in a slice, with its figures, in words."""
    apart = f"(difference {brief(one.low, 3)} to {brief(one.high, 3)})"
    if one.kind == "unsure":
        return f"{loss} {brief(one.inside, 3)} beside {brief(one.elsewhere, 3)} elsewhere {apart}"
    if one.kind == "too_sure":
        here, elsewhere = brief(one.inside, 3), brief(one.elsewhere, 3)
        return f"{loss} larger by {here} than foretold, elsewhere by {elsewhere} {apart}"
    predicted, observed = one.of("predicted"), one.of("observed")
    if predicted is None or observed is None:
        return f"error {brief(one.inside, 3)} beside {brief(one.elsewhere, 3)} elsewhere {apart}"
    return f"{brief(predicted.value, 3)} predicted and {brief(observed.value, 3)} observed on average {apart}"


def _slice_finding(one: Slice, loss: str) -> Finding:
    code = WEAK_SLICE if one.kind == "unsure" else WRONG_SLICE
    return Finding(
        code=code,
        title=TITLES[code],
        severity="tip" if one.kind == "unsure" else "issue",
        status="found",
        column=one.conditions[0].column if len(one.conditions) == 1 else "",
        evidence=f"{one.said}: {told(one, loss)}; {one.share:.1%} of the rows",
        remedy=one.remedy,
    )


def _size(found: tuple[Subgroup, Figure, Apart]) -> tuple[float, int]:
    """Of two groups that make up a column, the smaller one is told."""
    return abs(found[2].value), -found[0].rows


def _gap_finding(columns: tuple[str, ...], found: list[tuple[Subgroup, Figure, Apart]]) -> Finding:
    """The greatest difference of each figure, in one finding."""
    greatest: dict[str, tuple[Subgroup, Figure, Apart]] = {}
    for one in found:
        kept = greatest.get(one[1].metric)
        if kept is None or _size(one) > _size(kept):
            greatest[one[1].metric] = one
    said = [
        f"{RATES.get(f.metric, f.metric)} {brief(f.value, 3)} where {g.said}, "
        f"{brief(f.value - a.value, 3)} elsewhere (difference {brief(a.low, 3)} to {brief(a.high, 3)})"
        for g, f, a in greatest.values()
    ]
    mild = set(greatest) <= {"selection_rate", "log_loss"}
    return Finding(
        code=GROUPS_DIFFER,
        title=TITLES[GROUPS_DIFFER],
        severity="tip" if mild else "issue",
        status="found",
        column=columns[0] if len(columns) == 1 else "",
        evidence="; ".join(said),
        remedy=(
            "See whether the target itself differs so, and whether what follows from a prediction may."
            if mild
            else "Decide whether that may be: look at labels and at columns that stand for the group, bring "
            "more rows of it, or decide by other thresholds. The card shows every group."
        ),
    )
