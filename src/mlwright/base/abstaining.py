"""Abstaining values: from which probability of its label on a model may answer, so that at most a stated
share of its answers is wrong.

Made by `evaluation`, kept in the evaluation of a model file, read by `artifact`. Values only.
"""

from __future__ import annotations

import msgspec

from mlwright.base.errors import Misuse
from mlwright.base.rates import refuse_no_rate, rounded_up

USUAL = (0.01, 0.05, 0.1)
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
        """In words: the usual rates, of each whether it can be kept to, and the least that can.

        >>> known = [(0.9, 300, 0.0, 0.02), (0.7, 600, 0.03, 0.06), (0.0, 1000, 0.1, 0.12)]
        >>> steps = (Step(least=a, answers=b, answered=b / 1000, wrong=c, at_most=d) for a, b, c, d in known)
        >>> for line in Abstaining(steps=tuple(steps), rows=1000).said:
        ...     print(line)
        1% cannot be kept to by 1,000 rows; the least that can is 3.34%: it answers 30% of the rows
        5% of its answers may be wrong: it answers 30% of the rows
        10% of its answers may be wrong: it answers 60% of the rows
        """
        known = {error: self.at(error) for error in USUAL}
        lines = [
            f"{error:.0%} of its answers may be wrong: it answers {step.answered:.0%} of the rows"
            for error, step in known.items()
            if step is not None
        ]
        broken = [f"{error:.0%}" for error, step in known.items() if step is None]
        if broken:
            rates = " and ".join(part for part in (", ".join(broken[:-1]), broken[-1]) if part)
            lines.insert(0, f"{rates} cannot be kept to by {self.rows:,} rows; {self._least_said}")
        return tuple(lines)

    @property
    def _least_said(self) -> str:
        least = self.least
        step = None if least is None else self.at(least)
        if least is None or step is None:
            return "neither can any other rate"
        return f"the least that can is {100 * least:.3g}%: it answers {step.answered:.0%} of the rows"

    @property
    def least(self) -> float | None:
        """The least rate that can be kept to, rounded up to three digits; None where none can be."""
        before, found = 0, []
        for step in self.steps:
            begins = 0.0 if step.answers >= self.rows else SOME_WRONG / step.answers
            rate = rounded_up(max(begins, step.at_most))
            # Of larger rates an earlier step is the first that is tested.
            if rate < 1.0 and (not before or rate * before < SOME_WRONG) and self.at(rate) is not None:
                found.append(rate)
            before = step.answers
        return min(found, default=None)

    def step(self, error: float) -> Step:
        """The step to answer from. Raises `Misuse` for no rate, and for one that cannot be kept to, with the
        least that can."""
        refuse_no_rate("abstain", error)
        step, least = self.at(error), self.least
        if step is None:
            raise Misuse(
                f"no rows are so sure that at most {100 * error:.3g}% of the answers are wrong, by the "
                f"{self.rows:,} that judged the model",
                remedy="judge it by more rows" if least is None else f"allow {least:g} or more",
            )
        return step

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
