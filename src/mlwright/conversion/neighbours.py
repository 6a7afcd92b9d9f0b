"""Neighbours of scikit-learn: the rows that a model was fitted on, searched one by one.

Which of several rows that are equally far counts depends in scikit-learn on the order of its search. A graph
takes the first of them; where that would decide, the model is refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import ConversionRefused
from mlwright.conversion.answers import Classes, Number, inside_or_out, likeliest
from mlwright.conversion.distances import FEWER, FITTED, distances, kept
from mlwright.conversion.frame import Frame
from mlwright.conversion.linear import shared_out
from mlwright.graph.build import GraphBuilder

Doubles = npt.NDArray[np.float64]

MOST_NEIGHBOURS = 1_000
_TRIED = 500
"""Fitted rows at which is looked whether neighbours are equally far."""


def nearest_classes(model: Any, frame: Frame) -> Classes:  # Any: a KNeighborsClassifier
    """The nearest rows' votes."""
    classes = np.eye(len(_labels(model)))[np.asarray(model._y).ravel()]
    near, far = _nearest(model, frame, classes)
    votes = _weighed(frame.g, model, near, far, classes)
    return Classes(model.classes_, probability=shared_out(frame.g, votes, classes.shape[1]))


def nearest_number(model: Any, frame: Frame) -> Number:  # Any: a KNeighborsRegressor
    """The nearest rows' mean."""
    values = _values(model)
    near, far = _nearest(model, frame, values)
    both = _weighed(frame.g, model, near, far, np.concatenate([values, np.ones_like(values)], axis=1))
    return Number(frame.g.node("Div", frame.g.columns(both, [0], 2), frame.g.columns(both, [1], 2)))


def classes_within(model: Any, frame: Frame) -> Classes:  # Any: a RadiusNeighborsClassifier
    """The votes of all rows within a radius; where there is none, the label for outliers."""
    labels, g = _labels(model), frame.g
    if model.outlier_label_ is None:
        raise ConversionRefused(
            f"it answers nothing for a row that has no neighbour within {model.radius:g}",
            remedy="say outlier_label='most_frequent'",
        )
    outlier = np.asarray(labels == model.outlier_label_[0], dtype=np.float64)[None, :]
    if not outlier.any():
        raise ConversionRefused(
            f"its label for outliers, {model.outlier_label_[0]!r}, is none of its classes",
            remedy="say outlier_label='most_frequent'",
        )
    far = distances(frame, _rows(model, frame), *_metric(model))
    inside = g.node("LessOrEqual", far, g.constant(float(model.radius)))
    weights = g.node("Cast", inside, to=11)
    if model.weights == "distance":
        weights = g.node(
            "Where", inside, _inverse(g, g.node("Where", inside, far, g.constant(np.inf))), weights
        )
    classes = np.eye(len(labels))[np.asarray(model._y).ravel()]
    votes = g.node("MatMul", weights, g.constant(classes))
    count = g.node("ReduceSum", votes, g.constant(np.array([1])), keepdims=1)
    alone = g.node("Equal", count, g.constant(0.0))
    return Classes(
        labels, probability=shared_out(g, g.node("Where", alone, g.constant(outlier), votes), len(labels))
    )


def nearest_centroid(model: Any, frame: Frame) -> Classes:  # Any: a NearestCentroid
    """The class whose middle is nearest; of Euclidean ones also probabilities, as of normal distributions."""
    g, labels = frame.g, model.classes_
    middles = kept(frame, model.centroids_, "classes", "use another model")
    near = g.node("Neg", distances(frame, middles, model.metric))
    best = g.node("ArgMax", near, axis=1, keepdims=0)
    if not hasattr(model, "predict_proba"):
        return Classes(labels, margin=likeliest(g, near, labels).margin, best=best, scores_only=True)
    spread = np.where(model.within_class_std_dev_ != 0, model.within_class_std_dev_, 1.0)
    scaled = frame.made(g.node("Div", frame.numbers(), g.constant(spread[None, :])), frame.names)
    apart = distances(scaled, middles / spread, model.metric)
    prior = g.constant(2.0 * np.log(model.class_prior_)[None, :])
    said = likeliest(g, g.node("Sub", prior, g.node("Mul", apart, apart)), labels)
    even = bool(np.isclose(model.class_prior_, 1 / len(labels)).all())
    return Classes(labels, margin=said.margin, best=best if even else "")


def local_outliers(model: Any, frame: Frame) -> Classes:  # Any: a LocalOutlierFactor for new rows
    """-1 where a row lies in thinner company than its neighbours do."""
    if not model.novelty:
        raise ConversionRefused(
            "it judges only the rows that it was fitted on", remedy="fit it with novelty=True"
        )
    reach = np.asarray(model._distances_fit_X_, dtype=np.float64)[:, model.n_neighbors_ - 1]
    density = np.asarray(model._lrd, dtype=np.float64)
    g, axis = frame.g, frame.g.constant(np.array([1]))
    near, far = _nearest(model, frame, np.stack([reach, density], axis=1), model.n_neighbors_)
    reached = g.node("Max", far, g.node("Gather", g.constant(reach), near, axis=0))
    mean = g.node("Add", g.node("ReduceMean", reached, axis, keepdims=1), g.constant(1e-10))
    theirs = g.node("ReduceMean", g.node("Gather", g.constant(density), near, axis=0), axis, keepdims=1)
    return inside_or_out(g, g.node("Neg", g.node("Mul", theirs, mean)), float(model.offset_))


