"""What a search found so far, and what it timed on the way. Filled by `search`, read by what comes after."""

from __future__ import annotations

from dataclasses import dataclass, field

from mlwright.features import FeaturePlan
from mlwright.training.trial import Trial


@dataclass
class Search:
    """Trials in the order they ran, and how long things took."""

    trials: list[Trial] = field(default_factory=list)
    chosen: list[Trial] = field(default_factory=list)
    """What the ensemble would be made of, where it was asked."""
    plan: FeaturePlan | None = None
    """The plan of the only fold, where its models are kept so that they may ship as they are."""
    plans: dict[int, FeaturePlan] = field(default_factory=dict)
    """The plans of folds that may be fitted on once more to say what the model relies on."""
    prepare_seconds: float = 0.0
    """How long the feature plan of one fold took."""
    view_seconds: dict[str, float] = field(default_factory=dict)
    """How long a view's matrices of one fold took."""
    fold_threads: int = 1
    """Threads that the fit of a fold had."""
    score_seconds: float = 0.0
    """The longest that one candidate's score and interval took."""
    choosing_seconds: float = 0.0
    """How long the last choice of weights took."""
    notes: list[str] = field(default_factory=list)
    """What the card says of the search, beside why it ended."""
    interrupted: bool = False
    """Whether Ctrl-C was pressed once; the next one is to give up."""
    stopped: str = "every candidate of the portfolio was tried"

    @property
    def finished(self) -> list[Trial]:
        return [t for t in self.trials if not t.failure]

    @property
    def real(self) -> list[Trial]:
        """Finished trials beside the plain baseline."""
        return [t for t in self.finished if t.config.family != "baseline"]
