"""Limits on what ships, and the price of serving: how both weigh on the choice of the ensemble.

Called by `training.fit`. A limit binds twice: candidates that would break it by estimate are not chosen, and
what was chosen is measured in the exported graph before it is judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlwright.base.cost import Cost
from mlwright.base.errors import LimitUnmet
from mlwright.packaging.costing import Pricer
from mlwright.training.ensemble import Flags, Price
from mlwright.training.trial import Trial

EASY_US, DEAR = 100.0, 0.002
"""A tenth of a millisecond of CPU time a row must bring 0.2 % of the error, up to that much in all ..."""
DEARER = 0.02
"""... and ten times that beyond."""
CAUTION = 0.9
"""Estimates are held to a little less than the limit."""
SIZE_BYTES = 3_000_000
"""A file of so many bytes costs as much as EASY_US of time do."""


@dataclass(frozen=True)
class Limits:
    """What the model that ships may cost; None where nothing was asked for."""

    latency_us: float | None = None
    """CPU microseconds per row of one-row calls, median."""
    size_bytes: int | None = None
    memory_bytes: int | None = None
    """Resident memory that opening and serving the model takes."""

    def tightened(self) -> Limits:
        """The limits that an estimate is held to, which may be off."""
        if self == Limits():
            return self
        latency = None if self.latency_us is None else self.latency_us * CAUTION
        size = None if self.size_bytes is None else int(self.size_bytes * CAUTION)
        memory = None if self.memory_bytes is None else int(self.memory_bytes * CAUTION)
        return Limits(latency, size, memory)

    def broken_by(self, cost: Cost) -> str:
        """The first limit that `cost` breaks, in words; empty where it keeps to all.

        >>> Limits(latency_us=50).broken_by(Cost(cpu_us=80.0, size_bytes=9))
        'max_latency is 50 us a row, and it takes 80 us'
        """
        if self.latency_us is not None and cost.cpu_us > self.latency_us:
            return f"max_latency is {self.latency_us:.3g} us a row, and it takes {cost.cpu_us:.3g} us"
        if self.size_bytes is not None and cost.size_bytes > self.size_bytes:
            return f"max_size is {self.size_bytes:,} bytes, and its file takes {cost.size_bytes:,}"
        if self.memory_bytes is not None and cost.memory_bytes > self.memory_bytes:
            return f"max_memory is {self.memory_bytes:,} bytes, and serving it takes {cost.memory_bytes:,}"
        return ""


def price_of(cost: Cost) -> float:
    """By how much of the error an ensemble must be better to be worth `cost`.

    >>> price_of(Cost(cpu_us=50.0, size_bytes=0)) < price_of(Cost(cpu_us=150.0, size_bytes=0)) / 5
    True
    """
    spent = np.array([cost.cpu_us / EASY_US, cost.size_bytes / SIZE_BYTES])
    return float((np.minimum(spent, 1.0) * DEAR + np.maximum(spent - 1.0, 0.0) * DEARER).sum())


@dataclass(frozen=True)
class Pricing:
    """What candidates cost by estimate, and what a choice among them therefore must gain."""

    pricer: Pricer
    limits: Limits

    def alone(self, trial: Trial) -> Cost:
        """What a model of this trial alone costs."""
        return self.whole([trial])

    def whole(self, trials: Sequence[Trial]) -> Cost:
        """What a model of these trials costs."""
        return self.pricer.whole([(t.config.view, t.shape) for t in trials])

    def of(self, trials: Sequence[Trial]) -> Price:
        """The price of a choice among `trials`: infinite where it would break a limit."""

        def price(chosen: Flags) -> float:
            whole = self.whole([t for t, c in zip(trials, chosen, strict=True) if c])
            return float("inf") if self.limits.tightened().broken_by(whole) else price_of(whole)

        return price

    def broken_by(self, trial: Trial) -> str:
        """The limit that a model of this trial alone would break, or come too near, in words; else empty."""
        cost = self.alone(trial)
        return self.limits.broken_by(cost) or self.limits.tightened().broken_by(cost)

    def unmet(self, trials: Sequence[Trial]) -> LimitUnmet:
        """The refusal where nothing keeps to the limits: by how much the cheapest misses."""
        cheapest = min(trials, key=lambda t: price_of(self.alone(t)))
        return LimitUnmet(
            f"no candidate keeps to the limits, not even {cheapest.config.name}: "
            f"{self.broken_by(cheapest)} (by estimate)",
            remedy="raise the limit, or leave columns out",
        )