def _labels(model: Any) -> Any:  # Any: a classifier, an array
    if isinstance(model.classes_, list) or model.outputs_2d_:
        raise ConversionRefused("it answers several targets at once", remedy="fit a model for each target")
    return model.classes_


def _values(model: Any) -> Doubles:  # Any: a regressor
    values = np.asarray(model._y, dtype=np.float64)
    if values.ndim > 1 and values.shape[1] > 1:
        raise ConversionRefused("it answers several numbers at once", remedy="fit a model for each target")
    return values.reshape(-1, 1)


def _rows(model: Any, frame: Frame) -> Doubles:  # Any: a model of neighbours
    return kept(frame, model._fit_X, FITTED, FEWER)


def _metric(model: Any) -> tuple[str, float]:  # Any: a model of neighbours
    metric = model.effective_metric_
    if not isinstance(metric, str):
        raise ConversionRefused(
            "its distance is code, which a graph cannot look into", remedy="let metric be 'euclidean'"
        )
    settings = dict(model.effective_metric_params_ or {})
    p = float(settings.pop("p", 2.0))
    if any(value is not None for value in settings.values()):
        raise ConversionRefused(
            f"distances with {', '.join(settings)} are not converted",
            remedy="scale columns before the model instead",
        )
    return metric, p


def _nearest(
    model: Any,  # Any: a model of neighbours
    frame: Frame,
    values: Doubles,
    count: int | None = None,
) -> tuple[str, str]:
    """Places and distances [N, k] of the nearest rows, whose `values` [M, outputs] will be asked."""
    if getattr(model, "weights", None) not in (None, "uniform", "distance"):
        raise ConversionRefused(
            "its weights are code, which a graph cannot look into",
            remedy="let weights be 'uniform' or 'distance'",
        )
    rows, count = _rows(model, frame), count or int(model.n_neighbors)
    if count > MOST_NEIGHBOURS:
        raise ConversionRefused(
            f"it asks {count:,} neighbours; {MOST_NEIGHBOURS:,} are allowed", remedy="ask fewer"
        )
    far = distances(frame, rows, *_metric(model))
    _check_ties(model, rows, values, count)
    g = frame.g
    nearest, places = g.nodes(
        "TopK", far, g.constant(np.array([count], dtype=np.int64)), outputs=2, axis=1, largest=0, sorted=1
    )
    return places, nearest


def _weighed(g: GraphBuilder, model: Any, near: str, far: str, values: Doubles) -> str:  # Any: of neighbours
    """[N, outputs]: the sum of the near rows' `values`, by weight."""
    found, axis = g.node("Gather", g.constant(values), near, axis=0), g.constant(np.array([1]))
    if model.weights == "distance":
        found = g.node("Mul", found, g.node("Unsqueeze", _inverse(g, far), g.constant(np.array([2]))))
    return g.node("ReduceSum", found, axis, keepdims=0)


def _inverse(g: GraphBuilder, far: str) -> str:
    """1 / distance; where one is 0, 1 for those and 0 for all others."""
    at = g.node("Equal", far, g.constant(0.0))
    flags = g.node("Cast", at, to=11)
    any_ = g.node("ReduceMax", flags, g.constant(np.array([1])), keepdims=1)
    safe = g.node("Div", g.constant(1.0), g.node("Where", at, g.constant(1.0), far))
    return g.node("Where", g.node("Greater", any_, g.constant(0.0)), flags, safe)


def _check_ties(model: Any, rows: Doubles, values: Doubles, count: int) -> None:  # Any: of neighbours
    """Raises `ConversionRefused` where which neighbours count is not decided by how far they are."""
    tried = rows[:: max(1, len(rows) // _TRIED)][:_TRIED]
    asked = min(count + 1, len(rows))
    far, near = model.kneighbors(tried.astype(model._fit_X.dtype), n_neighbors=asked)
    if getattr(model, "weights", "") == "distance" and len(far) and far[:, 0].max() > 0:
        raise ConversionRefused(
            "its search by products of matrices finds rows at a distance from themselves, which weights by "
            "distance magnify",
            remedy="let weights be 'uniform', or fit on dense columns with algorithm='ball_tree'",
        )
    if asked <= count:
        return
    last, next_ = far[:, count - 1], far[:, count]
    even = np.flatnonzero(np.isclose(last, next_, rtol=1e-9, atol=0))
    unlike = sum(_decides(far[i], values[near[i]], count) for i in even)
    if unlike:
        raise ConversionRefused(
            f"for {unlike} of {len(tried)} rows that it was fitted on, others are equally far at the place "
            f"{count} and answer otherwise: which of them counts is left to the order of its search",
            remedy="leave repeated rows out, ask another number of neighbours, or keep a column that tells "
            "rows apart",
        )


def _decides(far: Doubles, values: Doubles, count: int) -> bool:
    """Whether the rows that are as far as the last that counts have different values."""
    among = np.isclose(far, far[count - 1], rtol=1e-9, atol=0)
    return bool(np.ptp(values[among], axis=0).any())
