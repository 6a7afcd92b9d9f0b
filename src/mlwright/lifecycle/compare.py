"""compare: two Models judged on the same fresh rows, and whether the difference is more than chance."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mlwright.base.decision import LIKELIEST
from mlwright.base.errors import Misuse
from mlwright.base.naming import shown_source
from mlwright.lifecycle.evaluate import finite, metric_for, numbers_of
from mlwright.lifecycle.extras import need

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlwright.artifact import Model
    from mlwright.base.comparison import Comparison, Pair
    from mlwright.base.score import Score
    from mlwright.evaluation.metrics import Answered, Metric, Output, Truth
    from mlwright.lifecycle.fresh import Fresh
    from mlwright.sources import ReadOptions

    Way = tuple[Metric, Output | Answered, Output | Answered]

COST = "cost_per_1000_rows"
"""What the labels of both cost, by the costs that the first model was given."""


def compare(
    first: Model | str | os.PathLike[str],
    second: Model | str | os.PathLike[str],
    data: object,
    *,
    metric: str | Metric | None = None,
    options: ReadOptions | None = None,
) -> Comparison:
    """By how much `second` is better than `first` on `data` (anything `read` takes), with paired tests.

    Both must predict the same target; their columns may differ. Rows that either cannot judge are left out.
    `metric` decides, by default the one that the first was fitted for; `cost_per_1000_rows` where it was
    given costs. Rows of one group, or of one stretch of time where the first was judged along it, count
    together. Raises `Misuse` for models of different targets, and otherwise as `evaluate`.
    """
    need("train", "comparing")
    from mlwright.artifact import Model
    from mlwright.base.comparison import Comparison
    from mlwright.lifecycle.fresh import fresh_rows
    from mlwright.lifecycle.load import load
    from mlwright.sources import read_raw

    a, b = (m if isinstance(m, Model) else load(m) for m in (first, second))
    _refuse_others(a, b)
    raw = read_raw(data, options)
    of_a, of_b = (_finite(m, fresh_rows(m, raw, options)) for m in (a, b))
    both = of_a.usable & of_b.usable
    rows, other = of_a.of(both), of_b.of(both)
    if other.caveat and not rows.caveat:
        rows = replace(rows, how=f"{rows.how}; {other.caveat.replace('it', 'the second', 1)}")
    decides: str | Metric = COST
    if metric != COST:
        decides, caveat = metric_for(a, metric)
        rows = replace(rows, how=rows.how + caveat)
    judged = _Judged(a, b, rows, _Answers.of(a, rows), _Answers.of(b, other, a))
    pairs = tuple(judged.pairs(decides))
    names = _names(first, second, a, b)
    return Comparison(
        first=names[0],
        second=names[1],
        task=a.target.task,
        metric=pairs[0].gain.metric,
        pairs=pairs,
        rows=len(rows.y),
        alike=float(np.mean(judged.first.said == judged.second.said)) if a.target.classes else None,
        how=rows.how,
    )


def _finite(model: Model, fresh: Fresh) -> Fresh:
    """The same rows; usable are those alone that the model answers by a number."""
    if model.target.classes:
        return fresh
    rows = fresh.of(fresh.usable)
    return finite(fresh, model.run(rows.dataset.numbers(), rows.dataset.strings()))


@dataclass(frozen=True)
class _Answers:
    """What one model answers: probabilities and labels, in the class order of the first, or numbers."""

    answer: Output | Answered
    said: np.ndarray[tuple[int], np.dtype[np.generic]]
    """Class numbers or numbers [N]."""

    @classmethod
    def of(cls, model: Model, rows: Fresh, like: Model | None = None) -> _Answers:
        from mlwright.evaluation.metrics import Answered

        outputs = model.run(rows.dataset.numbers(), rows.dataset.strings())
        if outputs.probability is None:
            assert outputs.prediction is not None  # the graph has the output of its task
            return cls(outputs.prediction, outputs.prediction)
        labels, probability = numbers_of(outputs, model.target), outputs.probability
        if like is not None:
            known = list(model.target.classes)
            order = [known.index(c) for c in like.target.classes]
            probability, labels = probability[:, order], np.argsort(order)[labels]
        return cls(Answered(probability, labels), labels)


@dataclass(frozen=True)
class _Judged:
    a: Model
    b: Model
    rows: Fresh
    first: _Answers
    second: _Answers

    def pairs(self, decides: str | Metric) -> Iterator[Pair]:
        """By the metric that decides, then by the others of the task. Raises `Misuse` where it cannot."""
        from mlwright.evaluation.asked import metric_of
        from mlwright.evaluation.metrics import METRICS

        task = self.a.target.task
        costs = self.a.evaluation.decision or LIKELIEST
        if decides == COST and costs.rule != "costs":
            raise Misuse(f"{COST} needs a first model that was given costs", remedy="choose another metric")
        known = [m for m in METRICS.values() if task in m.tasks]
        truth = self.rows.y.astype(np.int64) if self.a.target.classes else self.rows.y
        ways: dict[str, Way] = {} if costs.rule != "costs" else {COST: self._cost(truth)}
        ways |= {m.name: (m, self.first.answer, self.second.answer) for m in known}
        deciding = None if decides == COST else metric_of(decides, task)
        if deciding is not None:
            ways[deciding.name] = (deciding, self.first.answer, self.second.answer)
        chosen = self._pair(truth, *ways.pop(deciding.name if deciding else COST))
        if chosen is None:
            few = "rows of one class" if self.a.target.classes else "a single row"
            raise Misuse(
                f"{deciding.name if deciding else COST} is undefined on these rows, as of {few}",
                where=self.rows.source,
                remedy="choose another metric, or bring more rows",
            )
        yield chosen
        others = (
            self._pair(truth, *way) for way in ways.values() if not (way[0].trap and way[0].trap(truth))
        )
        yield from (pair for pair in others if pair)

    def _pair(
        self, truth: Truth, metric: Metric, first: Output | Answered, second: Output | Answered
    ) -> Pair | None:
        from mlwright.base.comparison import Pair
        from mlwright.evaluation.intervals import score
        from mlwright.evaluation.metrics import seen_by
        from mlwright.evaluation.paired import gain

        weights, dependent = self.rows.weights, self.rows.dependent
        found = gain(metric, truth, first, second, weights=weights, seed=0, **dependent)
        if found is None:
            return None

        def alone(answer: Output | Answered) -> Score:
            seen = seen_by(metric, answer)
            return score(metric, truth, seen, weights=weights, seed=0, effort=1.0, **dependent)

        one, other = alone(first), alone(second)
        return Pair(first=one, second=other, gain=found)

    def _cost(self, truth: Truth) -> Way:
        """What the labels of both cost, as a metric of numbers."""
        from mlwright.evaluation.decision import costs_of
        from mlwright.evaluation.metrics import mean_metric

        decision, frame = self.a.evaluation.decision or LIKELIEST, self.rows.dataset.frame
        amounts = {one.column: frame[one.column].to_numpy().astype(np.float64) for one in decision.amounts}
        first, second = (
            1000.0 * costs_of(decision, truth.astype(np.int64), answers.said.astype(np.int64), amounts)
            for answers in (self.first, self.second)
        )
        costs = mean_metric(
            COST,
            ("binary", "multiclass"),
            "prediction",
            lambda y, cost: np.asarray(cost, dtype=np.float64),
            "",
        )
        return costs, first, second


def _refuse_others(a: Model, b: Model) -> None:
    """Raises `Misuse` where the two do not predict the same."""
    apart = set(a.target.classes) ^ set(b.target.classes)
    if apart and a.target.classes and b.target.classes and a.target.name == b.target.name:
        raise Misuse(
            f"only one of the models knows the classes {', '.join(map(repr, sorted(apart)[:5]))}",
            remedy="compare models that were fitted on the same classes",
        )
    if (a.target.name, a.target.task) != (b.target.name, b.target.task):
        raise Misuse(
            f"the first model predicts {a.target.name!r} ({a.target.task}), the second {b.target.name!r} "
            f"({b.target.task})",
            remedy="compare models of one target",
        )


def _names(first: object, second: object, a: Model, b: Model) -> tuple[str, str]:
    """What both are called: by their files where these have different names, else by their digests."""
    names = [
        shown_source(str(asked)) if isinstance(asked, (str, os.PathLike)) else "" for asked in (first, second)
    ]
    if all(names) and names[0] != names[1]:
        return names[0], names[1]
    return a.digest[:12], b.digest[:12]
