"""Decision: how a label follows from calibrated probabilities, as a value that travels in the model file.

Made by `evaluation.decision`, built into the graph by `packaging`, shown by `cli`. Values only.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Rule = Literal["likeliest", "metric", "threshold", "costs", "alerts"]


class AmountCost(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A cost that differs by row: what the row holds in a number column."""

    column: str
    instead: float
    """Counts where the amount is missing: the mean of the training rows. Below 0 counts as 0."""
    cells: tuple[tuple[int, int], ...]
    """The (actual, predicted) classes, by number, that cost the amount."""


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The rule that chooses one of K classes.

    Without amounts it is the class whose margin plus offset is greatest (the margins are log-probabilities
    up to a constant; the first of equals). With amounts it is the class of the least expected cost.
    """

    rule: Rule = "likeliest"
    offsets: tuple[float, ...] = ()
    """[K], added to the margins; none: all 0."""
    threshold: float | None = None
    """Of two classes: the positive one is answered where its probability is above this, in every row."""
    costs: tuple[tuple[float, ...], ...] = ()
    """[K][K] by actual and predicted class, for the rule `costs`; what amounts cost comes on top."""
    amounts: tuple[AmountCost, ...] = ()
    metric: str = ""
    """The metric that the rule `metric` is chosen for."""
    alerts: float | None = None
    """Alerts a day (or, without `rows_per_day`, the share of rows) that the rule `alerts` keeps to."""
    rows_per_day: float | None = None
    said: str = ""
    """One sentence: how the label follows, and how that was arrived at."""


LIKELIEST = Decision()
"""The likeliest class."""
