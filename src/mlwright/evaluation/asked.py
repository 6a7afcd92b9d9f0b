"""From what a user calls a metric to the Metric: names of the table, names that hold a number (`f2`,
`top_3_accuracy`, `precision_at_100`, `pinball_0.9`), and functions of the user's own.

Used by `lifecycle`, `tasks` and whoever takes a metric from outside. Definitions are scikit-learn's where it
has them.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import Misuse, UnknownName
from mlwright.base.schema import TaskName
from mlwright.evaluation.metrics import (
    CLASSES,
    METRICS,
    NUMBERS,
    Metric,
    Needs,
    Output,
    Truth,
    labels_of,
    mean_metric,
    of_confusion,
)
from mlwright.statistics.intervals import Floats
from mlwright.statistics.resampling import Weighted

FAMILIES = {
    "f2": "F-beta with any beta: recall counts beta times as much as precision (`f0.5`: half as much).",
    "top_3_accuracy": "The share of rows whose class is among the three (or any number) likeliest ones.",
    "precision_at_100": "The share of the positive class among the 100 (or any number) rows that look "
    "likeliest to be of it; `precision_at_5%`: among the likeliest 5 % of the rows. Two classes only.",
    "pinball_0.9": "What a guess of the quantile 0.9 (or any other) costs: q for each unit that is too low, "
    "1 - q for each that is too high. For evaluating; a model answers the mean, or the median.",
}
"""An example of each family, and what it says."""
_F = re.compile(r"f(\d{1,3}(?:\.\d{1,3})?)")
_TOP = re.compile(r"top_([1-9]\d{0,3})_accuracy")
_AT = re.compile(r"precision_at_([1-9]\d{0,8}|\d{1,2}(?:\.\d{1,3})?%)")
_PINBALL = re.compile(r"pinball_(0\.\d{1,6})")
_TAKES = {
    "precision_at_": "a number of rows from 1 on, or a share above 0 and below 100 % (precision_at_5%)",
    "top_": "a number of classes from 1 on (top_3_accuracy)",
    "pinball_": "a quantile between 0 and 1 (pinball_0.9)",
}
"""Which numbers the names of a family may hold."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.%]{0,59}")
_NEEDS = ("label", "probability", "prediction")
_BETTER = ("more", "less")


def metric_of(asked: str | Metric, task: TaskName) -> Metric:
    """The metric that `asked` means. Raises `UnknownName` with the near miss, `Misuse` where it does not
    measure the task.

    >>> metric_of("f2", "binary").name, metric_of("rmse", "regression").greater_is_better
    ('f2', False)
    """
    found = known(asked)
    if task not in found.tasks:
        fitting = [m.name for m in METRICS.values() if task in m.tasks]
        raise Misuse(
            f"metric {found.name!r} does not measure {task}", remedy=f"choose one of {', '.join(fitting)}"
        )
    return found


def known(asked: str | Metric) -> Metric:
    """The metric that `asked` means, of whatever task. Raises `UnknownName` with the near miss."""
    if isinstance(asked, Metric):
        return asked
    if not isinstance(asked, str):
        raise Misuse(
            f"metric= takes a name, not {type(asked).__name__}",
            remedy="make a metric of your function first: mw.metric(function)",
        )
    found = METRICS.get(asked) or _with_number(asked)
    if found is None:
        family = next((begin for begin in _TAKES if asked.startswith(begin)), "")
        near = [*METRICS, *FAMILIES]
        if family == "precision_at_" and asked.endswith("%"):
            near = ["precision_at_5%"]
        numbered = f"{family}... takes {_TAKES[family]}" if family else ""
        raise UnknownName("metric", asked, near, remedy=numbered)
    return found


