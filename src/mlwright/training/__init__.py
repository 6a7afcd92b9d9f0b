"""Training: candidates cross-validated within the limits, blended, calibrated, judged, and refit on all rows.

Called by `tasks` with a Problem; hands back a Trained. Of files it knows those of its journal alone. Imported
when first used: a lane, which is started from this package, needs next to nothing of it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlwright.training.budget import Budget
    from mlwright.training.explaining import Explaining
    from mlwright.training.fit import Trained, train
    from mlwright.training.journal import Journal, JournalFolder
    from mlwright.training.lightening import lighter
    from mlwright.training.limits import Limits
    from mlwright.training.problem import Problem

_HOMES = {
    "Budget": "mlwright.training.budget",
    "Explaining": "mlwright.training.explaining",
    "Journal": "mlwright.training.journal",
    "JournalFolder": "mlwright.training.journal",
    "Limits": "mlwright.training.limits",
    "lighter": "mlwright.training.lightening",
    "Problem": "mlwright.training.problem",
    "Trained": "mlwright.training.fit",
    "train": "mlwright.training.fit",
}

__all__ = [
    "Budget",
    "Explaining",
    "Journal",
    "JournalFolder",
    "Limits",
    "Problem",
    "Trained",
    "lighter",
    "train",
]


def __getattr__(name: str) -> Any:  # Any: one of the names above
    if name not in _HOMES:
        raise AttributeError(f"module 'mlwright.training' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
