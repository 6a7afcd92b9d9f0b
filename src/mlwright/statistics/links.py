"""Link functions between margins and probabilities, used by learners, calibration and training alike."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]


def softmax(margin: Doubles) -> Doubles:
    """Rows of `margin` [N, K] as probabilities.

    >>> softmax(np.array([[0.0, 0.0]]))
    array([[0.5, 0.5]])
    """
    raised = np.exp(margin - margin.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def sigmoid(margin: Doubles) -> Doubles:
    """Probabilities [N, 2] from the second class's log-odds `margin` [N].

    >>> sigmoid(np.array([0.0]))
    array([[0.5, 0.5]])
    """
    clipped = np.clip(margin, -700, 700)
    return np.stack([1 / (1 + np.exp(clipped)), 1 / (1 + np.exp(-clipped))], axis=1)
