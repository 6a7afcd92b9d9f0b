"""Contracts as test classes: inherit one to hold your own learner to what ours are held to.

Used by our tests and by outsiders' tests; never by the product.
"""

from mlwright.testing.learners import LearnerContract

__all__ = ["LearnerContract"]
