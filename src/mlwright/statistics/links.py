"""Link functions between margins and probabilities, used by learners, calibration and training alike."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Link = Literal["identity", "log1p"]
"""What numbers are learned behind: themselves, or the logarithm of one more."""


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


MOST_LOG = 700.0
"""Logarithms are cut here, below where the exponential overflows."""


def linked(y: Doubles, link: Link) -> Doubles:
    """Targets [N] as learners see them.

    >>> linked(np.array([0.0, 1.0]), "identity")
    array([0., 1.])
    """
    return np.log1p(y) if link == "log1p" else y


def unlinked(margin: Doubles, link: Link) -> Doubles:
    """Margins of any shape as numbers again. Exp less 1, as graphs have no expm1.

    >>> unlinked(linked(np.array([3.0]), "log1p"), "log1p").round(12)
    array([3.])
    """
    return np.exp(np.minimum(margin, MOST_LOG)) - 1.0 if link == "log1p" else margin


def logsumexp(margin: Doubles) -> Doubles:
    """The logarithm of the sum of each row's exponentials [N]: what softmax divides by.

    >>> logsumexp(np.array([[0.0, 0.0]])).round(4)
    array([0.6931])
    """
    most = margin.max(axis=1)
    return np.asarray(most + np.log(np.exp(margin - most[:, None]).sum(axis=1)))
