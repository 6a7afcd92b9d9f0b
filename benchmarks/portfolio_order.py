"""The greedy order: what lowers the ensemble's error most for the time it takes comes next.

`learned` makes an order from some parts; `left_out` makes one for each table from all others, so that
orders can be judged on tables that had no part in them, beside the order by hand and random ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from portfolio_simulated import REFERENCE, Fast, Told, as_shipped, blend_error, by_table, summary

LENGTHS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 30)
BUDGETS = (2, 4, 8, 16, 32, 64)
"""In fits of the reference: folds and refit of one plain LightGBM."""
BY_HAND = {
    "small": ("linear", "lgb-default", "cat-6", "lgb-random", "lgb-small", "cat-4", "lgb-encoded"),
    "middle": ("linear", "lgb-default", "cat-6", "lgb-random", "lgb-small", "cat-4", "lgb-encoded"),
    "large": ("linear", "lgb-default", "cat-6", "lgb-random", "lgb-large", "cat-8", "lgb-encoded"),
}
"""What the product tried, in this order, before an order was learned."""


def costs(parts: Sequence[Told], names: Sequence[str]) -> dict[str, float]:
    """Of each configuration, in fits of the reference: the geometric mean over parts."""
    logs = {n: [np.log(p.relative(n)) for p in parts if n in p.seconds] for n in names}
    return {n: float(np.exp(np.mean(v))) if v else np.inf for n, v in logs.items()}


def learned(
    fast: Sequence[Fast], names: Sequence[str], length: int, power: float = 1.0, first: Sequence[str] = ()
) -> list[str]:
    """The order by gain over cost to the `power`; 0 forgets the time. `first` is where it begins."""
    parts = [f.one for f in fast]
    cost = costs(parts, names)
    order, now = list(first), 0.0

    def mean_ratio(chosen: frozenset[str]) -> float:
        return float(np.mean(list(by_table(parts, [f.ratio(chosen) for f in fast]).values())))

    now = mean_ratio(frozenset(order)) if order else 0.33
    while len(order) < min(length, len(names)):
        left = [n for n in names if n not in order]
        ratios = {n: mean_ratio(frozenset([*order, n])) for n in left}
        gains = {n: now - ratios[n] for n in left}
        if max(gains.values()) > 0:
            chosen = max(left, key=lambda n: gains[n] / cost[n] ** power)
        else:  # nothing helps any more: what harms least for its time
            chosen = min(left, key=lambda n: -gains[n] * cost[n] ** power)
        order.append(chosen)
        now = ratios[chosen]
    return order


def left_out(parts: Sequence[Told], names: Sequence[str], length: int, power: float) -> dict[str, list[str]]:
    """By table: the order learned from all other tables."""
    fast = {p.title: Fast(p) for p in parts}
    orders = {}
    for name in sorted({p.name for p in parts}):
        others = [fast[p.title] for p in parts if p.name != name]
        orders[name] = learned(others, names, length, power)
        print(f"  without {name}: {' '.join(orders[name][:8])} ...", flush=True)
    return orders


def by_length(parts: Sequence[Told], order_of: dict[str, list[str]]) -> dict[int, tuple[float, float]]:
    """Mean log ratio and its standard error after so many candidates."""
    table = {}
    for k in LENGTHS:
        if k <= max(map(len, order_of.values())):
            table[k] = summary(parts, [_ratio(p, order_of[p.title][:k]) for p in parts])
    return table


def by_time(parts: Sequence[Told], order_of: dict[str, list[str]]) -> dict[int, tuple[float, float]]:
    """Mean log ratio and its standard error within so much time: until the first that does not fit."""
    return {b: summary(parts, [_ratio(p, within(p, order_of[p.title], b)) for p in parts]) for b in BUDGETS}


def order_against(
    parts: Sequence[Told], ours: dict[str, list[str]], theirs: dict[str, list[str]], budget: float
) -> tuple[float, float]:
    """Our order's log ratio less theirs, part by part, within so much time: mean and standard error."""
    pairs = [(_ratio(p, within(p, o[p.title], budget))) for o in (ours, theirs) for p in parts]
    return summary(parts, [a - b for a, b in zip(pairs[: len(parts)], pairs[len(parts) :], strict=True)])


def within(one: Told, order: Sequence[str], budget: float) -> list[str]:
    chosen, spent = [], 0.0
    for n in order:
        if n not in one.oof:
            continue
        spent += one.relative(n)
        if spent > budget and chosen:
            break
        chosen.append(n)
    return chosen or [REFERENCE]


_KNOWN: dict[tuple[str, tuple[str, ...]], float] = {}


def _ratio(one: Told, names: Sequence[str]) -> float:
    key = one.title, tuple(sorted(names))
    if key not in _KNOWN:
        _KNOWN[key] = one.ratio(blend_error(one, names, as_shipped))
    return _KNOWN[key]


def random_orders(parts: Sequence[Told], names: Sequence[str], seed: int) -> dict[str, list[str]]:
    """By part: the names in a random order."""
    rng = np.random.default_rng(seed)
    return {p.title: [str(n) for n in rng.permutation(list(names))] for p in parts}
