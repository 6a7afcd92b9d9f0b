"""Training: candidates cross-validated within the limits, blended, calibrated, judged, and refit on all rows.

Called by `tasks` with a Problem; hands back a Trained. Of files it knows those of its journal alone.
"""

from mlwright.training.budget import Budget
from mlwright.training.fit import Trained, train
from mlwright.training.journal import Journal, JournalFolder
from mlwright.training.limits import Limits
from mlwright.training.problem import Problem

__all__ = ["Budget", "Journal", "JournalFolder", "Limits", "Problem", "Trained", "train"]
