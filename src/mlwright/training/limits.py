"""Limits on what ships, and the price of serving: how both weigh on the choice of the ensemble.

Called by `training.fit`. A limit binds twice: candidates that would break it by estimate are not chosen, and
what was chosen is measured in the exported graph. Only a measurement refuses.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mlwright.base.cost import Cost
from mlwright.graph.trees import Shape
from mlwright.packaging.costing import Pricer
from mlwright.training.ensemble import Flags, Price
from mlwright.training.trial import Trial

EASY_US, DEAR = 100.0, 0.001
"""A tenth of a millisecond of CPU time a row must bring 0.1 % of the error, up to that much in all ..."""
DEARER = 0.01
"""... and ten times that beyond."""
CAUTION = 0.9
"""Estimates are held to a little less than the limit."""
HOPELESS = 3.0
"""No estimate is so far off: what would break a limit so many times over is not worth a measurement."""
MOST_ROUNDS = 4096
"""More rounds than this are not asked about."""
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

    def strain(self, cost: Cost) -> float:
        """The largest share of a limit that `cost` takes; 0 without limits.

        >>> Limits(latency_us=50, size_bytes=100).strain(Cost(cpu_us=25.0, size_bytes=90))
        0.9
        """
        pairs = zip(_parts(cost), (self.latency_us, self.size_bytes, self.memory_bytes), strict=True)
        return max((spent / limit for spent, limit in pairs if limit is not None), default=0.0)

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
    factors: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """What was measured for each estimated microsecond, byte of the file, byte of memory."""

    def alone(self, trial: Trial) -> Cost:
        """What a model of this trial alone costs."""
        return self.whole([trial])

    def whole(self, trials: Sequence[Trial]) -> Cost:
        """What a model of these trials costs."""
        cost = self._estimated(trials)
        time, size, memory = self.factors
        return Cost(cost.cpu_us * time, round(cost.size_bytes * size), round(cost.memory_bytes * memory))

    def of(self, trials: Sequence[Trial]) -> Price:
        """The price of a choice among `trials`: infinite where it would break a limit."""

        def price(chosen: Flags) -> float:
            whole = self.whole([t for t, c in zip(trials, chosen, strict=True) if c])
            return float("inf") if self.limits.tightened().broken_by(whole) else price_of(whole)

        return price

    def rounds_within(self, view: str, leaves: int) -> int | None:
        """How many rounds of trees of so many leaves keep to the limit on latency; None without a limit."""
        limit = self.limits.tightened().latency_us
        if limit is None:
            return None
        outputs, width = self.pricer.outputs, len(self.pricer.plan.layout(view))

        def fits(rounds: int) -> bool:
            trees = rounds * outputs
            shape = Shape(trees, trees * (2 * leaves - 1), trees * float(np.log2(leaves)), 0, width)
            return self.pricer.whole([(view, shape)]).cpu_us * self.factors[0] <= limit

        return max(1, bisect_left(range(1, MOST_ROUNDS + 1), True, key=lambda rounds: not fits(rounds)))

    def corrected(self, measured: Cost, trials: Sequence[Trial]) -> Pricing:
        """The same, now that a model of `trials` was measured."""
        pairs = zip(_parts(measured), _parts(self._estimated(trials)), strict=True)
        time, size, memory = (true / said if true and said else 1.0 for true, said in pairs)
        return replace(self, factors=(time, size, memory))

    def strain(self, trials: Sequence[Trial]) -> float:
        """The largest share of a limit that a model of these trials would take."""
        return self.limits.strain(self.whole(trials))

    def broken_by(self, trial: Trial) -> str:
        """The limit that a model of this trial alone would break, or come too near, in words; else empty."""
        cost = self.alone(trial)
        return self.limits.broken_by(cost) or self.limits.tightened().broken_by(cost)

    def lightest(self, trials: Sequence[Trial]) -> Trial | None:
        """Which to measure where none keeps to the limits by estimate: the one that breaks them least, before
        the plain baseline, unless it is hopeless."""
        real = [t for t in trials if t.config.family != "baseline"]
        plain = [t for t in trials if t.config.family == "baseline"]
        real.sort(key=lambda t: self.strain([t]))
        near = [t for t in real if self.strain([t]) < HOPELESS]
        return next(iter([*near[:1], *plain, *real]), None)

    def _estimated(self, trials: Sequence[Trial]) -> Cost:
        return self.pricer.whole([(t.config.view, t.shape) for t in trials])


def _parts(cost: Cost) -> tuple[float, float, float]:
    return cost.cpu_us, cost.size_bytes, cost.memory_bytes
