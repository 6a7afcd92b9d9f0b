"""The honest split of a table: by the folds, the time or the group that columns name, else by class, else at
random; or as the user says, who knows what no column tells."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.base.amounts import seconds_of
from mlwright.base.errors import DataProblem, Misuse, UnknownName
from mlwright.base.evaluation import SplitRule
from mlwright.data.dataset import Dataset
from mlwright.evaluation.splits import ALONG_TIME, Keys, Rows, Split, make_split

RULES: tuple[SplitRule, ...] = get_args(SplitRule)
_NEEDS: dict[SplitRule, tuple[str, ...]] = {
    "time": ("time",), "group": ("group",), "group+time": ("group", "time"), "given": ("fold",),
}  # fmt: skip
_MICROSECONDS = 1e6


def refuse_split(rule: str | None, gap: float | str | None) -> None:
    """Raises `UnknownName` for a rule that there is not, `Misuse` for a gap that can be none."""
    if rule is not None and rule not in RULES:
        raise UnknownName("split", rule, RULES)
    if gap is None:
        return
    if rule is not None and rule not in ALONG_TIME:
        raise Misuse(f"gap= has no meaning where rows are split by {rule!r}", remedy="leave one of them out")
    seconds_of(gap, "gap")


def rule_for(dataset: Dataset, rule: str | None, gap: float | str | None, *, has_classes: bool) -> SplitRule:
    """The rule that `dataset` is split by. Raises `Misuse` where what is asked for needs a role that no
    column has."""
    named = _named(dataset)
    chosen = _chosen(rule, named, has_classes)
    for role in _NEEDS.get(chosen, ()):
        if role not in named:
            raise Misuse(f"split={chosen!r} needs a {role} column", remedy=f"say {role}=, naming one")
    if gap is not None and chosen not in ALONG_TIME:
        raise Misuse("gap= needs rows in time", remedy="say time=, or split='order'")
    return chosen


def choose_split(
    dataset: Dataset,
    classes: npt.NDArray[np.float64] | None,
    *,
    test: npt.NDArray[np.int64] | None,
    seed: int,
    rule: str | None = None,
    gap: float | str | None = None,
) -> Split:
    """The split of `dataset`, named and explained. `classes` [N] for classification, None for regression.

    Raises `Misuse` where `rule` asks for a role that no column has, and `DataProblem` where it cannot be
    followed.
    """
    named = _named(dataset)
    chosen = rule_for(dataset, rule, gap, has_classes=classes is not None)
    why = _why(chosen, named, asked=rule is not None, gap=gap)
    try:
        rows = _rows(dataset, chosen, classes, named)
        if gap is not None:
            rows = _with_gap(rows, gap, by_rows=chosen == "order")
        return make_split(chosen, why, rows, seed=seed, test=test)
    except DataProblem as problem:
        by = ", ".join(f"column {named[role]!r}" for role in _NEEDS.get(chosen, ()))
        source = dataset.provenance.source
        problem.where = problem.where or (f"{source}, {by}" if by else source)
        raise


def _rows(
    dataset: Dataset, chosen: SplitRule, classes: npt.NDArray[np.float64] | None, named: dict[str, str]
) -> Rows:
    """What the rule `chosen` looks at."""
    return Rows(
        len(dataset),
        None if classes is None else classes.astype(np.int64),
        _texts(dataset, named["group"]) if chosen in ("group", "group+time") else None,
        _moments(dataset, named["time"]) if chosen in ("time", "group+time") else None,
        folds=_folds(dataset, named["fold"]) if chosen == "given" else None,
    )


def _named(dataset: Dataset) -> dict[str, str]:
    return {role: found[0].name for role in ("time", "group", "fold") if (found := dataset.role(role))}


def _chosen(rule: str | None, named: dict[str, str], has_classes: bool) -> SplitRule:
    if rule is not None:
        asked = next(r for r in RULES if r == rule)
        return "random" if asked == "stratified" and not has_classes else asked
    if "fold" in named:
        return "given"
    if "time" in named:
        return "time"
    if "group" in named:
        return "group"
    return "stratified" if has_classes else "random"


def _why(rule: SplitRule, named: dict[str, str], *, asked: bool, gap: float | str | None) -> str:
    time, group = named.get("time", ""), named.get("group", "")
    said = {
        "time": f"column {time!r} says when: later rows judge models fitted on earlier ones",
        "group": f"rows of one {group!r} stay on one side",
        "order": "the order of rows tells the time: later rows judge models fitted on earlier ones",
        "group+time": f"later rows (by {time!r}) judge models fitted on earlier ones of other {group!r}; one "
        "that is on both sides stays on one of them, by lot",
        "given": f"column {named.get('fold', '')!r} names the folds",
        "stratified": "rows are taken as independent, classes in equal shares",
        "random": "rows are taken as independent",
    }[rule]
    if rule == "time" and group:
        said += f"; rows of one {group!r} may be on both sides, earlier and later"
    if rule in ("stratified", "random") and not asked:
        said = f"no time or group column was named: {said}"
    if gap is not None:
        said += f"; {gap} {'rows ' if rule == 'order' else ''}between them, in which labels become known"
    return f"{said} (as asked)" if asked else said


def _with_gap(rows: Rows, gap: float | str, *, by_rows: bool) -> Rows:
    dated = rows.times is not None and rows.times.dtype.kind == "M"
    if not dated:
        try:
            number = float(gap)
        except ValueError:
            what = "rows" if by_rows else "the unit of the time column"
            raise Misuse(f"gap={gap!r} is no number", remedy=f"say it in {what}") from None
        return replace(rows, gap=number)
    if not isinstance(gap, str):
        raise Misuse(f"gap={gap!r} says no unit", remedy='say such as "12h" or "7d"')
    microseconds = round(seconds_of(gap, "gap") * _MICROSECONDS)
    return replace(rows, gap=np.timedelta64(microseconds, "us"))


def _moments(dataset: Dataset, name: str) -> Keys:
    """When each row happened [N]: datetimes as such, though a table holds them as seconds, so that a gap is a
    span of time; numbers as they are."""
    _refuse_missing(dataset, "time", name)
    moments = dataset.frame[name].to_numpy()
    if dataset.schema.column(name).kind != "datetime" or moments.dtype.kind == "M":
        return moments
    return np.round(moments * _MICROSECONDS).astype("datetime64[us]")


def _folds(dataset: Dataset, name: str) -> Keys:
    _refuse_missing(dataset, "fold", name)
    return _texts(dataset, name)


def _refuse_missing(dataset: Dataset, role: str, name: str) -> None:
    missing = dataset.frame[name].null_count()
    if missing:
        raise DataProblem(
            f"the {role} column {name!r} is missing in {missing} rows", remedy="drop or mend those rows"
        )


def _texts(dataset: Dataset, name: str) -> Keys:
    return dataset.frame[name].cast(pl.String).fill_null("").to_numpy()
