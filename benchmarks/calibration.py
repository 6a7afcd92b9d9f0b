"""Calibrations judged on unseen rows: our choice beside each method for all, and beside scikit-learn.

    python benchmarks/calibration.py [--only adult,dry_bean] [--rows 1000] [--seeds 3] [--drawn]

Every system gets the same booster (LightGBM by default settings) and the same rows of a table; up to 20,000
others judge. Ours is fitted on out-of-fold answers of five folds and put behind the booster of all rows, as
models ship. `calibration_peer.py` fits boosters and scikit-learn's CalibratedClassifierCV, each method with
and without its averaging of fold models, in an environment of its own. Printed are log losses, medians over
seeds; ours as a share of the best of the peer's (below 1: ours is better); and slopes, ideal 1.

`--drawn` draws log-odds whose truth is known instead, and prints what each method's log loss exceeds the
truth's by, in ten-thousandths, at 200, 1,000 and 50,000 rows, and what the choice costs at several doubts.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from environments import made
from tabular_sets import Facts, listed, prepared

from mlwright.base.machine import cpu_count, cpu_name
from mlwright.evaluation import calibration
from mlwright.evaluation.calibration import fit_calibrator
from mlwright.evaluation.calibration_methods import OF_MORE, OF_TWO, losses
from mlwright.evaluation.reliability import reliability_of
from mlwright.statistics.links import sigmoid, softmax

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
PEER = ("scikit-learn==1.9.1", "lightgbm==4.7.0")
MOST_JUDGED, LEAST_OF_A_CLASS = 20_000, 5
SETS = (
    "adult,bank_marketing,creditcard_fraud_sample,electricity_nsw,mammography,telco_churn,"
    "vehicle_insurance_fraud,womens_clothing_reviews,dry_bean,covertype,letter_recognition"
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default=SETS)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--drawn", action="store_true")
    asked = parser.parse_args()
    print(f"{cpu_name()}, {cpu_count()} CPUs")
    if asked.drawn:
        _drawn()
        return
    print(f"{asked.rows} rows, {asked.seeds} seeds")
    print(
        "| set | chosen | none | ours | each method for all | peer's | ours / best peer "
        "| slopes: none, ours, peer |"
    )
    print("|---|---|--:|--:|---|---|--:|---|")
    ratios = []
    for entry in listed(asked.only.split(",")):
        facts = prepared(entry)
        seen = [s for s in (_once(facts, asked.rows, seed) for seed in range(asked.seeds)) if s]
        if seen:
            ratios.append(_print(facts.name, seen))
    if ratios:
        print(f"median of ours / best peer: {np.median(ratios):.3f}; worst {max(ratios):.3f}")


def _once(facts: Facts, rows: int, seed: int) -> dict[str, tuple[float, float]] | None:
    """By system, its log loss and slope; the method that was chosen is `chosen ...`. None where a class is
    too rare."""
    x, y, classes = _matrix(facts)
    order = np.random.default_rng(seed).permutation(len(y))
    part, rest = order[:rows], order[rows : rows + MOST_JUDGED]
    if len(rest) < rows or np.bincount(y[part], minlength=classes).min() < LEAST_OF_A_CLASS:
        return None
    with tempfile.TemporaryDirectory() as folder:
        given, got = Path(folder) / "given.npz", Path(folder) / "got.npz"
        np.savez(given, x=x[part], y=y[part], fresh=x[rest], seed=seed, classes=classes)
        peer = Path(__file__).with_name("calibration_peer.py")
        subprocess.run([str(made("calibration", PEER)), str(peer), str(given), str(got)], check=True)
        with np.load(got, allow_pickle=False) as answers:
            probability = {name: answers[name] for name in answers.files}
    truth = y[rest]
    oof, shipped = (_margin(probability.pop(name)) for name in ("oof", "none"))
    margins = {"none": shipped}
    fitted = fit_calibrator(oof, y[part], None, seed)
    margins["ours"] = fitted.apply(shipped)
    for name, method in (OF_TWO if classes == 2 else OF_MORE).items():
        margins[f"all {name}"] = method(oof, y[part], np.ones(rows)).apply(shipped)
    margins |= {f"peer {name}": _margin(p) for name, p in probability.items()}
    out = {name: _judged(margin, truth) for name, margin in margins.items()}
    out[f"chosen {fitted.method}"] = (1.0, 1.0)
    return out


def _judged(margin: Doubles, truth: Ints) -> tuple[float, float]:
    p = sigmoid(margin[:, 0]) if margin.shape[1] == 1 else softmax(margin)
    found = reliability_of(truth, margin, p)
    slope = found.slope.value if found is not None and found.slope is not None else float("nan")
    return float(losses(margin, truth).mean()), slope


def _print(name: str, seen: list[dict[str, tuple[float, float]]]) -> float:
    def median(system: str, what: int = 0) -> float:
        return float(np.nanmedian([one[system][what] for one in seen]))

    chosen = [key.removeprefix("chosen ") for one in seen for key in one if key.startswith("chosen ")]
    peers = [key for key in seen[0] if key.startswith("peer ")]
    best = min(peers, key=median)
    # Each seed's own ratio, for seeds differ in their rows.
    ratio = float(np.median([one["ours"][0] / min(one[p][0] for p in peers) for one in seen]))
    every = ", ".join(f"{k.removeprefix('all ')} {median(k):.4f}" for k in seen[0] if k.startswith("all "))
    told = ", ".join(f"{k.removeprefix('peer ')} {median(k):.4f}" for k in peers)
    slopes = f"{median('none', 1):.2f}, {median('ours', 1):.2f}, {median(best, 1):.2f}"
    print(
        f"| {name} | {', '.join(chosen)} | {median('none'):.4f} | {median('ours'):.4f} | {every} | {told} "
        f"| {ratio:.3f} | {slopes} |",
        flush=True,
    )
    return ratio


def _matrix(facts: Facts) -> tuple[Doubles, Ints, int]:
    """All rows of the table as numbers, texts by their order; class numbers; how many there are."""
    folder = Path(facts.folder)
    train, test = pl.read_parquet(folder / "train.parquet"), pl.read_parquet(folder / "test.parquet")
    own = [facts.classes.index(str(v)) for v in train[facts.target].to_list()]
    y = np.concatenate([np.array(own), np.load(folder / "truth.npy")]).astype(np.int64)
    both = pl.concat([train.drop(facts.target), test], how="vertical_relaxed")
    columns = []
    for column in both.get_columns():
        if column.dtype.is_temporal():
            column = column.dt.epoch("s")
        elif not column.dtype.is_numeric() and column.dtype != pl.Boolean:
            column = column.cast(pl.String).rank("dense")
        columns.append(column.cast(pl.Float64).to_numpy())
    return np.stack(columns, axis=1), y, len(facts.classes)


def _margin(p: Doubles) -> Doubles:
    p = np.clip(p, 1e-12, 1.0)
    return np.log(p[:, 1:] / p[:, :1]) if p.shape[1] == 2 else np.log(p)


def _softplus(t: Doubles) -> Doubles:
    return np.asarray(np.logaddexp(0, t))


TRUTHS: dict[str, Callable[[Doubles], Doubles]] = {
    "perfect": lambda t: t,
    "too extreme": lambda t: 0.7 * t,
    "too low": lambda t: t + 0.4,
    "beta": lambda t: -0.6 * _softplus(-t) + 1.1 * _softplus(t),
    "steps": lambda t: t + 0.45 * np.tanh(2 * (t + 2)) - 0.45 * np.tanh(2 * t),
}
DOUBTS = (0.0, 0.5, 1.0)


def _drawn() -> None:
    """Log-odds of mean -1 and deviation 2, outcomes by each truth."""
    grid = np.linspace(-9, 7, 4001)[:, None]
    density = np.exp(-((grid[:, 0] + 1) ** 2) / 8)
    density /= density.sum()
    print(
        "| rows | truth | none | " + " | ".join(OF_TWO) + " | choice at doubts " + ", ".join(map(str, DOUBTS))
    )
    for rows, times in ((200, 60), (1000, 40), (50_000, 4)):
        for name, truth in TRUTHS.items():
            true = sigmoid(truth(grid[:, 0]))
            seen: dict[str, list[float]] = defaultdict(list)
            for seed in range(times):
                random = np.random.default_rng(seed)
                margin = random.normal(-1, 2, (rows, 1))
                y = (random.random(rows) < sigmoid(truth(margin[:, 0]))[:, 1]).astype(np.int64)
                lines = {"none": grid}
                lines |= {k: m(margin, y, np.ones(rows)).apply(grid) for k, m in OF_TWO.items()}
                excess = {
                    k: 1e4 * float(density @ (true * (np.log(true) - np.log(sigmoid(z[:, 0])))).sum(axis=1))
                    for k, z in lines.items()
                }
                for doubt in DOUBTS:
                    calibration.DOUBT = doubt
                    excess[f"doubt {doubt}"] = excess[fit_calibrator(margin, y, None, seed).method]
                for key, value in excess.items():
                    seen[key].append(value)
            print(
                f"| {rows} | {name} | " + " | ".join(f"{np.mean(v):.1f}" for v in seen.values()), flush=True
            )


if __name__ == "__main__":
    main()
