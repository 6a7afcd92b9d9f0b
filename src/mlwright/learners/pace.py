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

    `run(rounds)` trains that many rounds and is timed; `deadline` is a time.monotonic(). One round is enough
    to see that time is plenty, or that there is none to lose; only between are `rounds` timed.

    >>> affordable_rate(time.monotonic() + 3600, 0.05, 0.3, 2, lambda rounds: None)
    0.05
    """
    each = _seconds(run, 1)
    left = deadline - time.monotonic()
    if each * FULL_ROUNDS <= left:  # the first round pays for setting up: an upper bound
        return rate
    if each * rounds * 10 < left:
        each = _seconds(run, rounds) / rounds
    affordable = max((deadline - time.monotonic()) / max(each, 1e-6), 5.0)
    return min(max(rate * FULL_ROUNDS / affordable, rate), max(rate, most))


def _seconds(run: Callable[[int], object], rounds: int) -> float:
    began = time.monotonic()
    run(rounds)
    return time.monotonic() - began
