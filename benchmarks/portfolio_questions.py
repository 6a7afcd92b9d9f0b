"""Questions about the ensemble, answered from the cache: each prints a table of mean log ratios.

A figure is the mean over tables of log(error / error of the product's way), in percent, with its standard
error over tables: below 0 is better than what the product does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from portfolio_simulated import SHIPPED, Told, as_shipped, summary
from scipy.optimize import minimize

from mlwright.evaluation.metrics import METRICS, Metric
from mlwright.learners import answer_of
from mlwright.training.ensemble import choose_weights, error_on

Doubles = npt.NDArray[np.float64]
CUT = 0.33


def paired(parts: Sequence[Told], ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Mean log ratio of errors `theirs` over `ours` in percent, its standard error, how many are better."""
    logs = [
        float(np.clip(np.log((b + 1e-6) / (a + 1e-6)), -CUT, CUT)) for a, b in zip(ours, theirs, strict=True)
    ]
    mean, error = summary(parts, logs)
    better, worse = sum(v < -1e-4 for v in logs), sum(v > 1e-4 for v in logs)
    return f"{100 * mean:+6.2f} ± {100 * error:.2f} %  better on {better}, worse on {worse} of {len(logs)}"


# How weights are chosen ----------------------------------------------------------------------------------


def greedy(
    losses: Callable[[Doubles], float], margins: Sequence[Doubles], *, steps: int = 30, patience: int = 6,
    least: float = 0.05, gain: float = 1e-4, first: int = 0,
) -> Doubles:  # fmt: skip
    """The product's rule with its constants as parameters; `first` begins with so many of the best ones."""
    alone = [losses(m) for m in margins]
    counts = np.zeros(len(margins))
    total = np.zeros_like(margins[0])
    for i in np.argsort(alone)[:first]:
        counts[i] += 1
        total = total + margins[i]
    best_counts, best, since = counts, losses(total / first) if first else np.inf, 0
    for step in range(first + 1, steps + 1):
        errors = alone if step == 1 else [losses((total + m) / step) for m in margins]
        chosen = int(np.argmin(errors))
        counts = counts.copy()
        counts[chosen] += 1
        total = total + margins[chosen]
        if errors[chosen] < best * (1 - gain) or not best_counts.any():
            best_counts, best, since = counts, errors[chosen], 0
        elif (since := since + 1) == patience:
            break
    shares = best_counts / best_counts.sum()
    shares[shares < min(least, shares.max())] = 0.0
    return np.asarray(shares / shares.sum())


def loss_of(
    one: Told, metric: Metric, rows: npt.NDArray[np.int64] | None = None
) -> Callable[[Doubles], float]:
    y = one.y.astype(np.int64) if one.classes else one.y
    if rows is None:
        return lambda margin: error_on(metric, y, one.answer(margin), None)
    return lambda margin: error_on(metric, y[rows], one.answer(margin[rows]), None)


def smooth(one: Told) -> Metric:
    """Log loss for classes, whatever is judged."""
    return METRICS["log_loss"] if one.classes else one.metric


def varied(**settings: float) -> Callable[[Told, Sequence[str]], Doubles]:
    return lambda one, names: greedy(loss_of(one, one.metric), [one.oof[n] for n in names], **settings)


def by_loss(one: Told, names: Sequence[str]) -> Doubles:
    return greedy(loss_of(one, smooth(one)), [one.oof[n] for n in names])


def half_loss(one: Told, names: Sequence[str]) -> Doubles:
    """The mean of the weights by the metric and by log loss."""
    return (as_shipped(one, names) + by_loss(one, names)) / 2


def bagged(
    one: Told, names: Sequence[str], bags: int = 8, share: float = 0.6, by: str = "candidates"
) -> Doubles:
    """Caruana's bagged selection: greedy weights of random subsets, of candidates or of rows, averaged."""
    rng = np.random.default_rng(0)
    total = np.zeros(len(names))
    for _ in range(bags):
        if by == "candidates":
            picked = np.sort(rng.choice(len(names), max(1, round(share * len(names))), replace=False))
            total[picked] += greedy(loss_of(one, one.metric), [one.oof[names[i]] for i in picked])
        else:
            rows = rng.integers(len(one.y), size=len(one.y))
            total += greedy(loss_of(one, one.metric, rows), [one.oof[n] for n in names])
    total /= total.sum()
    total[total < min(0.05, total.max())] = 0
    return np.asarray(total / total.sum())


def towards_even(share: float) -> Callable[[Told, Sequence[str]], Doubles]:
    """Greedy weights drawn towards equal ones among those that were chosen."""

    def choose(one: Told, names: Sequence[str]) -> Doubles:
        w = as_shipped(one, names)
        even = (w > 0) / (w > 0).sum()
        return np.asarray((1 - share) * w + share * even)

    return choose


def best_few(count: int) -> Callable[[Told, Sequence[str]], Doubles]:
    """The `count` best, weighted alike; 1 is the best single one."""

    def choose(one: Told, names: Sequence[str]) -> Doubles:
        losses = np.array([loss_of(one, one.metric)(one.oof[n]) for n in names])
        weights = np.zeros(len(names))
        weights[np.argsort(losses)[:count]] = 1 / min(count, len(names))
        return weights

    return choose


