"""Which trials make up the ensemble, with which weights: by what they say of some rows, and by their cost.

Called by `training.fit`, for all rows and for the rows outside of each fold. It fits nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.training.ensemble import MOST_ROWS, Flags, Price, choose_weights, error_on, free
from mlwright.training.problem import Problem
from mlwright.training.simpler import simplest
from mlwright.training.trial import Trial

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SHORTLIST, OF_A_FAMILY = 18, 2
"""The best so many trials are weighed, and in any case so many of each family: others are hardly ever kept,
and the time that weighing takes grows with them."""


@dataclass(frozen=True)
class Choice:
    """Finished trials to choose from."""

    problem: Problem
    trials: list[Trial]
    price: Price = free
    """What a choice among the trials costs, of the best one's error; infinite where a limit forbids it."""
    simpler: bool = False
    """Whether the cheapest candidate within one standard error of the best choice is preferred to it."""

    def weights(self, rows: Ints) -> Doubles:
        """Shares of the trials, chosen on `rows`. The plain baseline stands alone or not at all.

        All are 0 where no choice keeps to the limits.
        """
        return self.explained(rows)[0]

    def explained(self, rows: Ints) -> tuple[Doubles, str]:
        """The shares of `weights`, and in words what was given up to have a simpler model, if anything."""
        best = self._best(rows)
        return simplest(self.problem, self.trials, best, self.price, rows) if self.simpler else (best, "")

    def _best(self, rows: Ints) -> Doubles:
        problem, trials = self.problem, self.trials
        if len(rows) > MOST_ROWS:
            rows = np.sort(np.random.default_rng(problem.seed).choice(rows, MOST_ROWS, replace=False))
        truth, given = problem.truth[rows], problem.weights_of(rows)
        able = self._shortlist()
        shares = np.zeros(len(trials))
        if able:
            shares[able] = choose_weights(
                problem.metric,
                truth,
                [trials[i].margins[rows] for i in able],
                lambda margin: problem.answer_of(margin, rows),
                given,
                price=lambda chosen: self.price(_spread(chosen, able, len(trials))),
                seed=problem.seed,
            )
        plain = next((i for i, t in enumerate(trials) if t.config.family == "baseline"), None)
        if plain is None:
            return shares

        def error(answer: Doubles) -> float:
            return error_on(problem.metric, truth, answer, given)

        best = error(problem.output_of(self.mix(shares, rows), rows)) if shares.any() else float("inf")
        if error(problem.answer_of(trials[plain].margins[rows], rows)) < best and np.isfinite(
            self.price(np.arange(len(trials)) == plain)
        ):
            shares = np.zeros(len(trials))
            shares[plain] = 1.0
        return shares

    def mix(self, weights: Doubles, rows: Ints) -> Doubles:
        """The weighted mean of the trials' margins of `rows`."""
        kept = ((w, t) for w, t in zip(weights, self.trials, strict=True) if w > 0)
        return np.asarray(sum(w * t.margins[rows] for w, t in kept))

    def _shortlist(self) -> list[int]:
        order = sorted(
            (i for i, t in enumerate(self.trials) if t.config.family != "baseline"),
            key=lambda i: self.trials[i].error,
        )
        seen: dict[str, int] = {}
        kept = []
        for rank, i in enumerate(order):
            family = self.trials[i].config.family
            seen[family] = seen.get(family, 0) + 1
            if rank < SHORTLIST or seen[family] <= OF_A_FAMILY:
                kept.append(i)
        return sorted(kept)


def _spread(chosen: Flags, able: list[int], count: int) -> Flags:
    """Flags over the shortlist as flags over all trials."""
    out = np.zeros(count, dtype=bool)
    out[np.asarray(able)[chosen]] = True
    return out
