"""How often checks of shift cry wolf, and what they find: random halves of real tables, then planted shifts.

    python benchmarks/shift.py [--repeats 200] [--only adult,...] [--parts none,planted]

"No shift" deals rows of a real table (from the folder that MLWRIGHT_DATA names) into a reference and a fresh
table and counts comparisons with any alarm. "Planted" moves 5 of 50 normal columns by a quarter of a
deviation, a mix of categories by 10 points, or turns a correlation round. Beside mlwright stand common rules,
re-implemented by formula, one alarm a table if any column has one: Kolmogorov-Smirnov p < 0.05 (chi-square
for categories), PSI over 0.1 and over 0.25 (ten bins of the reference), Wasserstein's distance over 0.1
deviations (Jensen-Shannon over 0.1 for categories).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy import stats

from mlwright.base.machine import cpu_count, cpu_name
from mlwright.base.schema import Column, Schema
from mlwright.checks import compare
from mlwright.data.dataset import Dataset, Provenance
from mlwright.sources import ReadOptions, Roles, read
from mlwright.statistics.intervals import wilson

DATA = Path(os.environ.get("MLWRIGHT_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
SETS = (
    "adult", "telco_churn", "bank_marketing", "california_housing", "vehicle_insurance_fraud", "dry_bean",
    "covertype", "letter_recognition",
)  # fmt: skip
SIZES = ((5000, 100), (5000, 200), (5000, 500), (500, 500), (2000, 2000), (10_000, 10_000))
RULES = ("mlwright", "KS p<0.05", "PSI>0.1", "PSI>0.25", "Wasserstein>0.1")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--only", default=",".join(SETS))
    parser.add_argument("--parts", default="none,planted", help="none: no shift; planted: known shifts")
    asked = parser.parse_args()
    print(f"# {time.strftime('%Y-%m-%d')}, {cpu_name()}, {cpu_count()} CPUs, "
          f"Python {platform.python_version()}, {asked.repeats} comparisons a line")  # fmt: skip
    if "none" in asked.parts:
        no_shift(asked.only.split(","), asked.repeats)
    if "planted" in asked.parts:
        planted(asked.repeats)


def no_shift(names: list[str], repeats: int) -> None:
    print("\nNo shift: comparisons with any alarm, % (95 %)")
    header()
    tables = [table(name) for name in names]
    for reference, fresh in SIZES:
        fitting = [t for t in tables if len(t) >= reference + fresh]
        dealt = (halves(fitting[i % len(fitting)], reference, fresh, i) for i in range(repeats))
        line(f"{reference} / {fresh}", dealt)


def planted(repeats: int) -> None:
    print("\nPlanted: comparisons with any alarm, % (95 %)")
    header()
    for name, make in PLANTED.items():
        for reference, fresh in SIZES[:5]:
            made = (make(np.random.default_rng(i), reference, fresh) for i in range(repeats))
            line(f"{name}, {reference} / {fresh}", made)


def header() -> None:
    print("| reference / fresh | " + " | ".join(RULES) + " | s |\n" + "|---" * (len(RULES) + 2) + "|")


def line(name: str, pairs: Iterator[tuple[Dataset, Dataset]]) -> None:
    """One line of the table: how often each rule raised any alarm."""
    alarms, seconds = [], []
    for seed, (reference, fresh) in enumerate(pairs):
        began = time.perf_counter()
        found = compare(reference, fresh, seed=seed).found
        seconds.append(time.perf_counter() - began)
        alarms.append([bool(found), *peers(reference, fresh)])
    cells = []
    for hits in np.array(alarms).sum(axis=0):
        share = wilson(float(hits), len(alarms))
        cells.append(f"{100 * share.value:.1f} ({100 * share.low:.1f} to {100 * share.high:.1f})")
    print(f"| {name} | " + " | ".join(cells) + f" | {np.median(seconds):.2f} |", flush=True)


def peers(reference: Dataset, fresh: Dataset) -> list[bool]:
    """Whether any column has an alarm, by each of the common rules."""
    alarms = np.zeros(4, dtype=bool)
    for column in reference.schema.columns:
        if column.kind in ("text", "id"):
            continue
        one, other = (d.frame[column.name].drop_nulls().to_numpy() for d in (reference, fresh))
        if len(one) and len(other):
            numbers = column.kind in ("numeric", "datetime")
            alarms |= by_numbers(one, other) if numbers else by_categories(one, other)
    return alarms.tolist()


def by_numbers(one: Any, other: Any) -> Any:
    edges = np.unique(np.quantile(one, np.arange(1, 10) / 10))
    counts = [np.bincount(np.searchsorted(edges, x), minlength=len(edges) + 1) for x in (one, other)]
    psi, deviation = stability(*counts), one.std()
    apart = stats.wasserstein_distance(one, other) / deviation if deviation > 0 else 0.0
    return np.array(
        [stats.ks_2samp(one, other, method="asymp").pvalue < 0.05, psi > 0.1, psi > 0.25, apart > 0.1]
    )


def by_categories(one: Any, other: Any) -> Any:
    names = np.unique(np.concatenate([one, other]).astype(str), return_inverse=True)[1]
    cells = names.max() + 1
    counts = [np.bincount(part, minlength=cells) for part in (names[: len(one)], names[len(one) :])]
    if cells < 2:
        return np.zeros(4, dtype=bool)
    p = stats.chi2_contingency(np.stack(counts)).pvalue
    psi = stability(*counts)
    shares = [c / c.sum() for c in counts]
    middle = (shares[0] + shares[1]) / 2
    divergence = sum(0.5 * float(stats.entropy(s, middle, base=2)) for s in shares)
    return np.array([p < 0.05, psi > 0.1, psi > 0.25, np.sqrt(max(divergence, 0)) > 0.1])


def stability(one: Any, other: Any) -> float:
    """The population stability index of two tables' counts; empty cells count as one row in ten thousand."""
    a, b = (np.maximum(c / c.sum(), 1e-4) for c in (one, other))
    return float(((b - a) * np.log(b / a)).sum())


