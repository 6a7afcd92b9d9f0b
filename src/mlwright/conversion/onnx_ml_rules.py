"""How operators of `ai.onnx.ml`, of which converters of scikit-learn and of boosters make their graphs, are
done by those that the loader allows. They answer float32, and so does what stands for them; trees add in
doubles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlwright.conversion.forest_nodes import trees_of
from mlwright.conversion.imported import Array, Node, Rule, Value
from mlwright.graph.build import ML
from mlwright.graph.trees import tree_ensemble

FLOAT, INT32, INT64, DOUBLE = 1, 6, 7, 11


def _single(node: Node, i: int = 0) -> str:
    """The input as float32."""
    return node.tensor(i) if node.given(i).kind == "float32" else node.add("Cast", node.tensor(i), to=FLOAT)


def _row(values: Any, kind: str = "float32") -> Array:  # Any: a list of numbers
    return np.asarray(values, dtype=kind).reshape(1, -1)


def _like(node: Node, tensor: str, kind: str = "float32", width: int | None = None) -> Value:
    """A tensor [N, width]; as wide as the first input where that is not told."""
    shape = node.given(0).shape
    if width is not None:
        shape = (None, width)
    return Value(tensor, kind=kind, shape=shape)


def scaled(node: Node) -> Value:
    """In the type of what is given, whose digits a difference may need, and rounded to float32 then."""
    kind = "float64" if node.kind == "float64" else "float32"
    offset, scale = (
        node.g.constant(_row(node.attributes.get(name, [default]), "float32").astype(kind))
        for name, default in (("offset", 0.0), ("scale", 1.0))
    )
    x = node.tensor() if kind == "float64" else _single(node)
    out = node.add("Mul", node.add("Sub", x, offset), scale)
    return _like(node, node.add("Cast", out, to=FLOAT) if kind == "float64" else out)


def imputed(node: Node) -> Value:
    if "imputed_value_floats" not in node.attributes:
        raise node.refused("is converted for real numbers only")
    marker = float(node.attributes.get("replaced_value_float", 0.0))
    x = _single(node)
    at = (
        node.add("IsNaN", x)
        if marker != marker
        else node.add("Equal", x, node.g.constant(np.asarray(marker, np.float32)))
    )
    fills = node.g.constant(_row(node.attributes["imputed_value_floats"]))
    return _like(node, node.add("Where", at, fills, x))


def of_length_one(node: Node) -> Value:
    """By the length of a row; the greatest number by itself, as the standard has it, not by its size."""
    x, axis = _single(node), node.g.constant(np.array([1]))
    norm = node.attributes.get("norm", "MAX")
    if norm == "L2":
        size = node.add("Sqrt", node.add("ReduceSum", node.add("Mul", x, x), axis, keepdims=1))
    elif norm == "L1":
        size = node.add("ReduceSum", node.add("Abs", x), axis, keepdims=1)
    else:
        size = node.add("ReduceMax", x, axis, keepdims=1)
    none = node.add("Equal", size, node.g.constant(np.asarray(0, np.float32)))
    return _like(
        node, node.add("Div", x, node.add("Where", none, node.g.constant(np.asarray(1, np.float32)), size))
    )


def above(node: Node) -> Value:
    over = node.add(
        "Greater",
        _single(node),
        node.g.constant(np.asarray(node.attributes.get("threshold", 0.0), np.float32)),
    )
    return _like(node, node.add("Cast", over, to=FLOAT))


def picked(node: Node) -> Value:
    """ArrayFeatureExtractor: columns, or values of a list by their places."""
    given = node.given(0)
    if given.array is not None:  # labels by the place of the likeliest
        labels = given.array.ravel()
        places = node.add("Reshape", node.tensor(1), node.g.constant(np.array([-1])))
        out = node.add(
            "Gather", node.g.constant(labels.astype(object) if given.kind == "string" else labels), places
        )
        return Value(
            node.add("Reshape", out, node.g.constant(np.array([1, -1]))), kind=given.kind, shape=(1, None)
        )
    at = node.array(1).ravel().astype(np.int64)
    return _like(node, node.add("Gather", node.tensor(), node.g.constant(at), axis=1), given.kind, len(at))


def side_by_side(node: Node) -> Value:
    parts = [_single(node, i) for i in range(len(node.inputs))]
    return _like(node, node.g.concat(parts), width=int(sum(node.attributes["inputdimensions"])))


def numbered(node: Node) -> Value:
    """LabelEncoder of any of its versions, by tensors."""
    a, keys, values, default = node.attributes, None, None, None
    for kind, dtype in (("strings", object), ("int64s", np.int64), ("floats", np.float32)):
        if f"keys_{kind}" in a:
            keys = np.asarray(a[f"keys_{kind}"], dtype=dtype)
        if f"values_{kind}" in a:
            values = np.asarray(a[f"values_{kind}"], dtype=dtype)
            absent: dict[str, Any] = {"strings": "_Unused", "int64s": -1, "floats": -0.0}
            default = np.array([a.get(f"default_{kind.removesuffix('s')}", absent[kind])], dtype=dtype)
    keys, values = a.get("keys_tensor", keys), a.get("values_tensor", values)
    default = a.get("default_tensor", default)
    if keys is None or values is None or default is None:
        raise node.refused("has no dictionary that can be read")
    if len(set(keys.tolist())) != len(keys):
        raise node.refused("lists one key twice")
    if any(a.dtype.kind == "i" and (np.abs(a) > 2**53).any() for a in (keys, values, default)):
        raise node.refused("holds whole numbers that doubles leave out")
    kind = "string" if values.dtype.kind in "OUS" else str(values.dtype)
    x = node.tensor() if keys.dtype.kind in "OUS" else node.add("Cast", node.tensor(), to=DOUBLE)
    tables = {"keys_tensor": _texts(keys), "values_tensor": _texts(values), "default_tensor": _texts(default)}
    out = node.add("LabelEncoder", x, domain=ML, **tables)
    if kind in ("int64", "float32"):
        out = node.add("Cast", out, to=INT64 if kind == "int64" else FLOAT)
    return Value(out, kind=kind, shape=node.given(0).shape)


def _texts(array: Array) -> Array:
    """As a dictionary holds them: texts, or doubles for all numbers."""
    return array.astype(object if array.dtype.kind in "OUS" else np.float64)


def one_hot(node: Node) -> Value:
    """Noughts and ones along a new last axis; all noughts for what is not known."""
    if not node.attributes.get("zeros", 1):
        raise node.refused(
            "raises for a category that it does not know, which no graph does",
            "fit the encoder with handle_unknown='ignore'",
        )
    texts = node.attributes.get("cats_strings")
    if texts:
        known = np.arange(len(texts), dtype=np.float64)
        tables = {"keys_tensor": np.array(texts, dtype=object), "values_tensor": known}
        x = node.add("LabelEncoder", node.tensor(), domain=ML, **tables, default_tensor=np.array([-1.0]))
    else:
        x = node.tensor() if node.kind == "int64" else node.add("Cast", node.tensor(), to=INT64)
        known = np.asarray(node.attributes["cats_int64s"], dtype=np.int64)
    wide = node.add("Unsqueeze", x, node.g.constant(np.array([-1])))
    hit = node.add("Cast", node.add("Equal", wide, node.g.constant(known)), to=FLOAT)
    return Value(hit, kind="float32", shape=(*node.shape(), len(known)))


def linear_number(node: Node) -> Value:
    targets = int(node.attributes.get("targets", 1))
    if node.attributes.get("post_transform", "NONE") != "NONE":
        raise node.refused("turns its answers, which is not converted")
    return Value(_sums(node, targets), kind="float32", shape=(None, targets))


def _sums(node: Node, outputs: int) -> str:
    weights = np.asarray(node.attributes["coefficients"], dtype=np.float32).reshape(outputs, -1)
    out = node.add("MatMul", _single(node), node.g.constant(np.ascontiguousarray(weights.T)))
    return node.add("Add", out, node.g.constant(_row(node.attributes.get("intercepts", [0.0] * outputs))))


def labels_of(node: Node) -> Array:
    """The classes of a classifier's node."""
    for name in ("classlabels_strings", "classlabels_ints", "classlabels_int64s"):
        if node.attributes.get(name):
            return np.asarray(node.attributes[name], dtype=object if name.endswith("strings") else np.int64)
    raise node.refused("does not name its classes")


