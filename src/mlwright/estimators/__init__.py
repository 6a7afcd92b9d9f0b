"""`mlwright.Classifier` and `mlwright.Regressor`: fitting as scikit-learn's tools know it.

A face over `lifecycle`, as the command line is one. Needs scikit-learn, which is loaded when one of the two
is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlwright.estimators.classifier import Classifier
    from mlwright.estimators.regressor import Regressor

__all__ = ["Classifier", "Regressor"]


def __getattr__(name: str) -> Any:  # Any: one of the two classes
    if name not in __all__:
        raise AttributeError(f"module 'mlwright.estimators' has no attribute {name!r}")
    from mlwright.lifecycle.extras import need

    need("sklearn", f"mlwright.{name}")
    return getattr(import_module(f"mlwright.estimators.{name.lower()}"), name)
