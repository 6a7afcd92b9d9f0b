"""Evaluation values: scores with intervals beside the baseline, and the leaderboard's rows.

Made by `evaluation` and `training`, written into model files by `packaging`, shown by `cli`. Values only.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from mlwright.base.abstaining import Abstaining
from mlwright.base.conformal import Conformal
from mlwright.base.decision import Decision
from mlwright.base.errors import Misuse
from mlwright.base.finding import Finding
from mlwright.base.fit_report import FitReport, brief
from mlwright.base.importance import Curve, Importance
from mlwright.base.prediction_intervals import Intervals
from mlwright.base.promise import Promise
from mlwright.base.reliability import Reliability
from mlwright.base.score import TOO_FEW_ROWS as TOO_FEW_ROWS
from mlwright.base.score import Score as Score
from mlwright.base.score_table import score_table
from mlwright.base.selection import Rival, Selection
from mlwright.base.shown import cell, shown
from mlwright.base.slices import Slices, Subgroups

SplitRule = Literal["random", "stratified", "group", "time", "order", "group+time", "given"]
"""How rows were divided: `order` is time told by the order of rows, `group+time` later rows of other groups,
`given` folds that a column names."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the leaderboard: a candidate and what became of it. In JSON, every field is there."""

    name: str
    family: str
    score: Score | None
    fit_seconds: float
    cpu_us: float | None = None
    """CPU microseconds per row of one-row calls in the exported graph."""
    size_bytes: int | None = None
    weight: float = 0.0
    """Share in the ensemble; 0 for what was left out."""
    reason: str = ""
    """Why it was kept or dropped, or how it failed."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one way to decide labels brought on the judged rows: costs, alerts, precision, recall."""

    way: str
    """`as decided`, or another way that stands beside it."""
    scores: tuple[Score, ...]


class Parity(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How nearly the graph answers as the training path does; a failed comparison means no file."""

    rows: int
    """Rows compared: real ones, and edges (missing, unseen, extreme, empty)."""
    largest: float
    """The largest relative difference of a margin, or of a predicted number."""
    where: str = ""
    """The comparison it was found in."""
    tolerance: float = 0.0


class Evaluation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How good the model is, on rows that it had not seen, beside the plain baseline."""

    task: str
    metric: str
    """The metric that was optimised; its score stands first."""
    scores: tuple[Score, ...]
    baseline: tuple[Score, ...]
    rows: int
    how: str
    """In words: which rows were held back, and what the intervals cover."""
    split: SplitRule
    why_split: str = ""
    leaderboard: tuple[Entry, ...] = ()
    calibration: str = ""
    """The method chosen, and what it changed."""
    parity: Parity | None = None
    """Training path against graph, made at packaging."""
    confusion: tuple[tuple[int, ...], ...] = ()
    """Counts by true class (rows) and predicted class (columns), for up to 30 classes."""
    decision: Decision | None = None
    """How a label follows from the probabilities; None: the likeliest class."""
    outcomes: tuple[Outcome, ...] = ()
    """What the decision brought, beside other ways to decide."""
    default: Rival | None = None
    """One strong candidate as it comes, on the same rows, and the model's gain over it."""
    selection: Selection | None = None
    """What choosing among candidates flatters; None where nothing was chosen."""
    sets: Conformal | None = None
    """What sets of labels are made from, and how often they held the truth; of classes only."""
    abstaining: Abstaining | None = None
    """From which probability on it may answer, so that few enough answers are wrong; of classes only."""
    intervals: Intervals | None = None
    """What intervals are made from, and how often they held the truth; of numbers only."""
    promises: tuple[Promise, ...] = ()
    """What the model's file promised of sets, intervals and abstaining, beside what came; of fresh rows."""
    reliability: Reliability | None = None
    """Whether probabilities mean what they say; of numbers, means foretold beside those that came."""
    fit_report: FitReport | None = None
    """What is wrong with the fit, or is not, or cannot be told."""
    subgroups: Subgroups | None = None
    """How it does for each group of the protected columns; None where none was named or told."""
    slices: Slices | None = None
    """Where it is weaker than elsewhere; None in files that were made before this was looked for."""

    importance: Importance | None = None
    """What the answers rest on, by column and by group of columns; None where it was not asked for."""
    effects: tuple[Curve, ...] = ()
    """How the answers move with the most important columns."""

    @property
    def score(self) -> Score:
        """The first one. Raises `Misuse` for a model that was never evaluated, as some converted ones."""
        if not self.scores:
            raise Misuse(
                "the model was never evaluated",
                where=self.how,
                remedy="measure it: mlwright.evaluate(model, data)",
            )
        return self.scores[0]

    @property
    def weak(self) -> tuple[Finding, ...]:
        """What it shows of groups that differ and of slices in which the model is weak."""
        by_group = self.subgroups.findings if self.subgroups else ()
        return (*by_group, *(self.slices.findings if self.slices else ()))

    @property
    def doubt(self) -> str:
        """A sentence where the first score is not clearly better than the plain baseline's; else nothing."""
        first = self.scores[0] if self.scores else None
        plain = next((s for s in self.baseline if first and s.metric == first.metric), None)
        if first is None or plain is None or plain.value != plain.value or first.beside(plain) == "better":
            return ""
        known = not first.method.startswith("none")
        between = f"{brief(first.low, 3)} to {brief(first.high, 3)}" if known else "no interval"
        said = f"{first.metric} {brief(first.value, 3)} ({between}) beside {brief(plain.value, 3)}"
        return f"Not clearly better than guessing: {said}."

    def _repr_html_(self) -> str:
        """A table for notebooks: every metric beside the baseline, on which rows, and what to doubt."""
        told = [
            self.how,
            self.default.said if self.default else "",
            self.selection.said if self.selection else "",
        ]
        lines = [f'<p class="soft">{cell(t)}</p>' for t in told if t]
        lines += [f'<p class="issue">{cell(self.doubt)}</p>'] if self.doubt else []
        for f in (w for w in self.weak if w.status == "found"):
            code = f'<span class="{f.severity}">{f.severity} {cell(f.code)}</span>'
            lines.append(f"<p>{code} {cell(f.title)}: {cell(f.evidence)}</p>")
        head = f"<b>{cell(self.task)}</b>, {self.rows:,} rows" if self.rows else f"<b>{cell(self.task)}</b>"
        scores = score_table(self.scores, self.baseline) if self.scores else ""
        return shown(f"<p>{head}</p>{scores}{''.join(lines)}")
