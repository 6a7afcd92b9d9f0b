"""Checks of a data set before anything is trained: constants, duplicates, contradictions, leaks.

Called by `lifecycle` and the CLI. A check never raises, and never says passed when it could not look.
The table `CHECKS` is what the documentation is made from.
"""

from mlwright.checks.comparing import CONTAMINATION, SHIFT, compare, contaminated
from mlwright.checks.gate import pass_or_refuse, to_drop, to_waive, waived
from mlwright.checks.outcome import Check
from mlwright.checks.pair import Sketch
from mlwright.checks.running import AGAINST, CHECKS, check, check_against, explained, known_codes

__all__ = [
    "AGAINST",
    "CHECKS",
    "CONTAMINATION",
    "SHIFT",
    "Check",
    "Sketch",
    "check",
    "check_against",
    "compare",
    "contaminated",
    "explained",
    "known_codes",
    "pass_or_refuse",
    "to_drop",
    "to_waive",
    "waived",
]
