"""How fast a booster must learn to be done in time: called by the boosters before their first real round."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from mlwright.learners.protocol import Job

FULL_ROUNDS = 300
"""Rounds that a booster's usual learning rate deserves; with time for fewer the rate is raised."""
FEWEST_ROWS = 2_000


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


def affordable(job: Job, seconds_a_cell: float) -> Job:
    """The job, with fewer rows where making the library's own form of them would outlast half of its time.

    That step cannot be stopped. Rows are taken evenly. A refit (`Job.rounds`) is thinned alike.
    """
    if job.deadline is None:
        return job
    left = max(job.deadline - time.monotonic(), 0.2)
    most = int(0.5 * left / seconds_a_cell / max(job.train.x.shape[1], 1))
    if len(job.train) <= max(most, FEWEST_ROWS):
        return job
    return replace(job, train=job.train.evenly(max(most, FEWEST_ROWS)), key="")


def _seconds(run: Callable[[int], object], rounds: int) -> float:
    began = time.monotonic()
    run(rounds)
    return time.monotonic() - began
