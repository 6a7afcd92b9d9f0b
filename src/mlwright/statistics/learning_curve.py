"""What more rows would bring: a power law through errors by training size, carried on beyond them.

Errors fall as a + b n^-c (Hestness et al., 2017, "Deep Learning Scaling is Predictable, Empirically"; Viering
& Loog, 2023, "The Shape of Learning Curves", IEEE TPAMI 45). Four sizes do not tell c: it is drawn, with the
odds that the errors give it. Called by `evaluation`; knows no model.
"""

from __future__ import annotations

import numpy as np

from mlwright.statistics.intervals import Floats

EXPONENTS = np.linspace(0.1, 1.0, 19)
"""From what deep networks show on hard problems to what a parametric model of few parameters must."""
PRIOR_SPREAD, PRIOR_FREEDOM = 0.01, 1.0
"""Two fits on other rows of the same number differ by about so much of the error: counted as one degree of
freedom, so that two fits that agree by chance do not pass for certainty."""


def refit_spread(errors: list[Floats], rows: Floats) -> tuple[float, float]:
    """How much fits on equally many other rows differ, as a share of the error at the smallest size; and the
    degrees of freedom that this rests on.

    `errors` holds, by size, those of repeated fits; the spread is taken to fall with the root of the rows.
    """
    total, freedom = PRIOR_FREEDOM * PRIOR_SPREAD**2, PRIOR_FREEDOM
    for repeats, n in zip(errors, rows, strict=True):
        level = float(repeats.mean())
        if len(repeats) > 1 and level > 0:
            total += float(((repeats / level - 1) ** 2).sum()) * float(n / rows[0])
            freedom += len(repeats) - 1
    return float(np.sqrt(total / freedom)), freedom


def curve_draws(drawn: Floats, spread: Floats, freedom: float, seed: int) -> Floats:
    """Draws of the errors [B, S], blurred by how much fits differ: `spread` [S] with `freedom` degrees of
    freedom (so by Student's t)."""
    random = np.random.default_rng(seed)
    scale = np.sqrt(freedom / random.chisquare(freedom, size=len(drawn)))
    return np.asarray(drawn + random.normal(size=drawn.shape) * spread * scale[:, None])


def gains(rows: Floats, drawn: Floats, spread: Floats, times: Floats, seed: int) -> Floats:
    """By how much `times` [T] the last number of rows would lower the error: draws [B, T], none below 0.

    `drawn` [B, S] are draws of the errors at `rows` [S], `spread` [S] how sure each is. In each draw the
    exponent is drawn by its likelihood, and a and b, neither below 0, are fitted to it.

    >>> n = np.array([100.0, 200.0, 400.0, 800.0])
    >>> flat = gains(n, np.full((50, 4), 0.3), np.full(4, 0.01), np.array([2.0]), seed=0)
    >>> float(flat.max())
    0.0
    """
    weight = 1.0 / np.maximum(spread, 1e-12) ** 2
    shape = (rows[None, :] / rows[-1]) ** -EXPONENTS[:, None]  # [C, S], 1 at the last
    level, slope = _fitted(shape, drawn, weight)
    rest = drawn[:, None, :] - level[..., None] - slope[..., None] * shape[None]
    odds = -0.5 * (weight * rest**2).sum(axis=2)
    odds = np.exp(odds - odds.max(axis=1, keepdims=True))
    odds /= odds.sum(axis=1, keepdims=True)
    at = np.random.default_rng(seed).random(len(drawn))[:, None]
    chosen = np.minimum((odds.cumsum(axis=1) < at).sum(axis=1), len(EXPONENTS) - 1)
    own = slope[np.arange(len(drawn)), chosen]
    return np.asarray(own[:, None] * (1.0 - times[None, :] ** -EXPONENTS[chosen][:, None]))


def _fitted(shape: Floats, drawn: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """The levels and slopes [B, C] of least squares, neither below 0."""
    total = weight.sum()
    x = (shape * weight).sum(axis=1) / total  # [C]
    y = (drawn * weight).sum(axis=1) / total  # [B]
    spread = ((shape - x[:, None]) ** 2 * weight).sum(axis=1)
    both = np.einsum("bs,cs,s->bc", drawn - y[:, None], shape - x[:, None], weight)
    slope = np.maximum(both / spread, 0.0)
    level = y[:, None] - slope * x[None]
    through = np.einsum("bs,cs,s->bc", drawn, shape, weight) / (shape**2 * weight).sum(axis=1)
    below = level < 0
    return np.where(below, 0.0, level), np.where(below, np.maximum(through, 0.0), slope)
