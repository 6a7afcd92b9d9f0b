"""Steps of scikit-learn that bend each column by itself: quantiles, powers, bins, splines."""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import ConversionRefused
from mlwright.conversion.cells import cells, looked_up
from mlwright.conversion.frame import Frame
from mlwright.conversion.functions import expm1, log1p, normal_quantile
from mlwright.conversion.numbers import standardised
from mlwright.conversion.projections import one_of_each

Doubles = npt.NDArray[np.float64]

_ROOM = 1e-7
"""So near to the ends scikit-learn takes a value for one of them where it makes normal numbers."""


def quantiles(transformer: Any, frame: Frame) -> Frame:  # Any: a QuantileTransformer
    """Where a value lies among the quantiles that were kept, straight lines between them."""
    g, x = frame.g, frame.numbers()
    kept = np.asarray(transformer.quantiles_, dtype=np.float64)
    if np.isnan(kept).any():
        raise ConversionRefused("a column had no values when it was fitted", remedy="leave it out")
    levels = np.asarray(transformer.references_, dtype=np.float64)
    lines = [_lines(kept[:, j], levels) for j in range(kept.shape[1])]
    start, height, slope, own = looked_up(g, cells(g, x, [u for u, _ in lines]), [t for _, t in lines])
    line = g.node("Add", g.node("Mul", slope, g.node("Sub", x, start)), height)
    out = g.node("Where", g.node("Equal", x, start), own, line)
    least, most = g.constant(kept[:1]), g.constant(kept[-1:])
    if transformer.output_distribution == "normal":
        room = g.constant(_ROOM)
        low = g.node("Less", g.node("Sub", x, room), least)
        high = g.node("Greater", g.node("Add", x, room), most)
    else:
        low, high = g.node("Equal", x, least), g.node("Equal", x, most)
    out = g.node("Where", low, g.constant(0.0), g.node("Where", high, g.constant(1.0), out))
    if transformer.output_distribution == "normal":
        least_level = _ROOM - np.spacing(1)
        out = g.node("Max", g.node("Min", out, g.constant(1 - least_level)), g.constant(least_level))
        out = normal_quantile(g, out)
    missing = g.node("IsNaN", x)
    return frame.made(g.node("Where", missing, x, out), frame.names)


def _lines(kept: Doubles, levels: Doubles) -> tuple[Doubles, Doubles]:
    """The distinct quantiles, and of each cell between them: where its line starts, how high, how steep, and
    the level of its own first point, which is the mean of those of equal quantiles."""
    at, first, count = np.unique(kept, return_index=True, return_counts=True)
    last = first + count - 1
    table = np.zeros((len(at) + 1, 4))
    table[0] = [at[0], levels[0], 0.0, levels[0]]
    table[1:, 0], table[1:, 1] = at, levels[last]
    table[1:-1, 2] = (levels[first[1:]] - levels[last[:-1]]) / np.diff(at)
    table[1:, 3] = (levels[first] + levels[last]) / 2
    return at, table


def powers(transformer: Any, frame: Frame) -> Frame:  # Any: a PowerTransformer
    """A power of each column by Yeo and Johnson or by Box and Cox, standardised where it was asked for."""
    g, x = frame.g, frame.numbers()
    by = np.asarray(transformer.lambdas_, dtype=np.float64)[None, :]
    if np.isnan(by).any():
        raise ConversionRefused("a column had no values when it was fitted", remedy="leave it out")
    if transformer.method == "box-cox":
        positive = g.node("Greater", x, g.constant(0.0))
        log = g.node("Log", g.node("Where", positive, x, g.constant(1.0)))
        out = g.node("Where", positive, _power(frame, log, by), g.constant(np.nan))
    else:
        positive, nought = g.node("GreaterOrEqual", x, g.constant(0.0)), g.constant(0.0)
        above = log1p(g, g.node("Where", positive, x, nought))
        below = log1p(g, g.node("Neg", g.node("Where", positive, nought, x)))
        out = g.node("Where", positive, _power(frame, above, by), g.node("Neg", _power(frame, below, 2 - by)))
    made = frame.made(out, frame.names)
    return standardised(transformer._scaler, made) if transformer.standardize else made


def _power(frame: Frame, log: str, by: Doubles) -> str:
    """(exp(log) ** by - 1) / by, and the logarithm itself where `by` is nothing."""
    g, nothing = frame.g, np.abs(by) < np.finfo(np.float64).eps
    safe = g.constant(np.where(nothing, 1.0, by))
    out = g.node("Div", expm1(g, g.node("Mul", log, safe)), safe)
    return g.node("Where", g.constant(nothing), log, out) if nothing.any() else out