def metric(
    function: Callable[..., float],
    *,
    name: str = "",
    needs: Needs = "label",
    better: Literal["more", "less"] = "more",
) -> Metric:
    """A metric of your own, for `fit`, `evaluate` and `compare`.

    `function(truth, answer)` returns a number, and may take `sample_weight` (weights [N], or None). `truth`
    is class numbers [N] in the order of the target's classes (of two, 1 is the positive one), or the numbers
    to predict. `answer` is, as `needs` says: of `label` class numbers [N]; of `probability` those of the
    positive class [N], or of each class [N, K] where there are more than two; of `prediction` (regressions)
    numbers [N]. Intervals come from the bootstrap. The function is not kept in the model file: say it again
    to `evaluate`. Raises `Misuse` for what is no function, or a name that cannot be one.

    >>> def caught(truth, label):
    ...     return float(((truth == 1) & (label == 1)).sum())
    >>> metric(caught).name
    'caught'
    """
    if not callable(function):
        raise Misuse(f"a metric is made from a function, not from {type(function).__name__}")
    called = name or getattr(function, "__name__", "")
    if not _NAME.fullmatch(called) or called in METRICS or _with_number(called):
        raise Misuse(
            f"{called!r} cannot be the name of a metric of your own",
            remedy="say name=, in letters, digits and underscores, and none that there is already",
        )
    for argument, said, choices in (("needs", needs, _NEEDS), ("better", better, _BETTER)):
        if said not in choices:
            raise UnknownName(f"{argument}=", str(said), choices)
    return Metric(
        called,
        NUMBERS if needs == "prediction" else CLASSES,
        better == "more",
        needs,
        _Own(function, called, needs),
        "A metric of its author's own.",
        bounded=False,
    )


def answered(metric: Metric, y: Truth, output: Output) -> str:
    """What the metric answers to these rows, in words: a number, or how a user's own refuses them."""
    if isinstance(metric.prepare, _Own):
        return metric.prepare.answered(y, output)
    return f"{metric.function(y, output):g}"


@dataclass(frozen=True)
class _Own:
    """What prepares a metric of the user's own."""

    function: Callable[..., float]
    name: str
    needs: Needs

    def __call__(self, y: Truth, output: Output) -> Weighted:
        weighable, seen = _takes_weights(self.function), self._seen(output)

        def value(weights: Floats | None) -> float:
            if weights is None or weighable:
                more = {"sample_weight": weights} if weighable else {}
                return self._called(lambda: self.function(y, seen, **more))
            times = weights.astype(np.int64)
            if (times != weights).any():
                raise Misuse(
                    f"metric {self.name!r} takes no sample_weight, and the rows are weighted",
                    remedy="let the function take sample_weight=",
                )
            drawn = np.repeat(np.arange(len(y)), times)  # rows that were drawn twice are there twice
            return self._called(lambda: self.function(y[drawn], seen[drawn]))

        return value

    def answered(self, y: Truth, output: Output) -> str:
        """What it answers to these rows, or what it raises, in words."""
        try:
            return f"{self.function(y, self._seen(output))}"
        except Exception as error:  # noqa: BLE001  # a user's function may raise anything, and it is told
            return f"{type(error).__name__}: {error}"

    def _seen(self, output: Output) -> Output:
        if self.needs == "label":
            return labels_of(output)
        return output[:, 1] if self.needs == "probability" and output.shape[1] == 2 else output

    def _called(self, function: Callable[[], Any]) -> float:  # Any: whatever a user's function returns
        """What it returns; NaN where it refuses the values, as some do those of one class. Raises `Misuse`
        for what is no number, and for whatever else it raises."""
        try:
            returned = function()
        except (ValueError, ArithmeticError):
            return math.nan
        except Exception as error:  # whatever a user's function raises is told as its own
            raise Misuse(f"metric {self.name!r} raised {type(error).__name__}: {error}") from error
        return _number(returned, self.name)


def _takes_weights(function: Callable[..., float]) -> bool:
    try:
        return "sample_weight" in inspect.signature(function).parameters
    except (TypeError, ValueError):  # of some functions written in C
        return False


def _number(value: Any, name: str) -> float:  # Any: whatever a user's function returns
    try:
        return float(value)
    except (TypeError, ValueError):
        raise Misuse(f"metric {name!r} returned {type(value).__name__}, which is no number") from None


