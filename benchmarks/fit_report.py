"""Whether the fit report finds faults that were planted, and none where there is none.

    python benchmarks/fit_report.py [--cases control,overfitting] [--only adult,dry_bean] [--rows 1500]
                                    [--seeds 3]

Parts of real tables are trained on by a portfolio that is sound, or has a fault: trees without bounds on few
rows beside columns of noise; trees of a few rounds, of one split, a linear model where things bend; few rows
of many; a line that few rows tell; labels flipped; later rows whose columns were shuffled. For each case: how
often each diagnosis was found, of so many fits; and for learning curves how often the interval held what
twice the rows truly brought, measured on rows that nobody had.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from tables import DATA

import mlwright as mw
from mlwright.base.fit_report import FitReport
from mlwright.base.machine import cpu_name
from mlwright.base.progress import Progress
from mlwright.evaluation.splits import Fold
from mlwright.learners import Config
from mlwright.tasks import Asked, kind_named
from mlwright.training import Budget, train
from mlwright.training.prepared import PreparedFolds
from mlwright.training.problem import Problem
from mlwright.training.trial import run_trial

SETS = {
    "adult": ("adult/adult_train.csv.gz", "income", ()),
    "dry_bean": ("dry_bean.csv.gz", "Class", ()),
    "california_housing": ("california_housing.csv", "median_house_value", ()),
    "covertype": ("covertype.parquet", "Cover_Type", ()),
}
PLAIN = Config("baseline", "baseline", "encoded")
SOUND = Config(
    "lightgbm", "lightgbm", "tree", {"learning_rate": 0.05, "feature_fraction": 0.8, "num_leaves": 15}
)
LINEAR = Config("linear", "linear", "linear")
BOUNDLESS = Config(
    "boundless", "lightgbm", "tree",
    {"learning_rate": 0.4, "num_leaves": 255, "min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 0.0},
)  # fmt: skip
FEW_ROUNDS = Config("few-rounds", "lightgbm", "tree", {"learning_rate": 0.05, "most_rounds": 10})
ONE_SPLIT = Config(
    "one-split", "lightgbm", "tree", {"learning_rate": 0.05, "num_leaves": 2, "most_rounds": 100}
)
NOISE_COLUMNS, FEW_ROWS, TRULY = 40, 250, 4_000


@dataclass(frozen=True)
class Case:
    """A table with a fault or without, and what is tried on it."""

    portfolio: tuple[Config, ...]
    spoil: Callable[[pl.DataFrame, str, np.random.Generator], pl.DataFrame] = lambda table, target, random: (
        table
    )
    rows: int | None = None
    split: str | None = None


def noisy_columns(table: pl.DataFrame, target: str, random: np.random.Generator) -> pl.DataFrame:
    """Columns that say nothing beside the others."""
    more = {f"noise {j}": random.normal(size=len(table)) for j in range(NOISE_COLUMNS)}
    return table.with_columns(**{k: pl.Series(v) for k, v in more.items()})


def flipped(share: float) -> Callable[[pl.DataFrame, str, np.random.Generator], pl.DataFrame]:
    """So many targets replaced: by another row's class, or number."""

    def spoil(table: pl.DataFrame, target: str, random: np.random.Generator) -> pl.DataFrame:
        y = table[target].to_numpy().copy()
        hit = random.random(len(y)) < share
        distinct = np.unique(y)
        if len(distinct) <= 30:  # another class for certain
            code = np.searchsorted(distinct, y[hit])
            y[hit] = distinct[(code + random.integers(1, len(distinct), size=len(code))) % len(distinct)]
        else:
            y[hit] = random.permutation(y)[hit]
        return table.with_columns(pl.Series(target, y))

    return spoil


