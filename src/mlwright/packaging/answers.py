"""The end of every graph: from a margin to what a model answers, in the labels' own type.

Called by `merged` and `costing`. It knows the target, not what made the margin.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from mlwright.base.schema import Target
from mlwright.graph.build import GraphBuilder
from mlwright.packaging.ending import Ending


def publish_answers(
    g: GraphBuilder,
    margin: str,
    target: Target,
    ending: Ending = Ending(),  # noqa: B008  # frozen
    columns: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Publishes the outputs of `target` made from the calibrated `margin` ([N, 1], or [N, K] classes).

    A regression answers `prediction`; classes `probability`, `label` and `margin`, where two classes have
    the margin 0 and the log-odds of the second. `ending` says how numbers and labels follow from the margin;
    `columns` has a double [N, 1] for each of `ending.columns`.
    """
    classes = len(target.classes)
    if not classes:
        margin = ending.number_nodes(g, margin, columns)
        shape = g.constant(np.array([-1], dtype=np.int64))
        g.output("prediction", g.node("Reshape", margin, shape), "float64", None)
        return
    if classes == 2:
        margin = g.node("Mul", margin, g.constant(np.array([[0.0, 1.0]])))
    labels, kind = label_array(target)
    probability = g.node("Softmax", margin, axis=1)
    best = ending.label_nodes(g, margin, probability, columns)
    g.output("probability", probability, "float64", classes)
    g.output("label", g.node("Gather", g.constant(labels), best, axis=0), kind, None)
    g.output("margin", margin, "float64", classes)


def label_array(target: Target) -> tuple[npt.NDArray[np.generic], str]:
    """The labels by class number in their original type, and the tensor type that holds them."""
    labels = [target.label(i) for i in range(len(target.classes))]
    if target.label_type == "integer":
        return np.array(labels, dtype=np.int64), "int64"
    if target.label_type == "boolean":
        return np.array(labels, dtype=np.bool_), "bool"
    return np.array(labels, dtype=object), "string"