def table(name: str) -> Dataset:
    entry = next(e for e in json.loads((DATA / "datasets.json").read_text()) if e["name"] == name)
    return read(DATA / entry["file"], Roles(target=entry["target"]), ReadOptions())


def halves(whole: Dataset, reference: int, fresh: int, seed: int) -> tuple[Dataset, Dataset]:
    picked = np.random.default_rng(seed).choice(len(whole), reference + fresh, replace=False)
    return whole.rows(picked[:reference]), whole.rows(picked[reference:])


def numbers(values: Any) -> Dataset:
    frame = pl.DataFrame(values, schema=[f"x{j}" for j in range(values.shape[1])])
    columns = tuple(Column(name=n, kind="numeric") for n in frame.columns)
    return Dataset(frame, Schema(columns=columns), Provenance("made"))


def quarter(random: np.random.Generator, n: int, m: int) -> tuple[Dataset, Dataset]:
    """5 of 50 normal columns a quarter of a deviation higher."""
    moved = random.normal(size=(m, 50))
    moved[:, :5] += 0.25
    return numbers(random.normal(size=(n, 50))), numbers(moved)


def mix(random: np.random.Generator, n: int, m: int) -> tuple[Dataset, Dataset]:
    """1 of 10 columns of five categories moves 10 points from the first to the last."""
    usual, moved = [0.4, 0.25, 0.15, 0.1, 0.1], [0.3, 0.25, 0.15, 0.1, 0.2]

    def made(rows: int, first: list[float]) -> Dataset:
        shares = [first] + [usual] * 9
        frame = pl.DataFrame({f"c{j}": random.choice(list("abcde"), rows, p=p) for j, p in enumerate(shares)})
        columns = tuple(Column(name=c, kind="categorical") for c in frame.columns)
        return Dataset(frame, Schema(columns=columns), Provenance("made"))

    return made(n, usual), made(m, moved)


def turned(random: np.random.Generator, n: int, m: int) -> tuple[Dataset, Dataset]:
    """2 of 10 normal columns correlate at 0.8, and at -0.8 in the fresh table; each by itself stays."""

    def made(rows: int, sign: float) -> Dataset:
        values = random.normal(size=(rows, 10))
        values[:, 1] = sign * 0.8 * values[:, 0] + 0.6 * values[:, 1]
        return numbers(values)

    return made(n, 1), made(m, -1)


PLANTED: dict[str, Callable[[np.random.Generator, int, int], tuple[Dataset, Dataset]]] = {
    "5 of 50 columns by 0.25 deviations": quarter,
    "10 points of a mix": mix,
    "a correlation turned round": turned,
}

if __name__ == "__main__":
    main()
