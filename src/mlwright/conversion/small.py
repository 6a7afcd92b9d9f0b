"""Weights of networks as whole numbers of eight bits, a quarter of their size.

Only weights: a session makes single numbers of them once, when it is opened, so that every row is answered by
itself and as quickly as before. Products of whole numbers were measured and given up (docs/decisions.md).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mlwright.graph.build import GraphBuilder
from mlwright.graph.wire import Array

LEAST_WEIGHTS = 1024
"""Smaller matrices stay as they are: there is nothing to be gained."""
_TYPES = {"float32": 1, "float64": 11}


class Int8Builder(GraphBuilder):
    """A GraphBuilder that keeps large matrices as int8, with one factor for each row or column.

    >>> g, whole = Int8Builder(), GraphBuilder()
    >>> weights = np.random.default_rng(0).normal(size=(64, 32)).astype(np.float32)
    >>> for b in (g, whole):
    ...     x = b.node("Cast", b.input("numbers", "float64", 64), to=1)
    ...     b.output("y", b.node("MatMul", x, b.constant(weights)), "float32", 32)
    >>> len(g.to_bytes()) < len(whole.to_bytes()) / 3
    True
    """

    def __init__(self) -> None:
        super().__init__()
        self.replaced = 0
        """How many weights became small."""
        self._small: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def constant(self, array: Array | float | int) -> str:
        """As ever; a large matrix of real numbers as the product of int8 and its factors."""
        values = np.asarray(array)
        kind = str(values.dtype)
        if kind not in _TYPES or values.ndim != 2 or values.size < LEAST_WEIGHTS:
            return super().constant(array)
        key = (kind, values.shape, values.tobytes())
        if key not in self._small:
            whole, factor = in_int8(values)
            wide = self.node("Cast", super().constant(whole), to=_TYPES[kind])
            self._small[key] = self.node("Mul", wide, super().constant(factor))
            self.replaced += values.size
        return self._small[key]


def in_int8(values: Any) -> tuple[Array, Array]:  # Any: an array of real numbers
    """Whole numbers from -127 to 127 and the factors [1, n] or [n, 1] that bring them back: those of the axis
    along which less is lost."""
    found = []
    for axis in (0, 1):
        largest = np.abs(values).max(axis=axis, keepdims=True)
        factor = np.where(largest > 0, largest / 127, 1).astype(values.dtype)
        whole = np.round(values / factor).astype(np.int8)
        found.append((float(np.square(whole * factor - values).sum()), whole, factor))
    _, whole, factor = min(found, key=lambda f: f[0])
    return whole, factor
