"""The probe: what a good but quick learner says about each row of a sample that it was not fitted on.

Boosted trees in 5 folds, over the features as training lays them out; a linear model where LightGBM is not
installed. Made once for a table and shared by the checks of label errors, of what one feature adds, and of
the rows without a target. It knows no check and no threshold.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from mlwright.base.machine import cpu_count
from mlwright.base.schema import Schema
from mlwright.checks.outcome import CouldNotLook
from mlwright.checks.screening import narrowed, strongest
from mlwright.checks.table import FOLDS, Table
from mlwright.data.dataset import Dataset
from mlwright.features import FeaturePlan, table_of
from mlwright.features.table import Table as Features
from mlwright.learners import answer_of, families
from mlwright.learners.protocol import Config, Job, Part
from mlwright.statistics.intervals import Codes, Floats

MOST_ROWS = 20_000
MOST_CELLS = 1_000_000
"""Rows times columns."""
MOST_COLUMNS = 300
"""Columns that a model is fitted on; of more, those that tell most in its own training rows."""
MOST_OUTPUTS = 60_000
"""Rows times classes: each class is a tree a round."""
MOST_LETTERS = 1_000_000
"""Characters of free text."""
FEWEST_ROWS = 500
ROUNDS = 80
LEAST_SECONDS = 1.0
"""Time left under which the probe is not begun."""
TREES = Config("probe", "lightgbm", "tree", {"learning_rate": 0.1, "num_leaves": 15})
PLAIN = Config("probe", "linear", "linear", {"penalty": 1e-3})


@dataclass(frozen=True)
class Probe:
    """What was said about rows by models that had not seen them."""

    rows: Codes
    """Row numbers in the table [N], in order."""
    y: Codes | Floats
    """Their targets: classes from 0 or numbers."""
    folds: Codes
    predicted: Floats
    """Probabilities [N, K], or numbers [N]."""
    family: str

    def __len__(self) -> int:
        return len(self.rows)


def probe(table: Table) -> Probe:
    """The probe of a table's target, made when first asked for.

    Raises `CouldNotLook` where the time left is too short for it, or there is nothing to learn from.
    """
    return table.once("probe", lambda: _probe_target(table))


def without(table: Table, names: Collection[str]) -> Probe | None:
    """The same without these features, on the same rows; None where no feature is left."""
    whole = probe(table)
    kept = [c.name for c in table.features if c.name not in names]
    if not kept:
        return None
    predicted, family = held_back(table, features_of(table, whole.rows, kept), whole.y, whole.folds)
    return replace(whole, predicted=predicted, family=family)


def _probe_target(table: Table) -> Probe:
    sample = table.sample
    picked = _picked(table, len(sample), int(sample.y.max()) + 1 if sample.y.dtype.kind != "f" else 1)
    names = [c.name for c in table.features]
    rows, y, folds = sample.rows[picked], sample.y[picked], sample.folds[picked]
    if not names:
        raise CouldNotLook("not_applicable", "no column is a feature")
    predicted, family = held_back(table, features_of(table, rows, names), y, folds)
    return Probe(rows, y, folds, predicted, family)


def _picked(table: Table, rows: int, outputs: int) -> Codes:
    """Which rows of the sample the probe looks at: as many as its time bears, drawn by the seed."""
    most = min(
        MOST_ROWS, MOST_CELLS // min(max(1, len(table.features)), MOST_COLUMNS), MOST_OUTPUTS // outputs
    )
    texts = [c.name for c in table.features if c.kind == "text"]
    letters = sum(table.dataset.frame[name].str.len_chars().fill_null(0).sum() for name in texts)
    letters /= max(1, len(table))
    most = max(FEWEST_ROWS, int(min(most, MOST_LETTERS / max(letters, 1))))
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(table.seed).choice(rows, most, replace=False))


def features_of(table: Table, rows: Codes, names: Collection[str]) -> Features:
    """The features `names` of some rows as the learners' arrays."""
    columns = tuple(c for c in table.features if c.name in names)
    schema = Schema(columns=tuple(msgspec.structs.replace(c, role="feature") for c in columns))
    frame = table.dataset.frame.select(c.name for c in columns)[rows]
    return table_of(Dataset(frame, schema, table.dataset.provenance))


def held_back(table: Table, features: Features, y: Codes | Floats, folds: Codes) -> tuple[Floats, str]:
    """Predictions of rows [N] by models fitted on the other folds, and the family of those models."""
    classes = int(y.max()) + 1 if y.dtype.kind != "f" else 0
    config = TREES if importlib.util.find_spec("lightgbm") else PLAIN
    learner = families()[config.family]
    if table.seconds_left() < LEAST_SECONDS:
        raise CouldNotLook("skipped", "the time limit leaves none for a model of the target")
    threads = table.threads or cpu_count()
    side_by_side = min(FOLDS, threads)
    turns = -(-FOLDS // side_by_side)

    def fitted(fold: int) -> tuple[Codes, Floats]:
        train, valid = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        if not len(train) or not len(valid):
            return valid, np.zeros((len(valid), max(1, classes)))
        target = y[train].astype(np.float64)
        shown = target[:, None] == np.arange(classes) if classes else target[:, None]
        shown = shown.astype(np.float64)
        seen = features.rows(train)
        kept = strongest(seen, shown, MOST_COLUMNS)
        plan = FeaturePlan.fit(narrowed(seen, kept), shown, seed=table.seed)
        share = table.seconds_left() / (turns - fold // side_by_side)
        if share < LEAST_SECONDS / FOLDS:
            raise CouldNotLook("skipped", "the time limit leaves too little for a model of the target")
        job = Job(
            config,
            classes,
            Part(plan.matrix(config.view, plan.table, training=True), target),
            rounds=ROUNDS,
            settings=config.settings,
            members=tuple(plan.members(config.view)),
            seed=table.seed,
            threads=max(1, threads // side_by_side),
            deadline=None if share == float("inf") else time.monotonic() + share,
        )
        x = plan.matrix(config.view, narrowed(features.rows(valid), kept))
        return valid, answer_of(learner.fit(job).margin(x), classes)

    predicted = np.zeros((len(y), max(1, classes)))
    with ThreadPoolExecutor(side_by_side) as pool:  # the libraries fit outside of Python's lock
        for valid, answer in pool.map(fitted, range(FOLDS)):
            predicted[valid] = answer
    return predicted if classes else predicted[:, 0], config.family
