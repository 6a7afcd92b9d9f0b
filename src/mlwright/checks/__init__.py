"""Checks of a data set before anything is trained: constants, duplicates, contradictions, leaks.

Called by `lifecycle` and the CLI. A check never raises, and never says passed when it could not look.
The table `CHECKS` is what the documentation is made from.
"""

from mlwright.checks.outcome import Check
from mlwright.checks.running import CHECKS, check

__all__ = ["CHECKS", "Check", "check"]
