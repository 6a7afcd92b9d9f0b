"""How often weak slices are found where there are some, and where there are none.

    python benchmarks/slices.py [--rows 2000,8000] [--seeds 40] [--flipped 0,0.2]

The columns are those of a real table (adult). Answers are made: probabilities as a good model gives them, and
outcomes drawn from them, dealt to the rows at random, so that no column has anything to do with the loss.
Then, in one category within one band of a number (4 to 15 % of the rows), a share of the outcomes is flipped.
Asked: is anything found where nothing is (false alarms, with Clopper and Pearson's interval), and how often
is a slice found that has half of its rows in common with the planted one. Groups (of sex and race) are asked
alike: nothing is planted in them but what the slice happens to bring. Nothing is fitted; all but the seconds
follows from the seeds.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

import mlwright as mw
from mlwright.base.machine import cpu_count, cpu_name
from mlwright.evaluation.answers import Answers
from mlwright.evaluation.cuts import Values, holds, values_of
from mlwright.evaluation.metrics import METRICS
from mlwright.evaluation.slices import slices_of
from mlwright.evaluation.subgroups import subgroups_of
from mlwright.statistics.intervals import clopper_pearson

DATA = Path(os.environ.get("MLWRIGHT_DATA", Path(__file__).parents[2] / "shared" / "data"))
TABLE = "adult/adult_train.csv.gz"
FLIPPED = (0.0, 0.1, 0.2, 0.3, 0.5)
LEAST_SHARE, MOST_SHARE = 0.04, 0.15
CATEGORIES = ("occupation", "workclass", "education", "relationship")
NUMBERS = ("age", "hours-per-week")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", default="2000,8000")
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--flipped", default=",".join(map(str, FLIPPED)))
    asked = parser.parse_args()
    table = mw.read(DATA / TABLE, target="income", protected=["sex", "race"])
    print(f"{cpu_name()}, {cpu_count()} CPUs; columns of {TABLE}, {asked.seeds} seeds")
    print("| rows | flipped | any slice | planted one found | slices a run | groups differ | CPU s |")
    print("|--:|--:|---|---|--:|---|--:|")
    for rows in (int(n) for n in asked.rows.split(",")):
        for flipped in (float(share) for share in asked.flipped.split(",")):
            with threadpool_limits(limits=1, user_api="blas"):  # as training does
                _line(table, rows, flipped, asked.seeds)


def _line(table: object, rows: int, flipped: float, seeds: int) -> None:
    runs = [_run(table, rows, flipped, seed) for seed in range(seeds)]
    any_found, planted, count, groups, seconds = (np.array(v, dtype=float) for v in zip(*runs, strict=True))
    shown = [_shown(v) for v in (any_found, planted, groups)]
    print(
        f"| {rows:,} | {flipped:.0%} | {shown[0]} | {shown[1] if flipped else '-'} | {count.mean():.2f} "
        f"| {shown[2]} | {seconds.mean():.2f} |",
        flush=True,
    )


def _shown(hits: np.ndarray) -> str:
    share = clopper_pearson(float(hits.sum()), len(hits))
    return f"{share.value:.1%} ({share.low:.1%} to {share.high:.1%})"


def _run(table: object, rows: int, flipped: float, seed: int) -> tuple[bool, bool, int, bool, float]:
    random = np.random.default_rng([seed, rows])
    some = table.rows(np.sort(random.choice(len(table), rows, replace=False)))  # type: ignore[attr-defined]
    values = {c.name: values_of(some, c) for c in (*some.schema.features, *some.role("protected"))}
    p = random.beta(0.5, 1.5, rows)
    y = (random.random(rows) < p).astype(np.int64)
    mask = _planted(values, random)
    flips = mask & (random.random(rows) < flipped)
    y[flips] = 1 - y[flips]
    answers = Answers(
        y, np.column_stack([1 - p, p]), (p > 0.5).astype(np.int64), None, METRICS["roc_auc"], seed=seed
    )
    began = time.process_time()
    found = slices_of(answers, {name: v.rows for name, v in values.items()}).found
    seconds = time.process_time() - began
    hit = any(
        _alike(np.logical_and.reduce([holds(c, values[c.column]) for c in s.conditions]), mask) for s in found
    )
    groups = subgroups_of(answers, [values["sex"], values["race"]])
    return bool(found), hit, len(found), bool(groups and groups.findings), seconds


def _planted(values: dict[str, Values], random: np.random.Generator) -> np.ndarray:
    """A category within a band of a number that has a fitting share of the rows."""
    while True:
        texts, numbers = values[random.choice(CATEGORIES)], values[random.choice(NUMBERS)].numbers
        assert texts.ids is not None and numbers is not None
        category = random.integers(1, len(texts.vocabulary))
        low = random.uniform(0.0, 0.5)
        ends = np.nanquantile(numbers, [low, low + 0.5])
        mask = (texts.ids == category) & (numbers >= ends[0]) & (numbers <= ends[1])
        if LEAST_SHARE <= mask.mean() <= MOST_SHARE:
            return np.asarray(mask)


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    return bool((one & other).sum() / (one | other).sum() >= 0.5)


if __name__ == "__main__":
    main()
