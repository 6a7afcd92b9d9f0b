"""Gaussian processes of scikit-learn: the mean of a regression, and Laplace's approximation for classes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import ConversionRefused
from mlwright.conversion.answers import Classes, Number, both, flat
from mlwright.conversion.distances import FEWER, FITTED, kept, products, squared
from mlwright.conversion.frame import Frame
from mlwright.conversion.kernels import similarity
from mlwright.conversion.linear import shared_out
from mlwright.graph.build import GraphBuilder

Doubles = npt.NDArray[np.float64]

MOST_LATENT = 1_500
"""Rows of a classification: its graph holds a matrix of as many rows and columns for each class."""
# Williams and Barber 1998, appendix A: the logistic function as a sum of five error functions.
_SLOPES = (0.41, 0.4, 0.37, 0.44, 0.39)
_SHARES = (-1854.8214151, 3516.89893646, 221.29346712, 128.12323805, -2010.49422654)


def process_number(model: Any, frame: Frame) -> Number:  # Any: a GaussianProcessRegressor
    """The mean of the process."""
    if not hasattr(model, "X_train_"):
        raise ConversionRefused("it is not fitted", remedy="fit it first")
    weights, scale = np.asarray(model.alpha_, dtype=np.float64), np.ravel(model._y_train_std)
    if weights.ndim > 1 and weights.shape[1] > 1:
        raise ConversionRefused("it answers several numbers at once", remedy="fit a model for each target")
    g, points = frame.g, kept(frame, model.X_train_, FITTED, FEWER)
    out = g.node("MatMul", covariance(model.kernel_, frame, points), g.constant(weights.reshape(-1, 1)))
    out = g.node("Mul", out, g.constant(float(scale[0])))
    return Number(g.node("Add", out, g.constant(float(np.ravel(model._y_train_mean)[0]))))


def process_classes(model: Any, frame: Frame) -> Classes:  # Any: a GaussianProcessClassifier
    """Two classes, or each against the rest."""
    g, labels = frame.g, model.classes_
    if len(labels) == 2:
        latent, p = _laplace(model.base_estimator_, frame)
        best = flat(g, g.node("Cast", g.node("Greater", latent, g.constant(0.0)), to=7))
        return Classes(labels, probability=both(g, p), best=best)
    each = g.concat([_laplace(e, frame)[1] for e in model.base_estimator_.estimators_])
    best = g.node("ArgMax", each, axis=1, keepdims=0)
    return Classes(labels, probability=shared_out(g, each, len(labels)), best=best)


def _laplace(one: Any, frame: Frame) -> tuple[str, str]:  # Any: scikit-learn's classifier of two classes
    """The mean of the latent function and the probability of the second class, both [N, 1]."""
    points = kept(frame, one.X_train_, FITTED, FEWER)
    if len(points) > MOST_LATENT:
        raise ConversionRefused(
            f"it keeps {len(points):,} rows that it was fitted on; {MOST_LATENT:,} are allowed, since its "
            "graph holds a matrix of as many rows and columns",
            remedy=FEWER,
        )
    g, alike = frame.g, covariance(one.kernel_, frame, points)
    mean = g.node("MatMul", alike, g.constant((one.y_train_ - one.pi_).astype(np.float64).reshape(-1, 1)))
    solved = np.linalg.solve(one.L_, np.diag(one.W_sr_))
    known = g.node("MatMul", alike, g.constant(np.ascontiguousarray(solved.T)))
    known = g.node("ReduceSum", g.node("Mul", known, known), g.constant(np.array([1])), keepdims=1)
    spread = g.node("Sub", variance(one.kernel_, frame), known)
    slopes = np.array([_SLOPES])
    # sqrt(alpha / (alpha + slope^2)) of alpha = 1 / (2 spread)
    shrunk = g.node("Mul", g.node("Mul", spread, g.constant(2.0)), g.constant(slopes**2))
    root = g.node("Sqrt", g.node("Add", shrunk, g.constant(1.0)))
    at = g.node("Div", g.node("Mul", mean, g.constant(slopes)), root)
    half = g.node("MatMul", error_function(g, at), g.constant(0.5 * np.array(_SHARES).reshape(-1, 1)))
    return mean, g.node("Add", half, g.constant(0.5 * sum(_SHARES)))


def covariance(kernel: Any, frame: Frame, points: Doubles) -> str:  # Any: a fitted kernel
    """[N, M], or [1, M] where it does not depend on the row."""
    g, kind = frame.g, type(kernel).__name__
    if kind in ("Sum", "Product"):
        parts = [covariance(k, frame, points) for k in (kernel.k1, kernel.k2)]
        return g.node("Add" if kind == "Sum" else "Mul", *parts)
    if kind == "Exponentiation":
        return g.node("Pow", covariance(kernel.kernel, frame, points), g.constant(float(kernel.exponent)))
    if kind in ("ConstantKernel", "WhiteKernel"):  # noise is of a row with itself alone
        value = float(kernel.constant_value) if kind == "ConstantKernel" else 0.0
        return g.constant(np.full((1, len(points)), value))
    if kind == "DotProduct":
        own = g.constant(float(kernel.sigma_0) ** 2)
        return g.node("Add", products(g, frame.numbers(), points), own)
    if kind == "PairwiseKernel":
        settings = dict(kernel.pairwise_kernels_kwargs or {})
        told = {"gamma": float(kernel.gamma), "degree": 3.0, "coef0": 1.0} | settings
        return similarity(frame, points, kernel.metric, told)
    return _of_distance(kernel, frame, points)


def _of_distance(kernel: Any, frame: Frame, points: Doubles) -> str:  # Any: a fitted kernel
    g, kind = frame.g, type(kernel).__name__
    if kind not in ("RBF", "Matern", "RationalQuadratic", "ExpSineSquared"):
        raise ConversionRefused(
            f"the kernel {kind} is not converted",
            remedy="use RBF, Matern, RationalQuadratic, ExpSineSquared, DotProduct, WhiteKernel, "
            "ConstantKernel, or sums and products of them",
        )
    scaled = kind in ("RBF", "Matern")
    scale = np.broadcast_to(np.asarray(kernel.length_scale, dtype=np.float64), (points.shape[1],))
    x = g.node("Div", frame.numbers(), g.constant(scale[None, :].copy())) if scaled else frame.numbers()
    apart = squared(g, x, points / scale if scaled else points)
    if kind == "RBF" or (kind == "Matern" and kernel.nu == math.inf):
        return g.node("Exp", g.node("Mul", apart, g.constant(-0.5)))
    if kind == "RationalQuadratic":
        whole = g.node("Div", apart, g.constant(2.0 * kernel.alpha * kernel.length_scale**2))
        return g.node("Pow", g.node("Add", whole, g.constant(1.0)), g.constant(-float(kernel.alpha)))
    far = g.node("Sqrt", apart)
    if kind == "ExpSineSquared":
        sine = _sine_of_turns(g, g.node("Div", far, g.constant(float(kernel.periodicity))))
        sine = g.node("Div", sine, g.constant(float(kernel.length_scale)))
        return g.node("Exp", g.node("Mul", g.node("Mul", sine, sine), g.constant(-2.0)))
    if kernel.nu not in (0.5, 1.5, 2.5):
        raise ConversionRefused(
            f"Matern with nu={kernel.nu:g} is not converted", remedy="let nu be 0.5, 1.5, 2.5 or infinity"
        )
    k = g.node("Mul", far, g.constant(math.sqrt(2.0 * kernel.nu)))
    fading = g.node("Exp", g.node("Neg", k))
    if kernel.nu == 0.5:
        return fading
    near = g.node("Add", k, g.constant(1.0))
    if kernel.nu == 2.5:
        near = g.node("Add", near, g.node("Div", g.node("Mul", k, k), g.constant(3.0)))
    return g.node("Mul", near, fading)


def variance(kernel: Any, frame: Frame) -> str:  # Any: a fitted kernel
    """The kernel of each row with itself, [N, 1] or [1, 1]."""
    g, kind = frame.g, type(kernel).__name__
    if kind in ("Sum", "Product"):
        return g.node(
            "Add" if kind == "Sum" else "Mul", variance(kernel.k1, frame), variance(kernel.k2, frame)
        )
    if kind == "Exponentiation":
        return g.node("Pow", variance(kernel.kernel, frame), g.constant(float(kernel.exponent)))
    if kind == "DotProduct":
        x = frame.numbers()
        own = g.node("ReduceSum", g.node("Mul", x, x), g.constant(np.array([1])), keepdims=1)
        return g.node("Add", own, g.constant(float(kernel.sigma_0) ** 2))
    if kind == "PairwiseKernel":
        raise ConversionRefused(
            "PairwiseKernel is not converted in a classification", remedy="use RBF or DotProduct"
        )
    values = {"ConstantKernel": "constant_value", "WhiteKernel": "noise_level"}
    return g.constant(np.array([[float(getattr(kernel, values[kind])) if kind in values else 1.0]]))


def _sine_of_turns(g: GraphBuilder, turns: str) -> str:
    """sin(pi * turns) up to its sign: the series of a number within half a turn."""
    left = g.node("Mul", g.node("Sub", turns, g.node("Round", turns)), g.constant(math.pi))
    square = g.node("Mul", left, left)
    series = [(-1.0) ** k / math.factorial(2 * k + 1) for k in range(11)]
    return g.node("Mul", left, _polynomial(g, square, [g.constant(c) for c in series]))


_WIDTH, _END, _DEGREE = 0.5, 6.0, 17
"""Pieces of the error function: of half a unit each, up to where it is 1 to the last digit."""


def error_function(g: GraphBuilder, x: str) -> str:
    """erf to the last digits, which no operator does in doubles: a Taylor series for each piece."""
    table = g.constant(_series_by_piece())
    size = g.node("Div", g.node("Min", g.node("Abs", x), g.constant(_END)), g.constant(_WIDTH))
    piece = g.node("Floor", size)
    at = g.node("Sub", g.node("Mul", g.node("Sub", size, piece), g.constant(2.0)), g.constant(1.0))
    place = g.node("Cast", piece, to=7)
    factors = [
        g.node("Gather", g.node("Gather", table, g.constant(np.array(k)), axis=1), place, axis=0)
        for k in range(_DEGREE + 1)
    ]
    return g.node("Mul", g.node("Sign", x), _polynomial(g, at, factors))


def _series_by_piece() -> Doubles:
    """[pieces, powers] of a number from -1 to 1 across each piece. The n-th derivative of erf is a Hermite
    polynomial of order n - 1 times exp(-x^2)."""
    pieces = int(_END / _WIDTH)
    table = np.zeros((pieces + 1, _DEGREE + 1))
    table[pieces, 0] = 1.0
    for i in range(pieces):
        middle = (i + 0.5) * _WIDTH
        table[i, 0] = math.erf(middle)
        bell = 2.0 / math.sqrt(math.pi) * math.exp(-middle * middle)
        for n in range(1, _DEGREE + 1):
            hermite = np.polynomial.hermite.hermval(middle, np.eye(n)[n - 1])
            scale = (-1.0) ** (n - 1) * (_WIDTH / 2) ** n / math.factorial(n)
            table[i, n] = bell * hermite * scale
    return table


def _polynomial(g: GraphBuilder, x: str, factors: list[str]) -> str:
    """Horner's scheme, lowest power first."""
    out = factors[-1]
    for factor in reversed(factors[:-1]):
        out = g.node("Add", g.node("Mul", out, x), factor)
    return out
