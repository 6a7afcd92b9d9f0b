"""What outsiders use in their own tests: contracts as test classes, and tables with a known defect.

Used by our tests and benchmarks and by outsiders' tests; never by the product.
"""

from mlwright.testing.defects import DEFECTS, STRENGTHS, Defect, Spoilt, Strength, inject
from mlwright.testing.learners import LearnerContract

__all__ = ["DEFECTS", "STRENGTHS", "Defect", "LearnerContract", "Spoilt", "Strength", "inject"]
