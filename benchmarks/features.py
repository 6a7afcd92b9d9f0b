"""Which kinds of generated features pay: one LightGBM on views and variants of them, on real tables.

    python benchmarks/features.py RESULTS.json [--variants encoded rich ...] [--sets NAME ...] [--folds 5]

Five parts of each table (at most 10,000 rows): three to fit plan and model, one to stop early on, one to
score. Settings are the same for all; what changes is the matrix. Resumable: what is in the JSON file is not
run again. It prints the loss (log loss, or RMSE) of each variant in per cent of that on `encoded`, how many
of the folds it is better in, and the seconds of preparing.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tables import DATA, options_of

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import mlwright as mw
from mlwright.features import FeaturePlan, Table, table_of
from mlwright.features.rich import KINDS
from mlwright.learners import Config, Job, Part, answer_of
from mlwright.learners.linear import Linear
from mlwright.tasks.tabular.problem import read_target

MOST_ROWS = 10_000
THREADS = 1
VARIANTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "encoded": ("encoded", ()),
    "tree": ("tree", ()),
    "rich": ("rich", KINDS),
    **{kind: ("rich", (kind,)) for kind in KINDS},
    "linear": ("linear", ()),
    "rich-linear": ("rich-linear", ()),
}
BLENDS = {"encoded+linear": ("encoded", "linear"), "encoded+rich-linear": ("encoded", "rich-linear")}
"""Two of them averaged in margins, by the share that does best on the second part."""
SETS = (
    "adult", "telco_churn", "titanic", "heart_disease", "wdbc", "pima_diabetes", "creditcard_fraud_sample",
    "vehicle_insurance_fraud", "mammography", "insurance", "california_housing", "ames_housing",
    "bike_sharing_hourly", "nycflights13", "electricity_nsw", "covertype", "dry_bean", "letter_recognition",
    "bank_marketing", "womens_clothing_reviews",
)  # fmt: skip


def loaded(name: str, most: int) -> tuple[Table, np.ndarray, np.ndarray, int]:
    """At most `most` rows of a set in random order: table, y [N], the plan's targets, how many classes."""
    listed = json.loads((DATA / "datasets.json").read_text())
    entry = next(e for e in listed if e["name"] == name)
    data = mw.read(
        DATA / entry["file"], target=entry["target"], drop=entry["drop"], options=options_of(entry)
    )
    data = data.rows(np.random.default_rng(0).permutation(len(data))[:most])
    target, y, _ = read_target(data, data.target)
    table, classes = table_of(data), len(target.classes)
    if not classes:
        return table, y, (y - y.mean())[:, None], 0
    if classes == 2:
        return table, y, y[:, None], 2
    frequent = np.sort(np.argsort(-np.bincount(y.astype(int)), kind="stable")[:10])
    return table, y, (y[:, None] == frequent[None, :]).astype(float), classes


