"""The honest split of a table: by time where a time is named, by group where a group is, else by class,
else at random."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.base.errors import DataProblem
from mlwright.data.dataset import Dataset
from mlwright.evaluation.splits import Rows, Split, make_split


def choose_split(
    dataset: Dataset,
    classes: npt.NDArray[np.float64] | None,
    *,
    test: npt.NDArray[np.int64] | None,
    seed: int,
) -> Split:
    """The split of `dataset`, named and explained. `classes` [N] for classification, None for regression."""
    n = len(dataset)
    times, groups = dataset.role("time"), dataset.role("group")
    labels = None if classes is None else classes.astype(np.int64)
    if times:
        name = times[0].name
        moments = dataset.frame[name]
        if moments.null_count():
            raise DataProblem(
                f"the time column {name!r} is missing in {moments.null_count()} rows",
                remedy="drop or mend those rows",
            )
        why = f"column {name!r} says when: later rows judge models fitted on earlier ones"
        if groups:
            why += f"; rows of one {groups[0].name!r} may be on both sides, earlier and later"
        return make_split("time", why, Rows(n, labels, None, moments.to_numpy()), seed=seed, test=test)
    if groups:
        name = groups[0].name
        codes = dataset.frame[name].cast(pl.String).fill_null("").to_numpy()
        why = f"rows of one {name!r} stay on one side"
        return make_split("group", why, Rows(n, labels, codes), seed=seed, test=test)
    if labels is not None:
        why = "no time or group column was named: rows are taken as independent, classes in equal shares"
        return make_split("stratified", why, Rows(n, labels), seed=seed, test=test)
    why = "no time or group column was named: rows are taken as independent"
    return make_split("random", why, Rows(n), seed=seed, test=test)
