"""The model file: written from its parts, opened safely, and run.

`packaging` assembles files here; users, `serving` and `cli` open them. numpy, msgspec and onnxruntime are all
that it needs, and onnxruntime is imported with the first model that is opened.
"""

from mlwright.artifact.abstained import step_of, sure_labels
from mlwright.artifact.coded import Coded
from mlwright.artifact.decode import Decoded, RowDecoder, decode_rows
from mlwright.artifact.drawing import draw_rows
from mlwright.artifact.ends import Ends
from mlwright.artifact.explainer import Explainer
from mlwright.artifact.explanation import Explanation, Reason
from mlwright.artifact.manifest import Manifest, Spent, Timings, assemble
from mlwright.artifact.model import Model, load
from mlwright.artifact.opening import SampleOutputs, Samples, judge, read_file
from mlwright.artifact.overflow import overflow
from mlwright.artifact.session import Outputs

__all__ = [
    "Coded",
    "Decoded",
    "Ends",
    "Explainer",
    "Explanation",
    "Manifest",
    "Model",
    "Outputs",
    "Reason",
    "RowDecoder",
    "SampleOutputs",
    "Samples",
    "Spent",
    "Timings",
    "assemble",
    "decode_rows",
    "draw_rows",
    "judge",
    "load",
    "overflow",
    "read_file",
    "step_of",
    "sure_labels",
]
