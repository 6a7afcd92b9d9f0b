"""Cost: what a model, or a part of one, takes to serve. Estimated by `packaging`, weighed by `training`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """What serving takes. Parts add up.

    >>> Cost(20.0, 1000) + Cost(30.0, 500)
    Cost(cpu_us=50.0, size_bytes=1500, memory_bytes=0)
    """

    cpu_us: float = 0.0
    """CPU microseconds per row of one-row calls, median."""
    size_bytes: int = 0
    """Bytes of the file."""
    memory_bytes: int = 0
    """Resident memory."""

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.cpu_us + other.cpu_us,
            self.size_bytes + other.size_bytes,
            self.memory_bytes + other.memory_bytes,
        )