def linear_classes(node: Node) -> Sequence[Value]:
    labels, turned = labels_of(node), node.attributes.get("post_transform", "NONE")
    count = (
        len(np.asarray(node.attributes.get("intercepts") or [0]))
        if "intercepts" in node.attributes
        else len(labels)
    )
    if count == 1 and len(labels) == 2:
        score = _sums(node, 1)
        both = node.g.concat([node.add("Neg", score), score])
    elif count == len(labels):
        both = _sums(node, len(labels))
    else:
        raise node.refused(f"has {count} scores for {len(labels)} classes")
    return [_label(node, both, labels), _turned(node, both, turned, labels, count == 1)]


def _turned(node: Node, scores: str, how: str, labels: Array, single: bool) -> Value:
    if how == "SOFTMAX" and not single:
        scores = node.add("Softmax", scores, axis=1)
    elif how == "LOGISTIC":
        scores = node.add("Sigmoid", scores)
    elif how != "NONE":
        raise node.refused(f"turns its scores by {how}, which is not converted")
    return Value(scores, kind="float32", shape=(None, len(labels)))


def _label(node: Node, scores: str, labels: Array) -> Value:
    best = node.add("ArgMax", scores, axis=1, keepdims=0)
    kind = "string" if labels.dtype.kind == "O" else "int64"
    return Value(node.add("Gather", node.g.constant(labels), best), kind=kind, shape=(None,))


