"""Somebody's fitted model as one graph: the same answers, from raw columns, without their library."""

from mlwright.conversion.files import opened
from mlwright.conversion.from_file import Said, example_of
from mlwright.conversion.given import called, is_model
from mlwright.conversion.networks import Wording
from mlwright.conversion.original import Example, Original
from mlwright.conversion.weights import with_weights
from mlwright.conversion.whole import Converted, converted

__all__ = [
    "Converted",
    "Example",
    "Original",
    "Said",
    "Wording",
    "called",
    "converted",
    "example_of",
    "is_model",
    "opened",
    "with_weights",
]
