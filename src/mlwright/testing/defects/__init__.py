"""Defects with a known position, to be put into a clean table: what a check of data is tested with.

    spoilt = inject("disguised_number", frame, target="sold", strength="weak", seed=3)
    spoilt.frame, spoilt.columns, spoilt.rows

Used by our tests and benchmarks, and by outsiders to test checks of their own.
"""

from mlwright.testing.defects.injecting import DEFECTS, inject
from mlwright.testing.defects.spoiling import STRENGTHS, Defect, Spoilt, Strength

__all__ = ["DEFECTS", "STRENGTHS", "Defect", "Spoilt", "Strength", "inject"]
