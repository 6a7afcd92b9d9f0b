"""The zone of a family: which of its settings may be varied, or come from a file, and between which values.

A learner that has one says so in an attribute `zone`. The search varies settings within it; settings that a
model file brings are used only if they lie in it, since a file may come from a stranger.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from mlwright.learners.protocol import Learner, Settings

FLOOR = 0.1
"""Added to a range that is varied by factors and begins at 0."""


@dataclass(frozen=True)
class Range:
    """The values that one setting may have.

    >>> Range(0.01, 0.3, 0.05).holds(0.1), Range(1, 8, 6, whole=True).holds(2.5)
    (True, False)
    """

    low: float
    high: float
    usual: float
    """The family's own choice where the setting is not given."""
    by_factors: bool = False
    """Whether twice as much is as far away as half as much."""
    whole: bool = False
    switch: bool = False
    """On or off; low, high and usual are then 0 or 1."""
    varied: bool = True
    """Whether the search may vary it; else it may only be given."""

    def holds(self, value: object) -> bool:
        """Whether `value` is of the setting's type and within its bounds."""
        if self.switch:
            return isinstance(value, bool)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            return False
        return self.low <= value <= self.high and (not self.whole or value == int(value))

    def near(self, value: float, spread: float, rng: np.random.Generator) -> float | bool | int:
        """A value about `spread` of the range away from `value`, within it."""
        if self.switch:
            return bool(value) != bool(rng.random() < spread)
        low, high, at = (self._scaled(v) for v in (self.low, self.high, value))
        moved = float(np.clip(at + spread * (high - low) * rng.normal(), low, high))
        if self.by_factors:
            moved = math.exp(moved) - self._offset
        moved = min(max(moved, self.low), self.high)
        return round(moved) if self.whole else float(f"{moved:.3g}")

    @property
    def _offset(self) -> float:
        return FLOOR if self.low == 0 else 0.0

    def _scaled(self, value: float) -> float:
        return math.log(value + self._offset) if self.by_factors else float(value)


Zone: TypeAlias = Mapping[str, Range]


def zone_of(learner: Learner) -> Zone:
    """The learner's zone; empty where it names none, so that nothing of it is varied."""
    said = getattr(learner, "zone", None)
    return said if isinstance(said, Mapping) else {}


def outside(settings: Mapping[str, object], zone: Zone) -> str:
    """Why the settings do not lie in the zone, in words; "" where they do.

    >>> outside({"output_model": "/etc/passwd"}, {"depth": Range(1, 8, 6)})
    "there is no setting 'output_model' that may be given"
    """
    for name, value in settings.items():
        if name not in zone:
            return f"there is no setting {name[:40]!r} that may be given"
        if not zone[name].holds(value):
            at = zone[name]
            return f"{name} is {str(value)[:40]!r}, not {'on or off' if at.switch else _between(at)}"
    return ""


def varied(settings: Settings, zone: Zone, spread: float, rng: np.random.Generator) -> Settings:
    """Settings near the given ones: about half of what may be varied moves by about `spread` of its range."""
    moved: Settings = dict(settings)
    names = [name for name in sorted(zone) if zone[name].varied]
    if not names:
        return moved
    chosen = [name for name in names if rng.random() < 0.5] or [names[int(rng.integers(len(names)))]]
    for name in chosen:
        moved[name] = zone[name].near(float(settings.get(name, zone[name].usual)), spread, rng)
    return moved


def _between(at: Range) -> str:
    return f"a {'whole number' if at.whole else 'number'} from {at.low:g} to {at.high:g}"
