"""Limits bind: what was packaged is measured, and made lighter until it keeps to them.

Called by `fit`. Estimates have guided the choice before; here nothing is estimated any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mlwright.base.cost import Cost
from mlwright.base.errors import LimitUnmet

if TYPE_CHECKING:
    from mlwright.artifact import Model
    from mlwright.training import Limits, Trained


def within(limits: Limits, trained: Trained, packaged: Callable[[Trained], Model]) -> Model:
    """The model of `trained`, without its costliest members where the whole breaks a limit.

    Raises `LimitUnmet` where what is left of it, a single member, still does.
    """
    while True:
        model = packaged(trained)
        broken = limits.broken_by(cost_of(model, memory=limits.memory_bytes is not None))
        if not broken:
            return model
        lighter = trained.lighter(broken)
        if lighter is None:
            raise LimitUnmet(
                f"no model keeps to the limits: {broken}", remedy="raise the limit, or leave columns out"
            )
        trained = lighter


def cost_of(model: Model, *, memory: bool) -> Cost:
    """What a packaged model takes to serve, as measured; its `memory` takes a second to measure."""
    from mlwright.packaging.costing import memory_of

    data = model.to_bytes()
    return Cost(model.timings.cpu_us_p50 or 0.0, len(data), memory_of(data) if memory else 0)
