"""Limits bind: what was packaged is measured, and made lighter until it keeps to them.

Called by `fit`. Estimates have guided the choice before; here only measurements decide, and the time limit
says how many of them there can be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from mlwright.base.cost import Cost
from mlwright.base.errors import EnvironmentProblem, LimitUnmet

if TYPE_CHECKING:
    from mlwright.artifact import Model
    from mlwright.training import Budget, Limits, Trained

MEASURING_S, MEASURING_SHARE = 1.5, 0.05
"""What is kept of the time limit for measuring memory: so many seconds, or that share of a short limit."""
LIGHTENING_S, LIGHTENING_SHARE = 5.0, 0.1
"""What is kept for making a model lighter that was measured to be too slow: a clock says more than counts."""
LEAST_WAIT_S, MOST_WAIT_S = 10.0, 120.0
"""How long a process may take to open a model before its memory is estimated instead."""


def within(
    limits: Limits, trained: Trained, packaged: Callable[[Trained], Model], budget: Budget | None = None
) -> Model:
    """The model of `trained`, without its costliest members where the whole breaks a limit.

    Where time is nearly out, as much goes at once as the measurement says. Raises `LimitUnmet` where the
    lightest candidate, measured, still breaks a limit.
    """
    from mlwright.training import Budget, lighter

    budget = budget or Budget(None)
    doubt = ""
    while True:
        began = budget.clock()
        model = packaged(trained)
        measured, doubt = _measured(model, limits, budget, doubt)
        broken = limits.broken_by(measured)
        if not broken:
            return packaged(_doubted(trained, doubt)) if doubt else model
        # The promise is kept with half a round to spare: rounds differ.
        rounds = budget.promised_s() / (budget.clock() - began + trained.judging_s) - 0.5
        less = lighter(trained, measured, rounds)
        if less is None:
            name = ", ".join(m.config.name for m in trained.blend.members)
            raise LimitUnmet(
                f"no candidate keeps to the limits, not even {name}: {broken}",
                remedy="raise the limit, or leave columns out",
            )
        trained = less


def kept_for_measuring(limits: Limits, limit_s: float | None) -> float:
    """Seconds of the time limit that training and packaging must leave."""
    if limit_s is None:
        return 0.0
    memory = min(MEASURING_S, MEASURING_SHARE * limit_s)
    latency = min(LIGHTENING_S, LIGHTENING_SHARE * limit_s) if limits.latency_us is not None else 0.0
    return memory + latency


def memory_seconds(limits: Limits, budget: Budget) -> float:
    """Seconds that a file may take to be measured in memory: none where no time is left, or where trials are
    counted and no limit depends on it, for it takes a second of every fit."""
    if limits.memory_bytes is not None:
        return min(max(budget.promised_s(), LEAST_WAIT_S), MOST_WAIT_S)
    left = 0.0 if budget.limit_s is None else budget.left_s() + budget.kept_s
    return budget.promised_s() if left >= MEASURING_S else 0.0


def cost_of(model: Model, *, memory: bool, within_s: float = MOST_WAIT_S) -> Cost:
    """What a packaged model takes to serve, as measured; its `memory` takes a second to measure.

    Raises `EnvironmentProblem` where its memory cannot be, or not in `within_s` seconds.
    """
    from mlwright.packaging.costing import memory_of

    data, timings = model.to_bytes(), model.timings
    taken = 0
    if memory:
        known = timings.memory_bytes if timings.memory_measured else None
        taken = known or memory_of(data, within_s)
    return Cost(model.timings.cpu_us_p50 or 0.0, len(data), taken)


def _measured(model: Model, limits: Limits, budget: Budget, doubt: str) -> tuple[Cost, str]:
    """What `model` takes, and why its memory is an estimate, where it is one; never tried again then."""
    from mlwright.packaging.costing import memory_by_size

    asked = limits.memory_bytes is not None
    if not doubt:
        wait = min(max(budget.promised_s(), LEAST_WAIT_S), MOST_WAIT_S)
        try:
            return cost_of(model, memory=asked, within_s=wait), ""
        except EnvironmentProblem as problem:
            doubt = problem.message
    cost = cost_of(model, memory=False)
    return replace(cost, memory_bytes=memory_by_size(model.to_onnx(), cost.size_bytes)), doubt


def _doubted(trained: Trained, doubt: str) -> Trained:
    """The same, with a note that its memory is an estimate."""
    return replace(trained, notes=(*trained.notes, f"max_memory was held to an estimate: {doubt}"))
