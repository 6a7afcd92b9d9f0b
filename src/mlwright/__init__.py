"""mlwright: raw data in; a checked, honestly evaluated, portable model out, served to live traffic.

    import mlwright as mw

    model = mw.fit("loans.csv", target="defaulted", time_limit="5m")
    model.save("loans.mlw")
    mw.load("loans.mlw").predict({"income": 41000, "purpose": "car"})

The public API, about ten verbs, imported when first used: `import mlwright` loads no machine learning
library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mlwright.version import __version__

if TYPE_CHECKING:
    from mlwright.artifact import Model
    from mlwright.base.schema import Schema
    from mlwright.base.schema_class import Columns, column
    from mlwright.data.dataset import Dataset
    from mlwright.estimators import Classifier, Regressor
    from mlwright.evaluation.asked import metric
    from mlwright.lifecycle.check import check
    from mlwright.lifecycle.compare import compare
    from mlwright.lifecycle.convert import convert
    from mlwright.lifecycle.evaluate import evaluate
    from mlwright.lifecycle.explain import explain
    from mlwright.lifecycle.fit import fit
    from mlwright.lifecycle.load import load
    from mlwright.lifecycle.predict import predict, predict_file
    from mlwright.lifecycle.predict_table import predict_table
    from mlwright.lifecycle.read import read
    from mlwright.lifecycle.report import report
    from mlwright.lifecycle.schema import schema
    from mlwright.lifecycle.serve import asgi, serve
    from mlwright.lifecycle.split import split
    from mlwright.sources.options import ReadOptions

_HOMES = {
    "Classifier": "mlwright.estimators",
    "Columns": "mlwright.base.schema_class",
    "Dataset": "mlwright.data.dataset",
    "Model": "mlwright.artifact",
    "ReadOptions": "mlwright.sources.options",
    "Regressor": "mlwright.estimators",
    "Schema": "mlwright.base.schema",
    "asgi": "mlwright.lifecycle",
    "check": "mlwright.lifecycle",
    "compare": "mlwright.lifecycle",
    "convert": "mlwright.lifecycle",
    "column": "mlwright.base.schema_class",
    "evaluate": "mlwright.lifecycle",
    "explain": "mlwright.lifecycle",
    "fit": "mlwright.lifecycle",
    "load": "mlwright.lifecycle",
    "metric": "mlwright.evaluation.asked",
    "predict": "mlwright.lifecycle",
    "predict_file": "mlwright.lifecycle",
    "predict_table": "mlwright.lifecycle",
    "read": "mlwright.lifecycle",
    "report": "mlwright.lifecycle",
    "schema": "mlwright.lifecycle",
    "serve": "mlwright.lifecycle",
    "split": "mlwright.lifecycle",
}

__all__ = [
    "Classifier",
    "Columns",
    "Dataset",
    "Model",
    "ReadOptions",
    "Regressor",
    "Schema",
    "__version__",
    "asgi",
    "check",
    "column",
    "compare",
    "convert",
    "evaluate",
    "explain",
    "fit",
    "load",
    "metric",
    "predict",
    "predict_file",
    "predict_table",
    "read",
    "report",
    "schema",
    "serve",
    "split",
]


def __getattr__(name: str) -> Any:  # Any: whichever public name was asked for
    if name not in _HOMES:
        raise AttributeError(f"module 'mlwright' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
