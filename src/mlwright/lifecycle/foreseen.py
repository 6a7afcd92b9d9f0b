"""What is known to be wrong with a call to fit before it is worth reading a table, or before checking one.

Called by `fit` and by the command line, which reads and checks by itself. It reads no table.
"""

from __future__ import annotations

import os
from numbers import Integral
from typing import TYPE_CHECKING, get_args

from mlwright.base.amounts import seconds_of
from mlwright.base.errors import Misuse, TargetUnusable, UnknownName
from mlwright.base.purpose import MOST, Purpose, stated
from mlwright.base.schema import TaskName
from mlwright.lifecycle.extras import need

if TYPE_CHECKING:
    from mlwright.data.dataset import Dataset
    from mlwright.lifecycle.fit import FitSettings
    from mlwright.sources import ReadOptions
    from mlwright.tasks.kind import Labels


def refuse_settings(settings: FitSettings) -> None:
    """Raises `Misuse` for settings that no table could make good."""
    need("train", "training")
    from mlwright.evaluation.asked import known, metric_of
    from mlwright.tasks.tabular.deciding import refuse_labels
    from mlwright.tasks.tabular.shape import refuse_directions
    from mlwright.tasks.tabular.split import refuse_split

    if settings.task is not None and settings.task not in get_args(TaskName):
        raise UnknownName("task", settings.task, get_args(TaskName))
    if settings.metric is not None and known(settings.metric).name.startswith("pinball"):
        raise Misuse(
            "no learner here answers with a quantile, which pinball asks for",
            remedy="choose by another metric, such as mae; evaluate and compare take it",
        )
    if settings.metric is not None and settings.task is not None:
        metric_of(settings.metric, settings.task)
    refuse_labels(labels_of(settings))
    refuse_split(settings.split, settings.gap)
    refuse_directions(settings.monotone)
    if settings.time_limit is None and settings.max_trials is None:
        raise Misuse("neither time_limit= nor max_trials= is given", remedy="give one of them")
    if settings.time_limit is not None:
        seconds_of(settings.time_limit)
    if settings.max_trials is not None and not _is_whole(settings.max_trials, 2):
        raise Misuse("max_trials= must be at least 2: the first trial is the plain baseline")
    settings.limits()
    purpose_of(settings)
    if not _is_whole(settings.seed, 0) or not (settings.threads is None or _is_whole(settings.threads, 1)):
        raise Misuse("seed= must be at least 0 and threads= at least 1")


def _is_whole(number: object, least: int) -> bool:
    return isinstance(number, Integral) and int(number) >= least


def refuse_absent(source: object, options: ReadOptions | None = None) -> None:
    """Raises what reading raises where `source` is a path, a folder or a pattern of no file."""
    from mlwright.sources import ReadOptions
    from mlwright.sources.files import no_such_file
    from mlwright.sources.locating import is_url, located

    if not isinstance(source, (str, os.PathLike)) or is_url(source):
        return
    with located(source, options or ReadOptions()) as place:
        for part in place.parts:
            if not part.path.exists():
                raise no_such_file(part.path)


def labels_of(settings: FitSettings) -> Labels:
    """What the settings ask of labels."""
    from mlwright.tasks.kind import Labels

    names = ("threshold", "costs", "alerts", "rows_per_day")
    return Labels(**{name: getattr(settings, name) for name in names})


def purpose_of(settings: FitSettings) -> Purpose:
    """What the settings say of the model's use. Raises `Misuse` for what is no plain, short text."""
    return stated(**{name: getattr(settings, name) for name in MOST})


def refuse_metric(dataset: Dataset, settings: FitSettings) -> None:
    """Raises `Misuse` where the metric, or what is asked of labels, does not suit a table that was read."""
    if dataset.target is None:
        return
    from mlwright.data.weights import weights_of
    from mlwright.evaluation.asked import metric_of
    from mlwright.evaluation.metrics import default_metric
    from mlwright.tasks.tabular.deciding import wanted_of
    from mlwright.tasks.tabular.problem import read_target, refuse_task
    from mlwright.tasks.tabular.shape import exposed_by, exposure_of, monotone_of
    from mlwright.tasks.tabular.split import rule_for

    refuse_task(dataset.target, settings.task, dataset.provenance.source)
    try:
        target, _, _ = read_target(dataset, dataset.target, settings.task)
    except TargetUnusable:  # the checks say more of it
        return
    for column in dataset.role("weight"):
        weights_of(dataset.frame[column.name], dataset.provenance.source)
    metric = metric_of(settings.metric, target.task) if settings.metric else default_metric(target.task)
    wanted_of(dataset, target, metric, labels_of(settings))
    monotone_of(dataset.schema, target, settings.monotone)
    rule_for(dataset, settings.split, settings.gap, has_classes=bool(target.classes))
    exposed = exposed_by(dataset.schema, target)
    if exposed is not None:
        exposure_of(dataset, exposed)
