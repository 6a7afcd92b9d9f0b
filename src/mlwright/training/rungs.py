"""First looks on a large table: candidates are given a little time each, before one of them gets most of it.

Asked by `search` where there is one fold and time enough: a long fit of the wrong candidate would take the
time of the right one. All have all rows: on a part of them, small trees look better than they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from mlwright.learners import Config, Learner
from mlwright.training.prepared import PreparedFolds
from mlwright.training.trial import LEFT_OUT, Trial, run_trial

MOST = 4
"""So many candidates are compared, the first of the portfolio; the others keep their places behind them."""
SHARE = 0.04
"""The share of the time left that each of them may take."""
COMPETITIVE = 2.0
"""A candidate whose error is larger than the least by more than this factor is left out."""


def first_looks(
    folds: PreparedFolds,
    portfolio: Sequence[Config],
    known: Mapping[str, Learner],
    deadline: Callable[[Config], float | None],
) -> tuple[list[Config], list[Trial]]:
    """The portfolio with the most promising candidates first, and trials of those that are left out.

    The plain baseline stays first; a linear model, which is quick on any table, is not compared.
    """
    compared = [c for c in portfolio if c.family not in ("baseline", "linear")][:MOST]
    if len(compared) < 2:
        return list(portfolio), []
    tried = {c.name: run_trial(c, known[c.family], folds, partial(deadline, c), keep=True) for c in compared}
    least = min(t.error for t in tried.values())
    promising = [c for c in compared if not tried[c.name].failure and _is_near(tried[c.name], least)]
    if not promising:  # none could be fitted in so little time: all of them may say more
        return list(portfolio), []
    promising.sort(key=lambda c: tried[c.name].error)
    names = {c.name for c in compared}
    rest = [c for c in portfolio if c.name not in names]
    plain, others = [c for c in rest if c.family == "baseline"], [c for c in rest if c.family != "baseline"]
    left_out = [_left_out(c, tried[c.name], least) for c in compared if c not in promising]
    return [*plain, *promising, *others], left_out


def _is_near(trial: Trial, least: float) -> bool:
    return trial.error <= COMPETITIVE * least


def _left_out(config: Config, trial: Trial, least: float) -> Trial:
    said = trial.failure or f"an error of {trial.error:.3g} beside {least:.3g}"
    return Trial(config, failure=f"{LEFT_OUT} after a first look: {said}")