def bins(discretizer: Any, frame: Frame) -> Frame:  # Any: a KBinsDiscretizer
    """The number of a value's bin, or a column for each bin."""
    g = frame.g
    if discretizer.dtype is not None and np.dtype(discretizer.dtype) != np.float64:
        raise ConversionRefused(
            f"dtype={np.dtype(discretizer.dtype)} rounds before it compares", remedy="leave dtype out"
        )
    inner = [np.asarray(edges, dtype=np.float64)[1:-1] for edges in discretizer.bin_edges_]
    cell = g.node("Cast", cells(g, frame.numbers(), inner), to=11)
    if discretizer.encode == "ordinal":
        return frame.made(cell, frame.names)
    return one_of_each(frame, cell, [int(n) for n in discretizer.n_bins_], "bin")


def splines(transformer: Any, frame: Frame) -> Frame:  # Any: a SplineTransformer
    """The B-splines of each column, as a polynomial for each cell between knots."""
    g, x = frame.g, frame.numbers()
    if transformer.extrapolation in ("constant", "linear") and transformer.degree < 1:
        raise ConversionRefused(
            f"degree=0 with extrapolation={transformer.extrapolation!r} fails beyond its last knot",
            remedy="let degree be 1 or more, or use KBinsDiscretizer",
        )
    if transformer.extrapolation == "linear" and transformer.degree < 2 and len(frame) > 1:
        raise ConversionRefused(
            "with extrapolation='linear' and degree=1 its lines begin at other knots in each column",
            remedy="let degree be 2 or more, or extrapolation 'continue'",
        )
    missing = g.node("IsNaN", x)
    inside = g.node("Where", missing, g.constant(0.0), x)
    edges = np.array([[s.t[s.k], s.t[-s.k - 1]] for s in transformer.bsplines_])
    low, high = edges[:, 0][None, :], edges[:, 1][None, :]
    outside = ""
    if transformer.extrapolation == "constant":
        inside = g.node("Max", g.node("Min", inside, g.constant(high)), g.constant(low))
    elif transformer.extrapolation == "periodic":
        inside = _wrapped(frame, inside, low, high - low)
    elif transformer.extrapolation == "error":
        below, above = g.node("Less", x, g.constant(low)), g.node("Greater", x, g.constant(high))
        outside = g.node("Or", below, above)
    found = [_pieces(spline, transformer.extrapolation) for spline in transformer.bsplines_]
    start, *entries = looked_up(g, cells(g, inside, [b for b, _ in found]), [t for _, t in found])
    along = g.node("Sub", inside, start)
    width = transformer.bsplines_[0].c.shape[1]
    kept = width if transformer.include_bias else width - 1
    made = []
    for i in range(kept):
        coefficients = entries[i::width]  # the highest power first
        out = coefficients[0]
        for coefficient in coefficients[1:]:
            out = g.node("Add", g.node("Mul", out, along), coefficient)
        if outside:
            out = g.node("Where", outside, g.constant(np.nan), out)
        made.append(g.node("Where", missing, g.constant(0.0), out))
    # One tensor a spline, with a column for each of the table's: they come column by column.
    places = [i * len(frame) + j for j in range(len(frame)) for i in range(kept)]
    names = [f"{name}_sp_{i}" for name in frame.names for i in range(kept)]
    return frame.made(g.columns(g.concat(made), places, kept * len(frame)), names)


def _wrapped(frame: Frame, x: str, low: Doubles, period: Doubles) -> str:
    """Into one period from `low` on; a column without one is nought."""
    g, none = frame.g, period <= 0
    length = g.constant(np.where(none, 1.0, period))
    rest = g.node("Mod", g.node("Sub", x, g.constant(low)), length, fmod=1)
    rest = g.node("Where", g.node("Less", rest, g.constant(0.0)), g.node("Add", rest, length), rest)
    out = g.node("Add", g.constant(low), rest)
    return g.node("Where", g.constant(none), g.constant(0.0), out) if none.any() else out


def _pieces(spline: Any, beyond: str) -> tuple[Doubles, Doubles]:  # Any: scipy's BSpline
    """The bounds of a spline's cells, and of each cell: where it starts, and the coefficients of all
    splines, the highest power first."""
    degree, knots = spline.k, np.asarray(spline.t, dtype=np.float64)
    last = len(knots) - degree - 1
    orders = range(degree, -1, -1)
    rows = [
        np.concatenate([[knots[i]], *(spline(knots[i], nu=n) / factorial(n) for n in orders)])
        for i in range(degree, last)
    ]
    bounds = knots[degree + 1 : last]
    if beyond == "linear":
        for edge, at in ((knots[degree], 0), (knots[last], len(rows) + 1)):
            parts = [spline(edge, nu=n) * (n < 2) for n in orders]
            rows.insert(at, np.concatenate([[edge], *parts]))
        bounds = knots[degree : last + 1]
    return bounds, np.stack(rows)
