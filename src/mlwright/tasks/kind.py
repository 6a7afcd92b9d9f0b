"""What a task kind is: the contract between a kind of problem and the verbs that use it.

Obligations. A kind is stateless; `problem` fits nothing and looks at no row outside what it is given; it
raises the errors of
`base.errors` for data that it cannot use. A model file names a kind, never a module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from mlwright.base.errors import UnknownName
from mlwright.base.finding import Finding
from mlwright.base.registered import registered
from mlwright.base.schema import TaskName
from mlwright.data.dataset import Dataset
from mlwright.evaluation.metrics import Metric
from mlwright.training.problem import Problem


@dataclass(frozen=True)
class Labels:
    """What the caller of fit asked of labels: one of these at most. See `FitSettings`."""

    threshold: float | None = None
    costs: object = None
    alerts: float | str | None = None
    rows_per_day: float | None = None


@dataclass(frozen=True)
class Asked:
    """What the caller of fit asked for, beside the data."""

    task: TaskName | None = None
    metric: str | Metric | None = None
    test: Dataset | None = None
    """Rows to be judged on, decoded by the training data's schema."""
    seed: int = 0
    threads: int = 1
    labels: Labels = Labels()
    monotone: Mapping[str, int] | None = None
    """By column: 1 where the prediction may only rise with it, -1 where only fall."""
    split: str | None = None
    """The rule by which rows are divided, where the evidence is overruled."""
    gap: float | str | None = None
    """Time (or rows, by the rule `order`) between the rows that train and those that judge them."""
    settings: Mapping[str, float] = field(default_factory=dict)


class TaskKind(Protocol):
    """A kind of problem: `tabular` is the first."""

    name: str

    def judgeable(
        self, dataset: Dataset, test: Dataset, task: TaskName | None
    ) -> tuple[Dataset, tuple[Finding, ...]]:
        """The rows of `test` that a model of `dataset` can be judged on, and what was left out."""

    def problem(self, dataset: Dataset, asked: Asked) -> tuple[Problem, tuple[Finding, ...]]:
        """What training is told, and what was noticed on the way. Raises `TargetUnusable` and `Misuse`."""


def kind_named(name: str) -> TaskKind:
    """The installed kind `name`. Raises `UnknownName` with the near miss."""
    points = {p.name: p for p in registered("mlwright.tasks")}
    if name not in points:
        raise UnknownName("task kind", name, points)
    made: Any = points[name].load()  # Any: an object that promises to be a TaskKind
    kind: TaskKind = made
    return kind
