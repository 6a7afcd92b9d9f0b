"""Training: candidates cross-validated within the limits, blended, calibrated, judged, and refit on all rows.

Called by `tasks` with a Problem; hands back a Trained. It reads no files and writes none.
"""

from mlwright.training.budget import Budget
from mlwright.training.fit import Trained, train
from mlwright.training.problem import Problem

__all__ = ["Budget", "Problem", "Trained", "train"]