def tree_number(node: Node) -> Value:
    """A sum or mean of trees that compare float32."""
    if node.attributes.get("post_transform", "NONE") != "NONE":
        raise node.refused("turns its answers, which is not converted")
    targets = int(node.attributes.get("n_targets", 1))
    trees = trees_of(node, "target", targets)
    out = node.add("Cast", tree_ensemble(node.g, trees, _matrix(node)), to=FLOAT)
    return Value(out, kind="float32", shape=(None, targets))


def _matrix(node: Node) -> str:
    single = _single(node) if node.kind != "float64" else node.tensor()
    return single if node.kind == "float64" else node.add("Cast", single, to=DOUBLE)


def tree_classes(node: Node) -> Sequence[Value]:
    labels, how = labels_of(node), node.attributes.get("post_transform", "NONE")
    ids = set(node.attributes.get("class_ids", []))
    single = len(labels) == 2 and len(ids) == 1
    trees = trees_of(node, "class", 1 if single else len(labels), one_only=single)
    sums = node.add("Cast", tree_ensemble(node.g, trees, _matrix(node)), to=FLOAT)
    if single and how == "LOGISTIC":
        both = node.g.concat([node.add("Neg", sums), sums])
    elif single and how == "NONE":
        both = node.g.concat([node.add("Sub", node.g.constant(np.asarray(1, np.float32)), sums), sums])
    elif single:
        raise node.refused(f"turns one score by {how}, which is not converted")
    else:
        both = sums
    return [_label(node, both, labels), _turned(node, both, how, labels, single)]


_BY_NAME: dict[str, Rule] = {
    "ArrayFeatureExtractor": picked,
    "Binarizer": above,
    "FeatureVectorizer": side_by_side,
    "Imputer": imputed,
    "LabelEncoder": numbered,
    "LinearClassifier": linear_classes,
    "LinearRegressor": linear_number,
    "Normalizer": of_length_one,
    "OneHotEncoder": one_hot,
    "Scaler": scaled,
    "TreeEnsembleClassifier": tree_classes,
    "TreeEnsembleRegressor": tree_number,
}
ML_RULES: dict[tuple[str, str], Rule] = {(ML, name): rule for name, rule in _BY_NAME.items()}
"""By domain and operator."""