def convex(penalty: float) -> Callable[[Told, Sequence[str]], Doubles]:
    """Weights on the simplex that minimise log loss or squared error, with a penalty on their squares."""

    def choose(one: Told, names: Sequence[str]) -> Doubles:
        m = np.stack([one.oof[n] for n in names])
        y = one.y.astype(np.int64)
        scale = float(((one.y - one.y.mean()) ** 2).mean())

        def loss(theta: Doubles) -> float:
            w = np.exp(theta - theta.max())
            w /= w.sum()
            mixed = np.tensordot(w, m, 1)
            if not one.classes:
                value = float(((mixed[:, 0] - one.y) ** 2).mean()) / scale
            else:
                p = answer_of(mixed, one.classes)[np.arange(len(y)), y]
                value = float(-np.log(np.maximum(p, 1e-15)).mean())
            return value + penalty * float(w @ w)

        start = best_few(max(1, len(names) // 2))(one, names)
        done = minimize(loss, np.log(start + 0.02), method="L-BFGS-B", options={"maxiter": 40})
        w = np.exp(done.x - done.x.max())
        w /= w.sum()
        w[w < min(0.05, w.max())] = 0
        return np.asarray(w / w.sum())

    return choose


WAYS: dict[str, Callable[[Told, Sequence[str]], Doubles]] = {
    "10 steps": varied(steps=10),
    "60 steps, patience 20": varied(steps=60, patience=20),
    "patience 2": varied(patience=2),
    "least weight 0": varied(least=0.0),
    "least weight 0.1": varied(least=0.1),
    "gain of one in a thousand": varied(gain=1e-3),
    "gain of three in a thousand": varied(gain=3e-3),
    "begins with the 3 best": varied(first=3),
    "begins with the 5 best": varied(first=5, steps=35),
    "by log loss": by_loss,
    "half by log loss": half_loss,
    "bagged over candidates": bagged,
    "bagged over rows": lambda one, names: bagged(one, names, by="rows"),
    "half way to even": towards_even(0.5),
    "even among the chosen": towards_even(1.0),
    "the 1 best": best_few(1),
    "the 3 best alike": best_few(3),
    "the 5 best alike": best_few(5),
    "all alike": best_few(1000),
    "convex": convex(0.0),
    "convex, penalty 0.01": convex(0.01),
}


def weights(parts: Sequence[Told], order: Sequence[str], counts: Sequence[int]) -> None:
    """(d): other ways to choose weights, over the first so many of `order`."""
    for size in sorted({p.facts["size"] for p in parts}):
        among = [p for p in parts if p.facts["size"] == size]
        for count in counts:
            able = [[n for n in order if n in p.oof][:count] for p in among]
            ours = [error_of(p, n, as_shipped(p, n)) for p, n in zip(among, able, strict=True)]
            print(f"\nweights over {count} candidates, {size} parts, {len(among)} of them")
            for said, choose in WAYS.items():
                theirs = [error_of(p, n, choose(p, n)) for p, n in zip(among, able, strict=True)]
                print(f"  {said:28} {paired(among, ours, theirs)}", flush=True)


def error_of(one: Told, names: Sequence[str], w: Doubles, growth: int = SHIPPED) -> float:
    mixed = sum(v * one.refit[n][growth] for n, v in zip(names, w, strict=True) if v > 0)
    return one.error(np.asarray(mixed))


# Margins or probabilities --------------------------------------------------------------------------------


def averaging(parts: Sequence[Told], order: Sequence[str], count: int) -> None:
    """(a): margins are averaged, or probabilities."""
    among = [p for p in parts if p.classes]
    ours, theirs, losses = [], [], []
    for p in among:
        names = [n for n in order if n in p.oof][:count]
        ours.append(error_of(p, names, as_shipped(p, names)))
        w = choose_weights(p.metric, p.y.astype(np.int64), [p.answer(p.oof[n]) for n in names], _as_it_is)
        mixed = sum(v * p.answer(p.refit[n][SHIPPED]) for n, v in zip(names, w, strict=True) if v > 0)
        theirs.append(error_on(p.metric, p.truth.astype(np.int64), np.asarray(mixed), None))
        losses.append(_both_losses(p, names, np.asarray(mixed)))
    print(f"\nprobabilities averaged instead of margins, {count} candidates")
    print(f"  by the metric   {paired(among, ours, theirs)}")
    print(f"  by log loss     {paired(among, [a for a, _ in losses], [b for _, b in losses])}")


def _as_it_is(p: Doubles) -> Doubles:
    return p


def _both_losses(one: Told, names: Sequence[str], mixed: Doubles) -> tuple[float, float]:
    w = as_shipped(one, names)
    margin = sum(v * one.refit[n][SHIPPED] for n, v in zip(names, w, strict=True) if v > 0)
    truth, metric = one.truth.astype(np.int64), METRICS["log_loss"]
    return error_on(metric, truth, one.answer(np.asarray(margin)), None), error_on(metric, truth, mixed, None)
