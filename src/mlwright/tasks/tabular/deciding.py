"""What the caller of fit asked of the labels, held to the table: costs, alerts, a threshold, or a metric.

Called by `problem` and, before any time is spent, by `lifecycle.foreseen`. It chooses no threshold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from mlwright.base.decision import AmountCost, Decision
from mlwright.base.decoding import category_of
from mlwright.base.errors import DataProblem, Misuse, UnknownName
from mlwright.base.labels import matcher
from mlwright.base.schema import Target
from mlwright.data.dataset import Dataset
from mlwright.evaluation.decision import Wanted, at_threshold, costs_of, for_costs
from mlwright.evaluation.metrics import Metric
from mlwright.tasks.kind import Labels

Doubles = npt.NDArray[np.float64]

OUTCOMES = {"tn": (0, 0), "fp": (0, 1), "fn": (1, 0), "tp": (1, 1)}
"""The (actual, predicted) classes of two, the second of which is positive."""
DAYS = {"second": 1 / 86_400, "minute": 1 / 1_440, "hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 30.4375}
_ALERTS = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:(%)|(?:/|per|a|an)\s*([a-z]+?)s?)?\s*")
_BY_METRIC = ("threshold", "costs", "alerts")


def wanted_of(dataset: Dataset, target: Target, metric: Metric, asked: Labels) -> Wanted:
    """The decision that was asked for, on the rows of `dataset`; by default the likeliest class, or, where
    `metric` is of labels, what is best for it.

    Raises `Misuse` for what cannot be asked of this target, `UnknownName` for labels and columns that do not
    exist, `DataProblem` for amounts that are negative.
    """
    given = [name for name in _BY_METRIC if getattr(asked, name) is not None]
    if given and target.task == "regression":
        raise Misuse(f"{given[0]}= is for classes, and {target.name!r} is a number", remedy="leave it out")
    if given and given[0] != "costs" and target.task != "binary":
        raise Misuse(
            f"{given[0]}= is for two classes, and {target.name!r} has {len(target.classes)}",
            remedy="say what each mistake costs: costs=",
        )
    if asked.costs is not None:
        return _for_costs(dataset, target, asked.costs)
    if asked.alerts is not None:
        return _for_alerts(dataset, target, asked)
    if asked.threshold is not None:
        said = f"{target.positive!r} where its probability is above {asked.threshold:g}, as was asked for"
        return Wanted(at_threshold(Decision(rule="threshold", said=said), asked.threshold))
    if metric.measure is None:
        return Wanted()
    how = "a threshold" if target.task == "binary" else "log-probabilities with what is added to each class"
    said = f"by {how}, best for {metric.name} on rows that the models had not seen"
    return Wanted(Decision(rule="metric", metric=metric.name, said=said), metric)


def refuse_labels(asked: Labels) -> None:
    """Raises `Misuse` for what no table could make good."""
    given = [name for name in _BY_METRIC if getattr(asked, name) is not None]
    if len(given) > 1:
        raise Misuse(
            f"{given[0]}= and {given[1]}= both say how labels follow from probabilities",
            remedy="give one of them",
        )
    if asked.threshold is not None and not 0 < asked.threshold < 1:
        raise Misuse(
            f"threshold={asked.threshold:g} is no probability between 0 and 1", remedy="such as threshold=0.3"
        )
    if asked.rows_per_day is not None:
        if asked.alerts is None:
            raise Misuse("rows_per_day= says nothing without alerts=", remedy="give both, or neither")
        if not 0 < asked.rows_per_day < float("inf"):
            raise Misuse(f"rows_per_day={asked.rows_per_day:g} must be above 0")
    if asked.alerts is not None:
        allowance_of(asked.alerts)
    if asked.costs is not None:
        _cells_of(asked.costs)


def allowance_of(alerts: float | str) -> tuple[float, bool]:
    """Alerts a day, or the share of the rows, and whether it is a share. Raises `Misuse`.

    >>> allowance_of("50/day"), allowance_of("350 per week"), allowance_of(50), allowance_of("2%")
    ((50.0, False), (50.0, False), (50.0, False), (0.02, True))
    """
    match = _ALERTS.fullmatch(str(alerts).lower())
    if match is None or (match[3] and match[3] not in DAYS) or not float(match[1]) > 0:
        raise Misuse(
            f"alerts={alerts!r} is no allowance of alerts",
            remedy='say "50/day", "10/hour" or "2%" of the rows',
        )
    if match[2]:
        return float(match[1]) / 100, True
    return float(match[1]) / DAYS[match[3] or "day"], False


# Alerts --------------------------------------------------------------------------------------------------


def _for_alerts(dataset: Dataset, target: Target, asked: Labels) -> Wanted:
    assert asked.alerts is not None  # asked for
    allowed, is_share = allowance_of(asked.alerts)
    plan = Decision(rule="alerts", alerts=allowed)
    if is_share:
        share, said = allowed, f"at most {100 * allowed:.3g} % of the rows"
    else:
        rows = asked.rows_per_day or _rows_per_day(dataset)
        share, said = allowed / rows, f"at most {allowed:g} a day of {rows:,.4g} rows a day"
        plan = msgspec.structs.replace(plan, rows_per_day=rows)
    if share >= 1:
        raise Misuse(
            f"alerts={asked.alerts!r} are no fewer than there are rows: {said}",
            remedy="allow fewer, or leave alerts= out",
        )
    said = f"{target.positive!r} for {said}, the likeliest ones, by a threshold placed on rows not seen"
    return Wanted(msgspec.structs.replace(plan, said=said), share=share)


def _rows_per_day(dataset: Dataset) -> float:
    """Rows a day between the first and the last moment of the time column. Raises `Misuse`."""
    remedy = "say rows_per_day=, how many rows a day there will be; or the share of them: alerts='2%'"
    columns = dataset.role("time")
    if not columns:
        raise Misuse("nothing says how many rows a day has, which alerts= a day rest on", remedy=remedy)
    name = columns[0].name
    if columns[0].kind != "datetime":
        raise Misuse(f"the time column {name!r} holds no dates: a day cannot be told from it", remedy=remedy)
    moments = dataset.frame[name].drop_nulls().to_numpy()
    days = (moments.max() - moments.min()) / 86_400 if len(moments) else 0.0
    if days <= 0:
        raise Misuse(f"the time column {name!r} holds one moment: a day has no rows", remedy=remedy)
    return float((dataset.whole.rows if dataset.whole else len(moments)) / days)


# Costs ---------------------------------------------------------------------------------------------------


def _for_costs(dataset: Dataset, target: Target, given: object) -> Wanted:
    classes = len(target.classes)
    matrix, cells = np.zeros((classes, classes)), dict[str, list[tuple[int, int]]]()
    for (actual, predicted), cost in _by_class(given, target).items():
        if isinstance(cost, str):
            cells.setdefault(cost, []).append((actual, predicted))
        elif cost < 0 and actual != predicted:
            raise Misuse(
                f"a mistake that costs {cost:g} is a gain",
                where="costs=",
                remedy="costs are at least 0; a benefit is a negative cost of tp or tn, of what is right",
            )
        else:
            matrix[actual, predicted] = cost
    amounts = {name: _amounts_of(dataset, name) for name in cells}
    columns = tuple(
        AmountCost(column=name, instead=float(np.nanmean(amounts[name])), cells=tuple(places))
        for name, places in cells.items()
    )
    costs = tuple(tuple(map(float, row)) for row in matrix)
    plan = Decision(rule="costs", costs=costs, amounts=columns)
    _refuse_foregone(plan, target, amounts)
    plan = for_costs(plan)
    said = "the class of the least expected cost"
    if plan.threshold is not None:
        said += f": {target.positive!r} where its probability is above {plan.threshold:.3g}"
    elif columns:
        said += f", which differs by row with {', '.join(repr(c.column) for c in columns)}"
    return Wanted(msgspec.structs.replace(plan, said=said), amounts=amounts)


def _refuse_foregone(plan: Decision, target: Target, amounts: Mapping[str, Doubles]) -> None:
    """Raises `Misuse` where one class is never dearer than another, whatever is true."""
    rows = max((len(v) for v in amounts.values()), default=1)
    classes = range(len(target.classes))
    for k in classes:
        # The class's cost beside the cheapest other's, for each truth and row: never above it?
        mine = np.stack([_cost_of(plan, actual, k, rows, amounts) for actual in classes])
        others = [
            np.stack([_cost_of(plan, actual, j, rows, amounts) for actual in classes])
            for j in classes
            if j != k
        ]
        if all((mine <= other).all() for other in others):
            raise Misuse(
                f"with these costs the answer is always {target.classes[k]!r}: it is never the dearer one",
                where="costs=",
                remedy="see that what is wrong costs more than what is right, for each class",
            )


def _cost_of(plan: Decision, actual: int, label: int, rows: int, amounts: Mapping[str, Doubles]) -> Doubles:
    return costs_of(plan, np.full(rows, actual), np.full(rows, label), amounts)


def _amounts_of(dataset: Dataset, name: str) -> Doubles:
    """The amounts of every row. Raises `UnknownName` or `Misuse` for a column that holds none."""
    numbers = [c.name for c in dataset.schema.numbers if c.kind == "numeric"]
    if name not in numbers:
        if name in dataset.schema.names:
            raise Misuse(
                f"costs cannot be taken from {name!r}: the model is given no number of that name",
                where="costs=",
                remedy=f"name a number column that is used: {', '.join(numbers[:8]) or 'there is none'}",
            )
        raise UnknownName("number column", name, numbers, where="costs=")
    values = dataset.frame[name].to_numpy().astype(np.float64)
    negative = int((values < 0).sum())
    if negative:
        raise DataProblem(
            f"{negative:,} amounts in {name!r} are negative, the first in row {int(np.argmax(values < 0))}",
            where="costs=",
            remedy="a cost is at least 0: mend the column",
        )
    if np.isnan(values).all():
        raise DataProblem(f"{name!r} holds no amount", where="costs=")
    return values


def _by_class(given: object, target: Target) -> dict[tuple[int, int], float | str]:
    """Costs by the numbers of actual and predicted class. What is right costs 0 unless it is said."""
    classes = target.classes
    if isinstance(given, Mapping) and given and set(given) <= set(OUTCOMES):
        if target.task != "binary":
            raise Misuse(
                f"fn and fp are of two classes, and {target.name!r} has {len(classes)}",
                where="costs=",
                remedy='name classes: costs={"actual": {"predicted": 5}}, "*" for any class',
            )
        for wrong in ("fn", "fp"):
            if wrong not in given:
                raise Misuse(f"costs= does not say what {wrong} costs", remedy='costs={"fn": 500, "fp": 20}')
        return {OUTCOMES[name]: _cost(cost) for name, cost in given.items()}
    if not isinstance(given, Mapping):
        rows = [list(row) for row in given] if isinstance(given, Sequence) else []
        if len(rows) != len(classes) or any(len(row) != len(classes) for row in rows):
            raise Misuse(
                f"costs= must have a row and a column for each of {len(classes)} classes",
                remedy=f"in this order: {', '.join(classes[:12])}",
            )
        return {(i, k): _cost(cost) for i, row in enumerate(rows) for k, cost in enumerate(row)}
    number = _numbers_of(target)
    out: dict[tuple[int, int], float | str] = {}
    pairs = sorted(_pairs(given), key=lambda pair: -(pair[0] == "*") - (pair[1] == "*"))
    for actual, predicted, cost in pairs:  # the most general first, so that a pair's own cost stays
        for i in number(actual):
            out |= {(i, k): cost for k in number(predicted) if i != k or "*" not in (actual, predicted)}
    for i in range(len(classes)):
        missing = [k for k in range(len(classes)) if k != i and (i, k) not in out]
        if missing:
            raise Misuse(
                f"costs= does not say what {classes[missing[0]]!r} costs where {classes[i]!r} is true",
                remedy='name the pair, or say "*" for any class: {"*": {"*": 1}}',
            )
    return out


def _numbers_of(target: Target) -> Callable[[str], Sequence[int]]:
    meant = matcher(target.classes)

    def number(label: str) -> Sequence[int]:
        if label == "*":
            return range(len(target.classes))
        known = meant(label)
        if known is None:
            raise UnknownName("class", label, target.classes, where="costs=")
        return [target.classes.index(known)]

    return number


def _pairs(given: Mapping[Any, Any]) -> list[tuple[str, str, float | str]]:  # Any: written labels
    """(actual, predicted, cost) from nested mappings, or from pairs of labels."""
    out = []
    for key, value in given.items():
        if isinstance(key, tuple) and len(key) == 2:
            out.append((category_of(key[0]), category_of(key[1]), _cost(value)))
        elif isinstance(value, Mapping):
            out += [(category_of(key), category_of(k), _cost(v)) for k, v in value.items()]
        else:
            if set(given) & set(OUTCOMES):
                stranger = next(k for k in given if k not in OUTCOMES)
                raise UnknownName("outcome", str(stranger), OUTCOMES, where="costs=")
            raise Misuse(
                f"{key!r} is no pair of an actual and a predicted class",
                where="costs=",
                remedy='costs={"fn": 500, "fp": 20}, or {"actual": {"predicted": 5}}',
            )
    return out


def _cost(value: object) -> float | str:
    """A number, or the name of a column. Raises `Misuse`."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return str(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        raise Misuse(
            f"{value!r} is no cost", where="costs=", remedy="say a number, or the name of a number column"
        )
    return float(value)


def _cells_of(given: object) -> None:
    """Raises `Misuse` for costs that no target could make good."""
    if isinstance(given, Mapping) and given:
        if not set(given) <= set(OUTCOMES):
            _pairs(given)
        return
    if isinstance(given, Sequence) and not isinstance(given, str) and len(given) > 1:
        return
    raise Misuse("costs= says nothing", remedy='costs={"fn": 500, "fp": 20}')