def margins(view: str, x: list[np.ndarray], y: list[np.ndarray], classes: int, members: list[int]) -> Any:
    """Margins on the second and the third part of a model fitted on the first, stopped on the second."""
    if "linear" in view:
        job = Job(Config("linear", "linear", view), classes, Part(x[0], y[0]), Part(x[1], y[1]))
        linear = Linear().fit(job)
        return [linear.margin(part) for part in x[1:]]
    import lightgbm as lgb

    objective = "regression" if not classes else "binary" if classes == 2 else "multiclass"
    params: dict[str, Any] = {
        "objective": objective, "verbosity": -1, "num_threads": THREADS, "learning_rate": 0.05, "seed": 0,
        "num_leaves": 31, "min_data_in_leaf": int(np.clip(len(y[0]) // 50, 2, 20)),
        "feature_fraction": 0.7, "deterministic": True, "force_row_wise": True,
    }  # fmt: skip
    if classes > 2:
        params |= {"num_class": classes, "min_sum_hessian_in_leaf": 1.0, "lambda_l2": 1.0}
    train = lgb.Dataset(x[0], y[0], categorical_feature=members)
    valid = lgb.Dataset(x[1], y[1], reference=train)
    booster = lgb.train(
        params, train, 3000, valid_sets=[valid], callbacks=[lgb.early_stopping(50, verbose=False)]
    )
    rounds = booster.best_iteration
    raw = [booster.predict(part, num_iteration=rounds, raw_score=True) for part in x[1:]]
    return [r.reshape(len(r), -1) for r in raw]


def loss_of(margin: np.ndarray, y: np.ndarray, classes: int) -> float:
    """RMSE, or log loss."""
    if not classes:
        return float(np.sqrt(np.mean((margin[:, 0] - y) ** 2)))
    p = answer_of(margin, classes)
    return float(-np.log(np.maximum(p[np.arange(len(p)), y.astype(int)], 1e-9)).mean())


def blended(a: Any, b: Any, y: list[np.ndarray], classes: int) -> float:
    """The loss on the third part of the mix that is best on the second."""
    shares = np.linspace(0, 1, 21)
    best = min(shares, key=lambda s: loss_of((1 - s) * a[0] + s * b[0], y[1], classes))
    return loss_of((1 - best) * a[1] + best * b[1], y[2], classes)


@dataclass
class Fold:
    """Three parts of a set, and what has been fitted on them."""

    rows: list[Table]
    y: list[np.ndarray]
    targets: np.ndarray
    classes: int
    made: dict[str, tuple[Any, float, int]] = field(default_factory=dict)

    def result(self, variant: str) -> list[float]:
        """The loss, the seconds of preparing, and the width of the matrix."""
        if variant in BLENDS:
            one, other = (self.fitted(v)[0] for v in BLENDS[variant])
            return [blended(one, other, self.y, self.classes), 0.0, 0]
        margin, seconds, width = self.fitted(variant)
        return [loss_of(margin[1], self.y[2], self.classes), seconds, width]

    def fitted(self, variant: str) -> tuple[Any, float, int]:
        """Margins on the second and third part, seconds of preparing, width."""
        if variant not in self.made:
            view, kinds = VARIANTS[variant]
            began = time.perf_counter()
            plan = FeaturePlan.fit(self.rows[0], self.targets, seed=0, threads=THREADS)
            plan.kinds = kinds
            x = [plan.matrix(view, r, training=i == 0) for i, r in enumerate(self.rows)]
            seconds = round(time.perf_counter() - began, 2)
            answers = margins(view, x, self.y, self.classes, plan.members(view))
            self.made[variant] = answers, seconds, x[0].shape[1]
        return self.made[variant]


def run(name: str, variants: list[str], folds: int, results: dict[str, Any], path: Path, most: int) -> None:
    """Adds what is missing to `results[name]`, fold by fold, written as it goes."""
    found = results.setdefault(name, {})
    if all(len(found.get(v, [])) >= folds for v in variants):
        return
    table, y, targets, classes = loaded(name, most)
    part = np.arange(len(y)) % 5
    for k in range(folds):
        stop, judge = part == (k + 1) % 5, part == k
        index = [np.flatnonzero(m) for m in (~stop & ~judge, stop, judge)]
        fold = Fold([table.rows(i) for i in index], [y[i] for i in index], targets[index[0]], classes)
        for v in variants:
            if len(found.setdefault(v, [])) <= k:
                found[v].append(fold.result(v))
                path.write_text(json.dumps(results, indent=1))


def show(results: dict[str, Any], variants: list[str]) -> None:
    """The table, and what each variant does over all sets."""
    print(f"{'set':26s}{'encoded':>10s}" + "".join(f"{v:>22s}" for v in variants if v != "encoded"))
    overall: dict[str, list[float]] = {v: [] for v in variants}
    for name, found in results.items():
        line = f"{name:26s}"
        base = np.array([r[0] for r in found.get("encoded", [])])
        if not len(base):
            continue
        line += f"{base.mean():10.4f}"
        for v in variants:
            if v == "encoded":
                continue
            rows = found.get(v, [])
            if len(rows) < len(base):
                line += f"{'-':>22s}"
                continue
            loss = np.array([r[0] for r in rows])[: len(base)]
            change = 100 * (loss.mean() / base.mean() - 1)
            overall[v].append(change)
            wins = int((loss < base).sum())
            line += f"{change:+9.2f}% {wins}/{len(base)} {np.mean([r[1] for r in rows]):4.1f}s{rows[0][2]:5d}"
        print(line)
    for v, changes in overall.items():
        if changes:
            c = np.array(changes)
            better, worse = int((c < -0.1).sum()), int((c > 0.1).sum())
            print(
                f"{v:26s} mean {c.mean():+.2f} % median {np.median(c):+.2f} % better {better} worse {worse}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--variants", nargs="+", default=[*VARIANTS, *BLENDS])
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=MOST_ROWS)
    parser.add_argument("--show", action="store_true", help="only print what is there")
    given = parser.parse_args()
    results = json.loads(given.results.read_text()) if given.results.exists() else {}
    for name in given.sets if not given.show else ():
        run(name, given.variants, given.folds, results, given.results, given.rows)
    show(results, given.variants)


if __name__ == "__main__":
    main()
