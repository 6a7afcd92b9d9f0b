"""Steps of scikit-learn that compare a row by a kernel with rows that they keep: Nystroem, KernelPCA."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlwright.conversion.distances import FITTED, kept
from mlwright.conversion.frame import Frame
from mlwright.conversion.kernels import similarity

_FEWER = "fit it on fewer rows, or use Nystroem with fewer components"


def landmarks(step: Any, frame: Frame) -> Frame:  # Any: a Nystroem
    points = kept(frame, step.components_, FITTED, _FEWER)
    settings = _settings(step, points.shape[1], step.kernel_params)
    alike = similarity(frame, points, step.kernel, settings)
    g, weights = frame.g, np.ascontiguousarray(np.asarray(step.normalization_, dtype=np.float64).T)
    out = g.node("MatMul", alike, g.constant(weights))
    return frame.made(out, [f"landmark{i}" for i in range(weights.shape[1])])


def kernel_components(step: Any, frame: Frame) -> Frame:  # Any: a KernelPCA
    """Kernels, centred as those of the rows that it was fitted on, along its axes."""
    points = kept(frame, step.X_fit_, FITTED, _FEWER)
    g, centre = frame.g, step._centerer
    alike = similarity(frame, points, step.kernel, _settings(step, points.shape[1]))
    mean = g.node("ReduceMean", alike, g.constant(np.array([1])), keepdims=1)
    moved = np.asarray(centre.K_fit_all_ - centre.K_fit_rows_, dtype=np.float64).reshape(1, -1)
    alike = g.node("Add", g.node("Sub", alike, mean), g.constant(moved))
    values, axes = np.asarray(step.eigenvalues_), np.asarray(step.eigenvectors_, dtype=np.float64)
    scaled = np.where(values != 0, axes / np.sqrt(np.where(values != 0, values, 1.0)), 0.0)
    out = g.node("MatMul", alike, g.constant(np.ascontiguousarray(scaled)))
    return frame.made(out, [f"component{i}" for i in range(scaled.shape[1])])


def _settings(step: Any, width: int, others: Any = None) -> dict[str, float]:  # Any: a step, a dict or None
    """What the kernel is told by name or in `others`, with scikit-learn's own where it was not."""
    given = {name: getattr(step, name) for name in ("gamma", "degree", "coef0")}
    given = {name: (others or {}).get(name) if v is None else v for name, v in given.items()}
    usual = {"gamma": 1.0 / width, "degree": 3.0, "coef0": 1.0}
    gamma = getattr(step, "gamma_", None)
    given["gamma"] = given["gamma"] if gamma is None else gamma
    return {name: usual[name] if value is None else float(value) for name, value in given.items()}
