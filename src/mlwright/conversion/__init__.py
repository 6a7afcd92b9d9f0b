"""Somebody's fitted model as one graph: the same answers, from raw columns, without their library."""

from mlwright.conversion.files import opened
from mlwright.conversion.from_file import Said, example_of
from mlwright.conversion.networks import Wording
from mlwright.conversion.original import Example, Original
from mlwright.conversion.weights import with_weights
from mlwright.conversion.whole import Converted, converted, is_model, named_kind

__all__ = [
    "Converted",
    "Example",
    "Original",
    "Said",
    "Wording",
    "converted",
    "example_of",
    "is_model",
    "named_kind",
    "opened",
    "with_weights",
]
