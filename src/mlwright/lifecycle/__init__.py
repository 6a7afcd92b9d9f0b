"""The verbs: one file each, where the parts meet. The Python API and the CLI are two doors to these.

Each verb imports what it needs when it is called, so that one installed without an extra says which extra
is missing.
"""

from mlwright.lifecycle.check import check
from mlwright.lifecycle.compare import compare
from mlwright.lifecycle.convert import convert
from mlwright.lifecycle.evaluate import evaluate
from mlwright.lifecycle.explain import ExplainReport, explain
from mlwright.lifecycle.fit import fit
from mlwright.lifecycle.load import load
from mlwright.lifecycle.predict import PredictReport, predict, predict_file
from mlwright.lifecycle.predict_table import TableReport, predict_table
from mlwright.lifecycle.read import read
from mlwright.lifecycle.report import report
from mlwright.lifecycle.schema import schema
from mlwright.lifecycle.serve import asgi, serve
from mlwright.lifecycle.split import split
from mlwright.lifecycle.token import issue_token
from mlwright.lifecycle.top import ModelTraffic, Traffic, top

__all__ = [
    "ExplainReport",
    "ModelTraffic",
    "PredictReport",
    "TableReport",
    "Traffic",
    "asgi",
    "check",
    "compare",
    "convert",
    "evaluate",
    "explain",
    "fit",
    "issue_token",
    "load",
    "predict",
    "predict_file",
    "predict_table",
    "read",
    "report",
    "schema",
    "serve",
    "split",
    "top",
]
