"""Shapley values as they are defined, coalition by coalition: slow, and nothing else to go wrong."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np


def shapley_values(worth: Callable[[frozenset[int]], float], players: int) -> np.ndarray:
    """The Shapley value of each player, from the worth of every coalition (Shapley, 1953)."""
    every = [frozenset(c) for n in range(players + 1) for c in itertools.combinations(range(players), n)]
    worths = {coalition: worth(coalition) for coalition in every}
    values = np.zeros(players)
    for player in range(players):
        for coalition in every:
            if player not in coalition:
                n = len(coalition)
                weight = math.factorial(n) * math.factorial(players - n - 1) / math.factorial(players)
                values[player] += weight * (worths[coalition | {player}] - worths[coalition])
    return values


def interventional(
    answer: Callable[[list[dict[str, object]]], Sequence[float]],
    row: dict[str, object],
    background: list[dict[str, object]],
    columns: Sequence[str],
) -> np.ndarray:
    """Of `columns`: a coalition's worth is the mean answer of the background with the row's values."""

    def worth(coalition: frozenset[int]) -> float:
        taken = {columns[i]: row[columns[i]] for i in coalition}
        return float(np.mean(answer([other | taken for other in background])))

    return shapley_values(worth, len(columns))