def shuffled_later(table: pl.DataFrame, target: str, random: np.random.Generator) -> pl.DataFrame:
    """In the last two fifths, half of the columns no longer belong to their rows."""
    features = [c for c in table.columns if c != target]
    chosen = random.permutation(features)[: max(1, len(features) // 2)]
    at = int(0.6 * len(table))
    moved = {
        c: pl.concat([table[c][:at], table[c][at:].shuffle(seed=int(random.integers(1e6)))]) for c in chosen
    }
    return table.with_columns(**moved)


def along_a_line(table: pl.DataFrame, target: str, random: np.random.Generator) -> pl.DataFrame:
    """A target that a line through two columns of its own tells, but for noise: a few hundred rows do."""
    x = random.normal(size=(2, len(table)))
    y = x.sum(axis=0) + random.normal(size=len(table))
    drawn = pl.Series(target, y if table[target].n_unique() > 30 else np.where(y > 0, "yes", "no"))
    return table.with_columns(drawn, **{f"told {j}": pl.Series(v) for j, v in enumerate(x)})


CASES = {
    "enough rows: a line": Case((PLAIN, LINEAR), along_a_line),
    "control": Case((PLAIN, LINEAR, SOUND)),
    "control, along the rows": Case((PLAIN, LINEAR, SOUND), split="order"),
    "overfitting": Case((PLAIN, BOUNDLESS), noisy_columns, FEW_ROWS),
    "underfitting: 10 rounds": Case((PLAIN, FEW_ROUNDS)),
    "underfitting: one split": Case((PLAIN, ONE_SPLIT)),
    "underfitting: linear": Case((PLAIN, LINEAR)),
    "few rows": Case((PLAIN, SOUND), rows=150),
    "flipped 10 %": Case((PLAIN, LINEAR, SOUND), flipped(0.1)),
    "flipped 20 %": Case((PLAIN, LINEAR, SOUND), flipped(0.2)),
    "flipped 30 %": Case((PLAIN, LINEAR, SOUND), flipped(0.3)),
    "later rows shuffled": Case((PLAIN, LINEAR, SOUND), shuffled_later, split="order"),
}
KINDS = ("overfitting", "underfitting", "not enough data", "label noise", "instability", "shift")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", default="", help="beginnings of their names, with ; between")
    parser.add_argument("--only", default="")
    parser.add_argument("--rows", type=int, default=1500)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--curves", action="store_true", help="hold learning curves to what twice the rows bring"
    )
    asked = parser.parse_args()
    only = [n for n in asked.only.split(",") if n] or list(SETS)
    print(f"{cpu_name()}; parts of {asked.rows} rows, {asked.seeds} seeds, sets {', '.join(only)}")
    if asked.curves:
        held_curves(only, asked.rows, asked.seeds)
        return
    print("found / not found / cannot tell or not looked at")
    print(f"| case | fits | {' | '.join(KINDS)} | s a fit |")
    print(f"|---|--:|{'---|' * len(KINDS)}--:|")
    for name, case in CASES.items():
        if asked.cases and not any(name.startswith(c) for c in asked.cases.split(";")):
            continue
        seen: dict[str, list[str]] = defaultdict(list)
        spent, fits = 0.0, 0
        for which in only:
            for seed in range(asked.seeds):
                began = time.monotonic()
                report = reported(case, which, case.rows or asked.rows, seed)
                spent, fits = spent + time.monotonic() - began, fits + 1
                for kind in KINDS:
                    seen[kind].append(report.of(kind).status)
        print(
            f"| {name} | {fits} | {' | '.join(_told(seen[k]) for k in KINDS)} | {spent / fits:.1f} |",
            flush=True,
        )


def reported(case: Case, which: str, rows: int, seed: int) -> FitReport:
    """The report of a fit of the case."""
    problem = problem_of(case, which, rows, seed)
    trained = train(problem, Budget(None, len(case.portfolio)), Progress())
    report = trained.evaluation.fit_report
    assert report is not None
    return report


def problem_of(case: Case, which: str, rows: int, seed: int) -> Problem:
    """The training problem of a part of a table."""
    table, target = table_of(which)
    random = np.random.default_rng([seed, len(table)])
    part = table[random.permutation(len(table))[:rows]]
    part = case.spoil(part, target, random)
    data = mw.read(part, target=target)
    problem, _ = kind_named("tabular").problem(data, Asked(seed=seed, threads=2, split=case.split))
    return replace(problem, portfolio=case.portfolio)


def table_of(which: str) -> tuple[pl.DataFrame, str]:
    """A table of the shared sets, with its target."""
    path, target, _ = SETS[which]
    where = DATA / path
    if where.suffix == ".parquet":
        return pl.read_parquet(where), target
    separator = ";" if which == "dry_bean" else ","
    return pl.read_csv(where, separator=separator, infer_schema_length=None), target


def held_curves(only: list[str], rows: int, seeds: int) -> None:
    """Prints what curves promised of twice the rows beside what these brought."""
    print("| set | rows | seed | error | promised less | interval | truly less | held |")
    print("|---|--:|--:|--:|--:|---|--:|---|")
    held: list[bool] = []
    for which in only:
        for seed in range(seeds):
            case = Case((PLAIN, SOUND))
            report = reported(case, which, rows, seed)
            curve = report.curve
            if curve is None:
                print(f"| {which} | {rows} | {seed} | no curve |")
                continue
            error, last = curve.errors[-1].value, curve.rows[-1]
            truly = truly_less(which, last, seed)
            low, high = curve.twice.low / error, curve.twice.high / error
            held.append(low <= truly <= high)
            print(
                f"| {which} | {last} | {seed} | {error:.4g} | {curve.twice.value / error:.1%} | {low:.1%} to "
                f"{high:.1%} | {truly:.1%} | {'yes' if held[-1] else 'no'} |",
                flush=True,
            )
    print(f"held: {sum(held)} of {len(held)}")


def truly_less(which: str, rows: int, seed: int, times: int = 4) -> float:
    """By which share the error on other rows is less with twice the rows, the mean of some draws."""
    table, target = table_of(which)
    random = np.random.default_rng([99, seed])
    errors: Any = np.zeros((times, 2))
    for k in range(times):
        part = table[random.permutation(len(table))[: 2 * rows + TRULY]]
        problem, _ = kind_named("tabular").problem(mw.read(part, target=target), Asked(seed=k, threads=2))
        every = random.permutation(len(problem.y))
        for j, train_rows in enumerate((every[:rows], every[: 2 * rows])):
            fold = Fold(np.sort(train_rows), np.sort(every[2 * rows :]))
            split = replace(problem.split, folds=(fold,), test=np.zeros(0, dtype=np.int64))
            trial = run_trial(SOUND, "lightgbm", PreparedFolds(replace(problem, split=split)), lambda: None)
            errors[k, j] = trial.error
    small, large = errors.mean(axis=0)
    return float((small - large) / small)


def _told(statuses: list[str]) -> str:
    found, passed = statuses.count("found"), statuses.count("passed")
    return f"{found} / {passed} / {len(statuses) - found - passed}"


if __name__ == "__main__":
    main()
