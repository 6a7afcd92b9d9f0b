"""Selection values: by how much choosing the best of many on the same rows flatters, and what one strong
default would have done.

Made by `evaluation` and `training`, kept in the evaluation of a model file. Values only.
"""

from __future__ import annotations

import msgspec

from mlwright.base.comparison import ALIKE, Gain, two_digits
from mlwright.base.fit_report import brief
from mlwright.base.score import Score


class Rival(msgspec.Struct, frozen=True, kw_only=True):
    """What a plain candidate scores on the rows that judged the model, and the model's gain over it."""

    name: str
    score: Score
    gain: Gain

    @property
    def said(self) -> str:
        """In a sentence."""
        reached = f"{self.score.metric} {brief(self.score.value)}"
        beside = f"{self.name} alone, one booster as it comes, reaches {reached}"
        if self.gain.method == ALIKE:
            return f"{beside}; the model answers as well as it, and no better"
        value, low, high = (brief(v, 2) for v in (self.gain.value, self.gain.low, self.gain.high))
        about = f"{value} ({low} to {high})"
        if self.gain.verdict == "unclear":
            return f"{beside}; the model is not clearly better than it: by {about}"
        return f"{beside}; the model is {self.gain.verdict} by {about}"


class Selection(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The choice among candidates: as it looked on the rows that chose, and corrected for the choosing."""

    candidates: int
    """How many were chosen among, the plain baseline left aside."""
    best: str
    seen: Score
    """The best candidate's, on the rows that chose it."""
    corrected: Score
    """The same, as it is to be expected of rows that did not choose it."""
    whole_seen: Score | None = None
    """The whole model's, on the rows that chose its weights, rounds and calibration."""
    runner_up: str = ""
    lead: Gain | None = None
    """The best candidate's over the runner-up, on the same rows."""

    @property
    def flattery(self) -> float:
        """By how much the choice flatters the best candidate, in the metric's unit."""
        return abs(self.seen.value - self.corrected.value)

    @property
    def said(self) -> str:
        """In sentences: what the choice flatters, and whether the best two can be told apart."""
        seen, corrected = f"{self.seen.metric} {brief(self.seen.value)}", brief(self.corrected.value)
        lines = (
            f"Of {self.candidates} candidates {self.best} looked best: {seen} on the rows that chose it, "
            f"{corrected} corrected for the choice."
        )
        if self.lead is None:
            return lines
        if self.lead.verdict == "better":
            return f"{lines} It is better than {self.runner_up} by more than chance."
        need = self.lead.rows_to_tell
        more = f"; some {two_digits(need)} would, if the difference is as it looks" if need else ""
        return f"{lines} {self.lead.rows:,} rows do not tell it from {self.runner_up}{more}."

    @property
    def whole_said(self) -> str:
        """What the whole model shows on the rows that chose it, which is no evidence; "" if unknown."""
        if self.whole_seen is None:
            return ""
        return (
            f"On the rows that chose its weights, rounds and calibration the whole model shows "
            f"{self.whole_seen.metric} {brief(self.whole_seen.value)}, which is not to be relied on."
        )
