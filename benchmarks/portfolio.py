"""The order in which configurations are tried, learned from what they say of the shared tables.

    python benchmarks/portfolio.py collect [--sizes small,middle] [--only NAME,...]
    python benchmarks/portfolio.py learn [--length 30] [--json OUT]
    python benchmarks/portfolio.py ask averaging|weights|ships|folds|refining

`collect` fits every configuration on every part (portfolio_parts.py) and keeps its predictions outside of
the repository: hours; it can be ended and begun again. `learn` finds the order by greedy selection and
judges such orders on tables that had no part in them. `ask` answers questions from the same predictions,
and with --fit first fits what it lacks; `refining` needs optuna. Figures are mean logarithms of errors
over those of one plain LightGBM, in percent; below 0 is better.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import portfolio_asked as asked_of
import portfolio_questions as questions
from portfolio_cache import collect
from portfolio_candidates import candidates
from portfolio_order import (
    BUDGETS,
    BY_HAND,
    by_length,
    by_time,
    costs,
    learned,
    left_out,
    order_against,
    random_orders,
)
from portfolio_parts import parts
from portfolio_simulated import Fast, Told, told

SIZES = "small,middle"
ASKED = (
    "titanic", "heart_disease", "pima_diabetes", "wdbc", "insurance", "telco_churn", "california_housing",
    "bike_sharing_hourly", "adult", "electricity_nsw", "ames_housing", "mammography",
)  # fmt: skip
"""The tables on which questions are asked that need fits of their own."""
SEEDED = ("lgb-default", "lgb-random", "cat-4")
FOLDED = ("linear", "lgb-default", "lgb-random", "lgb-small")
BEFORE = ("linear", "lgb-default", "lgb-random", "cat-4", "lgb-small", "lgb-encoded")
"""What has been tried before refining begins."""
REFINED = 8


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["collect", "learn", "ask"])
    parser.add_argument("question", nargs="?", choices=["averaging", "weights", "ships", "folds", "refining"])
    parser.add_argument("--sizes", default=SIZES)
    parser.add_argument("--only", default="", help="names of configurations, or how they begin")
    parser.add_argument("--without", default="", help="tables to leave out")
    parser.add_argument("--length", type=int, default=24)
    parser.add_argument("--power", type=float, default=1.0, help="how much a candidate's time counts")
    parser.add_argument("--least", type=float, default=0.8, help="parts that must have spoken, as a share")
    parser.add_argument("--fit", action="store_true", help="fit what the question lacks")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    sizes = tuple(asked.sizes.split(","))
    only = tuple(o for o in asked.only.split(",") if o)
    if asked.what == "collect":
        chosen = [p for p in parts() if p.size in sizes and p.name not in asked.without.split(",")]
        collect(chosen, [c for c in candidates() if not only or c.name.startswith(only)])
    elif asked.what == "learn":
        learn(told(sizes), asked.length, asked.power, asked.least, asked.json)
    else:
        answer(asked.question, sizes, asked.fit)


def known_names(among: list[Told], least: float) -> list[str]:
    """The configurations that have spoken of most parts, in the order of fitting."""
    counts = {c.name: sum(c.name in p.oof for p in among) for c in candidates()}
    return [n for n, count in counts.items() if count >= least * len(among)]


def learn(among: list[Told], length: int, power: float, least: float, out: Path | None) -> None:
    names = known_names(among, least)
    print(f"{len(among)} parts of {len({p.name for p in among})} tables, {len(names)} configurations")
    order = learned([Fast(p) for p in among], names, length, power)
    cost = costs(among, names)
    print("\nthe order, and what each costs in fits of the reference")
    for i, n in enumerate(order, 1):
        print(f"  {i:2} {n:16} {cost[n]:5.1f}")
    print("\norders that each table had no part in")
    without = left_out(among, names, length, power)
    orders = {
        "learned": {p.title: without[p.name] for p in among},
        "by hand": {p.title: list(BY_HAND[p.facts["size"]]) for p in among},
        "random": random_orders(among, names, 1),
        "random again": random_orders(among, names, 2),
    }
    said: dict[str, object] = {"order": order, "cost": cost, "parts": [p.title for p in among]}
    for size in (None, *sorted({p.facts["size"] for p in among})):
        some = [p for p in among if size in (None, p.facts["size"])]
        said[size or "all"] = curves(some, orders, size or "all")
    if out:
        out.write_text(json.dumps(said, indent=1) + "\n")


def curves(among: list[Told], orders: dict[str, dict[str, list[str]]], title: str) -> dict[str, object]:
    """Prints and gives the mean log ratio by candidates and by time, for each kind of order."""
    kept: dict[str, object] = {}
    print(f"\n{title}: {len(among)} parts; mean log error over the reference's, percent ± standard error")
    for kind, order in orders.items():
        lengths, times = by_length(among, order), by_time(among, order)
        kept[kind] = {"candidates": lengths, "time": times}
        print(f"  {kind:13} by candidates  " + _line(lengths))
        print(f"  {'':13} by time        " + _line(times), flush=True)
    beside = {b: order_against(among, orders["learned"], orders["by hand"], b) for b in BUDGETS}
    print("  learned less by hand, by time " + _line(beside))
    return kept


def _line(values: dict[int, tuple[float, float]]) -> str:
    return "  ".join(f"{k}: {100 * m:+.1f}±{100 * e:.1f}" for k, (m, e) in values.items())


def answer(question: str, sizes: tuple[str, ...], fit: bool) -> None:
    """Fits what the question lacks, where that is asked for, and prints what is known."""
    order = [c.name for c in candidates()]
    if fit:
        chosen = [p for p in parts() if p.size in sizes and p.name in ASKED]
        if question == "ships":
            asked_of.fit_seeds(chosen, [c for c in candidates() if c.name in SEEDED])
        elif question == "folds":
            asked_of.fit_folds(chosen, [c for c in candidates() if c.name in FOLDED])
        elif question == "refining":
            asked_of.fit_refined(chosen, BEFORE, REFINED)
    among = told(sizes)
    if question == "averaging":
        for count in (4, 8, 16):
            questions.averaging(among, order, count)
    elif question == "weights":
        questions.weights(among, order, (5, 16))
    elif question == "ships":
        asked_of.ships(among, order)
        asked_of.ships_seeds(among)
        asked_of.ships_seeded_blends(among, SEEDED, ("linear", "linear-rich"))
        for count in (4, 8):
            asked_of.ships_blends(among, order, count)
    elif question == "folds":
        asked_of.schemes(among, FOLDED)
    else:
        asked_of.refined(among, BEFORE, order, REFINED)


if __name__ == "__main__":
    main()
