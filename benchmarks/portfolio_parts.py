"""What the portfolio is learned from: rows to learn from and rows to judge by, drawn from the shared tables.

A part is a table cut to some hundred or some thousand rows, with other rows of the same table to judge
by. Large tables give several parts, of several sizes; small ones are parted by several seeds.
datasets.json says which columns leak. Every part is written once into the folder that MLWRIGHT_PORTFOLIO
names (else the user's cache).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from tables import clean_sets, drawn, typed

import mlwright as mw
from mlwright.evaluation.splits import Fold, Split
from mlwright.tasks import Asked, kind_named
from mlwright.training.problem import Problem

Ints = npt.NDArray[np.int64]
HOME = Path(os.environ.get("MLWRIGHT_PORTFOLIO", Path.home() / ".cache" / "mlwright-portfolio"))
MOST_JUDGING = 4_000
FOLDS = 4


@dataclass(frozen=True)
class Part:
    """`rows` of the table `name` to learn from, drawn by `seed`; the rest, up to MOST_JUDGING, judges."""

    name: str
    rows: int
    seed: int
    size: str
    """small, middle or large: the class of sizes that it stands for."""

    @property
    def title(self) -> str:
        return f"{self.name}-{self.rows}-{self.seed}"


SMALL = ("titanic", "heart_disease", "breast_cancer_wisconsin", "wdbc", "pima_diabetes", "insurance")
LARGE = (
    "telco_churn", "bank_marketing", "california_housing", "vehicle_insurance_fraud", "ames_housing",
    "covertype", "electricity_nsw", "bike_sharing_hourly", "nycflights13", "adult", "mammography",
)  # fmt: skip
LATER = ("dry_bean", "womens_clothing_reviews")
"""Classes or texts make them slow: they are fitted in the middle size alone."""
RARE = ("vehicle_insurance_fraud", "mammography")
"""Of few positives: twice the rows in the small size."""
HUGE = (
    "adult",
    "california_housing",
    "electricity_nsw",
    "nycflights13",
    "bank_marketing",
    "bike_sharing_hourly",
)


def parts() -> list[Part]:
    """Every part, in the order in which they are fitted."""
    small = [Part(n, 0, 0, "small") for n in SMALL]
    again = [Part(n, 0, 1, "small") for n in SMALL if n != "breast_cancer_wisconsin"]
    few = [Part(n, 1200 if n in RARE else 600, 2, "small") for n in LARGE if n != "ames_housing"]
    middle = [Part(n, 1000 if n == "ames_housing" else 2000, 3, "middle") for n in (*LARGE, *LATER)]
    many = [Part("letter_recognition", 2000, 3, "many")]
    return [*small, *again, *few, *middle, *many, *(Part(n, 10_000, 4, "large") for n in HUGE)]


def problem_of(part: Part) -> tuple[Problem, Ints]:
    """The product's own Problem of a part, its folds over the rows to learn from; and the rows that judge."""
    entry = clean_sets([], [part.name])[0]
    path = HOME / "parts" / f"{part.title}.parquet"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        frame = _drawn(part, typed(entry), entry["target"])
        frame.write_parquet(path.with_suffix(".half"))
        path.with_suffix(".half").rename(path)
    frame = pl.read_parquet(path)
    learning = int(frame["__learning"].sum())
    data = mw.read(frame.drop("__learning"), target=entry["target"])
    asked = Asked(task=entry["task"], threads=1)
    problem, _ = kind_named("tabular").problem(data, asked)
    if len(problem.y) != frame.height:
        raise ValueError(f"{part.title}: {len(problem.y)} rows were read of {frame.height}")
    folds = folds_of(problem, learning, FOLDS, part.seed)
    return replace(problem, split=Split("random", "", folds, np.zeros(0, dtype=np.int64))), np.arange(
        learning, frame.height
    )


def folds_of(problem: Problem, learning: int, count: int, seed: int) -> tuple[Fold, ...]:
    """Folds over the first `learning` rows, classes dealt evenly."""
    order = np.random.default_rng(seed).permutation(learning)
    if problem.classes:
        order = order[np.argsort(problem.y[order], kind="stable")]
    dealt = [np.sort(order[i::count]) for i in range(count)]
    return tuple(Fold(np.setdiff1d(np.arange(learning), d), d) for d in dealt)


def _drawn(part: Part, table: pl.DataFrame, target: str) -> pl.DataFrame:
    """Rows to learn from first, then those that judge; with `rows` 0, three quarters learn."""
    table = drawn(table, table.height, part.seed, distinct=False)
    learning = part.rows or round(0.75 * table.height)
    learning = min(learning, round(0.75 * table.height))
    table = table.head(learning + MOST_JUDGING)
    # A class that the rows to learn from hold fewer than eight times cannot be in every fold.
    if table[target].dtype == pl.String or table[target].n_unique() <= 30:
        counts = table.head(learning)[target].value_counts()
        kept = counts.filter(pl.col("count") >= 8)[target]
        flagged = table.with_columns(__learning=pl.int_range(table.height) < learning)
        return flagged.filter(pl.col(target).is_in(kept.implode()))
    return table.with_columns(__learning=pl.int_range(table.height) < learning)
