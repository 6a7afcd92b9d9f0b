"""How fast a booster must learn to be done in time: called by the boosters before their first real round."""

from __future__ import annotations

import time
from collections.abc import Callable

FULL_ROUNDS = 300
"""Rounds that a booster's usual learning rate deserves; with time for fewer the rate is raised."""


def affordable_rate(
    deadline: float, rate: float, most: float, rounds: int, run: Callable[[int], object]
) -> float:
    """The learning rate, from `rate` to `most`, at which the rounds that fit before `deadline` are enough.

    `run(rounds)` trains that many rounds and is timed; `deadline` is a time.monotonic().

    >>> affordable_rate(time.monotonic() + 3600, 0.05, 0.3, 2, lambda rounds: None)
    0.05
    """
    began = time.monotonic()
    run(rounds)
    each = (time.monotonic() - began) / rounds
    affordable = max((deadline - time.monotonic()) / max(each, 1e-6), 5.0)
    return min(max(rate * FULL_ROUNDS / affordable, rate), max(rate, most))
