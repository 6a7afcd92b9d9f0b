"""What a learner is: the contract between an algorithm family and training.

Obligations. `fit` never looks at the clock except to honour `Job.deadline`, past which it returns its best
so far; it and its `Fitted` use at most `Job.threads` threads; equal jobs without a deadline give equal
results; it raises nothing for data that the contract allows (NaN where the view has it, constant columns, one
row a class, a class without rows). `margin`, `trees` and `nodes` answer alike: within 1e-12 for trees and
linear models. `mlwright.testing.LearnerContract` tests all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import ExtraMissing
from mlwright.base.machine import threads_for
from mlwright.base.registered import registered
from mlwright.graph.build import GraphBuilder
from mlwright.graph.trees import Trees
from mlwright.statistics.links import sigmoid, softmax

Doubles = npt.NDArray[np.float64]
Settings = dict[str, float | int | str | bool]


@dataclass(frozen=True)
class Config:
    """One configuration of a family: a name for the leaderboard, the view it wants, its settings."""

    name: str
    family: str
    view: str
    settings: Settings = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """Rows to learn from or to judge by: X [N, F], y [N] (class index or number), weights [N] or None."""

    x: Doubles
    y: Doubles
    weights: Doubles | None = None

    def __len__(self) -> int:
        return len(self.y)

    def rows(self, index: npt.NDArray[np.int64]) -> Part:
        """The rows `index` alone."""
        return Part(self.x[index], self.y[index], None if self.weights is None else self.weights[index])

    def evenly(self, most: int) -> Part:
        """At most `most` rows, evenly from first to last."""
        if len(self) <= most:
            return self
        return self.rows(np.linspace(0, len(self) - 1, most).astype(np.int64))


@dataclass(frozen=True)
class Job:
    """One fit. `classes` is 0 for regression. Exactly one of `valid` and `rounds` steers iterative
    learners."""

    config: Config
    classes: int
    train: Part
    valid: Part | None = None
    """Rows for early stopping; never learned from."""
    rounds: int | None = None
    """How many rounds to run when there is no `valid` (a refit)."""
    members: tuple[int, ...] = ()
    """Columns that hold category codes to be split by set membership."""
    seed: int = 0
    threads: int = 1
    monotone: tuple[int, ...] = ()
    """Per column of X: 1 where the margin may only rise with it, -1 where only fall, 0 where either; empty
    where no column is bound."""
    loss: Literal["squared", "absolute"] = "squared"
    """What a regression makes small: squares answer with means, absolute differences with medians."""
    deadline: float | None = None
    """time.monotonic() past which to stop with the best so far."""
    settings: Settings = field(default_factory=dict)
    """What an earlier fit of this configuration settled on (`Fitted.settled`), to be used again."""
    settle: Callable[[Settings], object] = lambda settings: None
    """To be told what `Fitted.settled` will be, as soon as it is known: other folds then begin at once, side
    by side. A learner that never tells keeps them waiting until its first fit is done."""
    key: str = ""
    """Names the rows, targets and weights of `train` and `valid` within this process: jobs of one key have
    equal ones, so that what a library makes of them (bins) may be kept between fits. Empty: keep nothing."""


def useful_threads(job: Job) -> int:
    """How many of the job's threads its training rows can keep busy."""
    return threads_for(job.train.x.size, job.threads)


class Fitted(Protocol):
    """A fitted learner: immutable, safe to read from several threads."""

    @property
    def rounds(self) -> int:
        """The rounds that did best on `valid`, or those that ran; 0 where there are none."""

    @property
    def settled(self) -> Settings:
        """Settings chosen on the way (a learning rate adapted to the time); a refit repeats them."""

    def margin(self, x: Doubles, rounds: int | None = None) -> Doubles:
        """What members of an ensemble are added up in, [N, M], with at most `rounds` rounds.

        Regression: the number (M = 1). Two classes: the log-odds of the second (M = 1). More: scores whose
        softmax is the probability (M = K); a constant added to a row's scores changes nothing.
        """

    def trees(self) -> Trees | None:
        """The margin as a sum of trees over the matrix's columns; None for what is no sum of trees."""

    def nodes(self, g: GraphBuilder, matrix: str) -> str:
        """The margin as a double tensor [N, M]. An ensemble merges trees instead, where there are any."""


@dataclass(frozen=True)
class Abilities:
    """What a family can do, for whoever decides which to run. A family that says nothing has these."""

    monotone: bool = False
    """Whether it honours `Job.monotone`."""
    absolute: bool = False
    """Whether it honours `Job.loss == "absolute"`."""
    weights: bool = True
    """Whether it honours `Part.weights`."""
    most_classes: int = 1_000
    """Beyond this many classes its fits or its graph are too slow to be of use."""
    view: str = "encoded"
    """The view of features in which a search tries the family after its own portfolio; "" where it is tried
    only when an earlier model (`warm_start`) was made of it."""
    library: str = ""
    """What it imports beyond numpy and scipy; it is no family where that is not installed."""
    extra: str = ""
    """The extra of mlwright that brings the library."""

    def refusal(self, classes: int, *, monotone: bool, absolute: bool, weights: bool) -> str:
        """Why the family cannot take such a problem, in words; "" where it can.

        >>> Abilities().refusal(0, monotone=True, absolute=False, weights=False)
        'it cannot keep to monotone constraints'
        """
        if monotone and not self.monotone:
            return "it cannot keep to monotone constraints"
        if absolute and not classes and not self.absolute:
            return "it cannot minimise absolute differences"
        if weights and not self.weights:
            return "it cannot weigh rows"
        if classes > self.most_classes:
            return f"it is too slow for more than {self.most_classes:,} classes"
        return ""


class Learner(Protocol):
    """A family. Stateless: `fit` makes a `Fitted`. It may have an attribute `abilities: Abilities`."""

    family: str

    def fit(self, job: Job) -> Fitted:
        """Fits one configuration on `job.train`."""


def abilities_of(learner: Learner) -> Abilities:
    """What the learner says that it can do."""
    said = getattr(learner, "abilities", None)
    return said if isinstance(said, Abilities) else Abilities()


def families() -> dict[str, Learner]:
    """Every family that can run here by name, ours and strangers', from the entry points `mlwright.learners`.

    One whose library is not installed is left out; `missing_families` says what would bring it.
    """
    return {k: v for k, v in _registered().items() if not _lacks(v)}


def missing_families() -> dict[str, ExtraMissing]:
    """Families that are registered but lack their library, each with what to install."""
    lacking = {k: (v, abilities_of(v)) for k, v in _registered().items() if _lacks(v)}
    return {
        k: ExtraMissing(f"the learner family {k!r}", able.extra or "train", able.library)
        for k, (_, able) in lacking.items()
    }


def _registered() -> dict[str, Learner]:
    found: dict[str, Learner] = {}
    for point in registered("mlwright.learners"):
        made: Any = point.load()  # Any: a class that promises to be a Learner
        found[point.name] = made()
    return found


def _lacks(learner: Learner) -> bool:
    library = abilities_of(learner).library
    return bool(library) and find_spec(library) is None


def answer_of(margin: Doubles, classes: int) -> Doubles:
    """Margins [N, M] as answers: probabilities [N, K] for classes, numbers [N, 1] for regression.

    >>> answer_of(np.array([[0.0]]), 2)
    array([[0.5, 0.5]])
    """
    if not classes:
        return margin
    return sigmoid(margin[:, 0]) if classes == 2 else softmax(margin)
