"""Whether promises hold: models are fitted on a small part of a table and judged on the large rest.

    python benchmarks/honesty.py [--only adult,dry_bean] [--rows 1500] [--seeds 3] [--seconds 5]

Asked of each fit: does the 95 % interval of the promised score hold the score on the rest, and on which side
does it miss; and is each class in its conformal sets as often as the error rate says, within the band that
chance leaves (beta-binomial: calibrated on n rows of the class, judged on m others). Of numbers: do the
intervals of rows hold the truth as often, within the same band; how often in the worst third by prediction;
and how wide are they, told in the width of intervals that are alike for all rows. Tables ordered by time are
left out, for there the rest is another time. The shipped model is fitted on all rows of the part, the promise
is of models fitted on most of them, so that a small pessimism is no fault.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
import polars as pl
from scipy import stats
from tabular_sets import listed, prepared

import mlwright as mw
from mlwright.base.machine import cpu_count, cpu_name

LEAST, MOST_JUDGED = 5_000, 20_000
ERRORS = (0.05, 0.1, 0.2)
HEADINGS = (
    "set", "metric", "fits", "held", "too good", "too bad", "bias", "class x rate", "in band", "too seldom",
    "intervals", "in band", "too seldom", "coverage - asked", "worst third - asked", "width / alike",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="")
    parser.add_argument("--rows", type=int, default=1500)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    asked = parser.parse_args()
    print(f"{cpu_name()}, {cpu_count()} CPUs; fits of {asked.rows} rows, {asked.seconds:g} s each")
    print(f"| {' | '.join(HEADINGS)} |")
    print(f"|---|---|{'--:|' * (len(HEADINGS) - 2)}")
    total: dict[str, list[float]] = defaultdict(list)
    for entry in listed([n for n in asked.only.split(",") if n], ("tabular",)):
        facts = prepared(entry)
        table = pl.read_parquet(Path(facts.folder) / "train.parquet")
        if facts.ordered or len(table) < max(LEAST, 2 * asked.rows):
            continue
        seen: dict[str, list[float]] = defaultdict(list)
        for seed in range(asked.seeds):
            _once(table, facts.target, facts.metric, seed, asked.rows, asked.seconds, seen)
        print(f"| {facts.name} | {facts.metric} | {_told(seen)} |", flush=True)
        for key, values in seen.items():
            total[key] += values
    if total:
        print(f"| all | | {_told(total)} |")


def _once(
    table: pl.DataFrame,
    target: str,
    metric: str,
    seed: int,
    rows: int,
    seconds: float,
    seen: dict[str, list[float]],
) -> None:
    order = np.random.default_rng(seed).permutation(len(table))
    part, rest = table[order[:rows]], table[order[rows : rows + MOST_JUDGED]]
    if part[target].n_unique() < 2:
        return
    model = mw.fit(
        part, target=target, metric=metric, time_limit=seconds, seed=seed, waive=("MLW404", "MLW206")
    )
    promised, true = model.evaluation.score, mw.evaluate(model, rest).score
    way = 1.0 if promised.greater_is_better else -1.0
    seen["held"].append(promised.low <= true.value <= promised.high)
    flatters = promised.low > true.value if way > 0 else promised.high < true.value
    seen["too good"].append(flatters)
    error = max((promised.high - promised.low) / 3.92, 1e-12)
    seen["bias"].append(way * (promised.value - true.value) / error)
    known = rest.filter(pl.col(target).is_not_null())
    _intervals(model, known, target, seen)
    sets = model.evaluation.sets
    if sets is None:
        return
    plausible = model.p_values(known.drop(target))
    labels = known[target].to_list()
    names = [model.target.label(k) for k in range(len(model.target.classes))]
    for k, name in enumerate(names):
        of = np.array([label == name for label in labels])
        n, m = sets.references[k].rows, int(of.sum())
        for rate in ERRORS:
            out = int(np.floor((n + 1) * rate))
            if not out or m < 20:
                continue
            low, high = stats.betabinom.ppf([0.025, 0.975], m, n + 1 - out, out)
            hits = int((plausible[of, k] > rate).sum())
            seen["in band"].append(low <= hits <= high)
            seen["too seldom"].append(hits < low)


def _intervals(model: mw.Model, known: pl.DataFrame, target: str, seen: dict[str, list[float]]) -> None:
    """How often, and in the worst third by prediction, the intervals of a regression hold the truth."""
    intervals = model.evaluation.intervals
    if intervals is None:
        return
    rows, truth = known.drop(target), known[target].to_numpy()
    third = np.argsort(np.argsort(model.predict(rows), kind="stable"), kind="stable") * 3 // len(truth)
    n, m = int(intervals.reach.rows), len(truth)
    for size in intervals.measured:
        ends = model.predict_interval(rows, size.error)
        held = (ends[:, 0] <= truth) & (truth <= ends[:, 1])
        out = int(np.floor((n + 1) * size.error))
        low, high = stats.betabinom.ppf([0.025, 0.975], m, n + 1 - out, out)
        seen["rows in band"].append(low <= held.sum() <= high)
        seen["rows too seldom"].append(held.sum() < low)
        seen["coverage"].append(held.mean() - 1 + size.error)
        seen["worst third"].append(min(held[third == k].mean() for k in range(3)) - 1 + size.error)
        seen["width"].append(float(np.mean(ends[:, 1] - ends[:, 0])) / size.constant)


def _told(seen: dict[str, list[float]]) -> str:
    fits, held, good = len(seen["held"]), sum(seen["held"]), sum(seen["too good"])
    band = seen["in band"]
    inside = f"{np.mean(band):.0%}" if band else ""
    bias = f"{np.mean(seen['bias']):+.2f}"
    kept = f"{held / fits:.0%} | {good:g} | {fits - held - good:g}"
    classes = f"{len(band)} | {inside} | {sum(seen['too seldom']):g}"
    return f"{fits} | {kept} | {bias} | {classes} | {_told_of_intervals(seen)}"


def _told_of_intervals(seen: dict[str, list[float]]) -> str:
    count = len(seen["rows in band"])
    if not count:
        return "0 | | | | |"
    away = [f"{100 * np.mean(seen[key]):+.1f} %" for key in ("coverage", "worst third")]
    band, width = f"{np.mean(seen['rows in band']):.0%}", f"{np.mean(seen['width']):.2f}"
    return f"{count} | {band} | {sum(seen['rows too seldom']):g} | {' | '.join(away)} | {width}"


if __name__ == "__main__":
    main()
