"""Abstaining values: from which probability of its label on a model may answer, so that at most a stated
share of its answers is wrong.

Made by `evaluation`, kept in the evaluation of a model file, read by `artifact`. Values only.
"""

from __future__ import annotations

import msgspec

ASKED = "Asked to abstain from what it is not sure of (95 % confidence):"
SOME_WRONG = 10
"""Answers times the rate that is allowed, from which on steps are tested: fewer forgive no mistake."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What answering from one probability on would have brought on unseen rows."""

    least: float
    """The least probability of the label that is answered."""
    answered: float
    """The share of the rows that were."""
    answers: int
    """How many rows that is."""
    wrong: float
    """The share of the answers that were wrong."""
    at_most: float
    """The upper end of that share's one-sided 95 % interval."""


class Abstaining(msgspec.Struct, frozen=True, kw_only=True):
    """Steps from the surest rows to all rows."""

    steps: tuple[Step, ...]
    rows: int

    @property
    def said(self) -> tuple[str, ...]:
        """In words, at the usual rates that can be kept."""
        lines = []
        for error in (0.01, 0.05, 0.1):
            step = self.at(error)
            if step is not None:
                lines.append(
                    f"{error:.0%} of its answers may be wrong: it answers {step.answered:.0%} of the rows"
                )
        return tuple(lines)

    @property
    def told(self) -> tuple[str, ...]:
        """The same, or that no usual rate can be kept."""
        return self.said or ("none of 1, 5 and 10 % of wrong answers can be kept to on so few rows",)

    def at(self, error: float) -> Step | None:
        """The last step, from the surest rows on, down to which no step may be wrong more often than `error`,
        with 95 % confidence; None where not even the first one is sure enough.

        Steps are tested in their order and the first that fails ends it, so that testing many costs nothing
        (fixed-sequence testing; Angelopoulos et al., 2021, "Learn then Test"). It begins where there are so
        many answers that some may be wrong.

        >>> known = [(0.9, 300, 0.0, 0.02), (0.7, 600, 0.03, 0.06), (0.0, 1000, 0.1, 0.12)]
        >>> steps = (Step(least=a, answers=b, answered=b / 1000, wrong=c, at_most=d) for a, b, c, d in known)
        >>> found = Abstaining(steps=tuple(steps), rows=1000)
        >>> found.at(0.07).least, found.at(0.01), found.at(0.2).answered
        (0.7, None, 1.0)
        """
        last = None
        for step in self.steps:
            if step.answers < min(SOME_WRONG / error, self.rows):
                continue
            if step.at_most > error:
                return last
            last = step
        return last