def _with_number(name: str) -> Metric | None:
    """The metric of a family that `name` holds the number of; None where it is of none."""
    if (found := _F.fullmatch(name)) and f"{float(found[1]):g}" == found[1] and float(found[1]) > 0:
        return _f_beta(name, float(found[1]))
    if found := _TOP.fullmatch(name):
        count = int(found[1])
        return mean_metric(
            name, CLASSES, "probability", lambda y, p: _among_top(y, p, count), FAMILIES["top_3_accuracy"],
            greater=True,
        )  # fmt: skip
    if (found := _AT.fullmatch(name)) and float(found[1].rstrip("%")) > 0:
        return _precision_at(name, found[1])
    if (found := _PINBALL.fullmatch(name)) and float(found[1]) > 0:
        share = float(found[1])
        return mean_metric(
            name, NUMBERS, "prediction", lambda y, p: _pinball(y, p, share), FAMILIES["pinball_0.9"]
        )
    return None


def _f_beta(name: str, beta: float) -> Metric:
    def measure(matrix: Floats) -> float:
        right, truly, called = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
        below = beta**2 * truly + called
        each = np.divide((1 + beta**2) * right, below, out=np.zeros(len(below)), where=below > 0)
        return float(each[1]) if len(matrix) == 2 else float(each[truly + called > 0].mean())

    return Metric(
        name, CLASSES, True, "label", of_confusion(measure), FAMILIES["f2"], measure=measure
    )  # fmt: skip


def _among_top(y: Truth, probability: Output, count: int) -> Floats:
    """Whether the true class is among the `count` likeliest; of equals, the later one counts as likelier."""
    ranked = np.argsort(probability, axis=1, kind="stable")[:, ::-1][:, :count]
    return np.asarray((ranked == y.astype(np.int64)[:, None]).any(axis=1), dtype=np.float64)


def _precision_at(name: str, asked: str) -> Metric:
    def room(weights: Floats) -> float:
        return weights.sum() * float(asked[:-1]) / 100 if asked.endswith("%") else float(asked)

    def prepare(y: Truth, output: Output) -> Weighted:
        order, ends = _ranked(output)
        positive = (y[order] == 1).astype(np.float64)

        def value(weights: Floats | None) -> float:
            w = np.ones(len(y)) if weights is None else weights[order]
            top = _top(w, ends, room(w))
            return math.nan if top is None else float(top @ positive / top.sum())

        return value

    def counted(y: Truth, output: Output, weights: Floats | None) -> Floats:
        order, ends = _ranked(output)
        w = np.ones(len(y)) if weights is None else weights[order]
        top, out = _top(w, ends, room(w)), np.zeros(len(y))
        out[order] = 0.0 if top is None else top
        return out

    doc = FAMILIES["precision_at_100"]
    return Metric(name, ("binary",), True, "probability", prepare, doc, counted=counted)


def _ranked(output: Output) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The rows, likeliest first, and where in that order each run of equal scores ends."""
    order = np.argsort(-output[:, 1], kind="stable")
    ends = np.flatnonzero(np.append(np.diff(output[order, 1]) != 0, True)) if len(order) else order
    return order, ends


def _top(w: Floats, ends: npt.NDArray[np.int64], room: float) -> Floats | None:
    """How much of each row counts of the first that weigh `room`; of rows with equal scores all alike, as if
    they were drawn by lot. None where there are no such rows."""
    if not 0 < room <= w.sum():
        return None
    rows = np.cumsum(w)[ends]
    last = int(np.searchsorted(rows, room - 1e-9))
    begin, before = (ends[last - 1] + 1, rows[last - 1]) if last else (0, 0.0)
    size = rows[last] - before
    top = np.zeros(len(w))
    top[:begin] = w[:begin]
    top[begin : ends[last] + 1] = w[begin : ends[last] + 1] * ((room - before) / size if size > 0 else 0.0)
    return top


def _pinball(y: Truth, prediction: Output, share: float) -> Floats:
    short = np.asarray(y - prediction, dtype=np.float64)
    return np.maximum(share * short, (share - 1) * short)
