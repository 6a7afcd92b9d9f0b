"""CatBoost's models: trees over numbers rounded to float32, over single categories, and over what the target
was like where a category, or several together, were seen in training (`ctrs`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from mlwright.base.errors import ConversionRefused
from mlwright.conversion.answers import Answer, Classes, Number, flat
from mlwright.conversion.categories import Categories
from mlwright.conversion.ctrs import Ctrs
from mlwright.conversion.forests import summed
from mlwright.conversion.frame import Frame
from mlwright.graph.trees import Doubles, Tree, Trees, above_float32

OF_CLASSES = ("Logloss", "CrossEntropy", "MultiClass")
EXPONENTIAL = ("Poisson", "Tweedie")
"""Losses whose sums are logarithms of what is answered."""
_PLAIN = ("RMSE", "MAE", "Quantile", "Huber", "MAPE", "Expectile", "Lq", "LogCosh")
_RANKS = (
    "YetiRank",
    "PairLogit",
    "QuerySoftMax",
    "QueryRMSE",
    "QueryCrossEntropy",
    "StochasticRank",
    "LambdaMart",
)
_ABOVE_ALL = 1e300
"""Where a model takes a missing number for a large one."""


def of_catboost(
    model: Any, frame: Frame
) -> Answer:  # Any: a CatBoost, CatBoostClassifier or CatBoostRegressor
    """The sums of trees by the model's JSON form, and what the loss makes of them."""
    from mlwright.learners.catboost import content_of, trees_in

    loss = loss_of(model)
    if loss.startswith(_RANKS) or type(model).__name__ == "CatBoostRanker":
        raise ConversionRefused(
            f"the loss {loss!r} orders the rows of a group, and answers no number of the target",
            remedy="use a loss of classes or of numbers",
        )
    if not loss:
        raise ConversionRefused(
            "it does not say which loss it was fitted for, as sums of several models do not",
            remedy="convert one of the models, or save the sum's parts and average their answers",
        )
    if loss not in (*OF_CLASSES, *EXPONENTIAL, *_PLAIN):
        raise ConversionRefused(
            f"the loss {loss!r} is not converted", remedy="use RMSE, Logloss or MultiClass"
        )
    if model.get_text_feature_indices() or model.get_embedding_feature_indices():
        raise ConversionRefused(
            "CatBoost's own handling of texts and embeddings is not converted",
            remedy="turn them into numbers first",
        )
    content = content_of(model)
    columns = _Columns.of(content, frame)
    if "oblivious_trees" in content:
        for entry in content["oblivious_trees"]:
            entry["splits"] = [columns.plain(split) for split in entry["splits"] or []]
        trees = trees_in(content, model.tree_count_)
    else:
        trees = _of_branches(content, columns)
    out = summed(frame, trees, columns.matrix())
    if loss in OF_CLASSES:
        return Classes(model.classes_, margin=out, best=_above_threshold(model, frame, out))
    return Number(frame.g.node("Exp", out) if loss in EXPONENTIAL else out)


def loss_of(model: Any) -> str:  # Any: a CatBoost model
    """The name of the loss, without its settings; "" of a model that does not know it."""
    if "params" not in model.get_metadata():
        return ""  # a sum of models, of which CatBoost's own question only raises
    return str(model.get_all_params().get("loss_function", "")).split(":")[0]


def _above_threshold(model: Any, frame: Frame, out: str) -> str:  # Any: a CatBoost model
    """[N]: the class that is answered, where the second needs another probability than a half; "" else."""
    told = model.get_metadata()
    if "binclass_probability_threshold" not in told or len(model.classes_) != 2:
        return ""
    with np.errstate(divide="ignore"):  # nought and one are thresholds, too
        border = -np.log(1 / np.float64(told["binclass_probability_threshold"]) - 1)
    return flat(frame.g, frame.g.node("Cast", frame.g.node("Greater", out, frame.g.constant(border)), to=7))


@dataclass(frozen=True)
class _Columns:
    """The matrix over which the trees ask: numbers, whether a category is a certain one, and ctrs. A split is
    known by its number, over the borders of all columns in this order."""

    told: Mapping[str, Any]  # Any: JSON values
    frame: Frame
    categories: Categories
    ctrs: Ctrs

    @classmethod
    def of(cls, content: Mapping[str, Any], frame: Frame) -> _Columns:  # Any: JSON values
        told = content["features_info"]
        places = tuple(int(f["flat_feature_index"]) for f in told.get("categorical_features") or [])
        categories = Categories(frame, places)
        ctrs = Ctrs(tuple(told.get("ctrs") or []), content.get("ctr_data") or {}, categories)
        return cls(told, frame, categories, ctrs)

    @cached_property
    def singles(self) -> list[tuple[int, int]]:
        """Categories that are asked for one by one: the feature and the hash."""
        features = self.told.get("categorical_features") or []
        return [(i, int(value)) for i, f in enumerate(features) for value in f.get("values") or []]

    @cached_property
    def splits(self) -> list[tuple[int, float]]:
        """By number, the column and its border."""
        floats = self.told.get("float_features") or []
        found = [(i, float(b)) for i, f in enumerate(floats) for b in f.get("borders") or []]
        found += [(len(floats) + i, 0.5) for i in range(len(self.singles))]
        before = len(floats) + len(self.singles)
        return found + [
            (before + i, float(b)) for i, ctr in enumerate(self.ctrs.told) for b in ctr["borders"]
        ]

    def plain(self, split: Mapping[str, Any]) -> dict[str, Any]:  # Any: JSON values
        """The split as one over the column of a number. Raises `ConversionRefused` where it is of no column
        that is known here."""
        number = int(split["split_index"])
        column, border = self.splits[number] if number < len(self.splits) else (-1, np.nan)
        if float(split.get("border", 0.5)) != border:
            raise ConversionRefused(
                f"its split {number} ({split['split_type']}) is of no kind that is converted",
                remedy="fit it on numbers and categories alone",
            )
        return {"float_feature_index": column, "border": border}

    def matrix(self) -> str:
        """All columns, as doubles."""
        numbers = self._numbers()
        parts = [numbers] if numbers else []
        parts += [self.categories.are(self.singles)] if self.singles else []
        parts += [self.ctrs.values(numbers)] if self.ctrs.told else []
        if not parts:
            raise ConversionRefused("it asks for no column", remedy="fit it on columns that tell something")
        return self.frame.g.concat(parts)

    def _numbers(self) -> str:
        """The numbers, missing ones as CatBoost orders them; "" where there are none."""
        floats = self.told.get("float_features") or []
        if not floats:
            return ""
        g = self.frame.g
        numbers = self.frame.pick(int(f["flat_feature_index"]) for f in floats).numbers()
        large = np.array([[f.get("nan_value_treatment") == "AsTrue" for f in floats]])
        if not large.any():
            return numbers
        raised = g.node("And", g.node("IsNaN", numbers), g.constant(large))
        return g.node("Where", raised, g.constant(_ABOVE_ALL), numbers)


def _of_branches(content: Mapping[str, Any], columns: _Columns) -> Trees:  # Any: JSON values
    """The trees of a model whose levels ask for different splits."""
    scale, bias = content["scale_and_bias"]
    grown = [_grown(root, columns) for root in content["trees"]]
    outputs = grown[0][1].shape[1]
    trees = [replace(tree, leaf=leaves[:, k] * scale) for tree, leaves in grown for k in range(outputs)]
    start = np.resize(np.asarray(bias, dtype=np.float64), outputs)
    return Trees(tuple(trees), tuple(range(outputs)) * len(grown), outputs, start)


def _grown(root: Mapping[str, Any], columns: _Columns) -> tuple[Tree, Doubles]:  # Any: JSON values
    """One tree without its leaves, and those [leaves, outputs]."""
    inner: list[tuple[int, float]] = []
    children: list[list[int]] = []
    leaves: list[Doubles] = []
    waiting: list[tuple[Mapping[str, Any], int, int]] = [(root, -1, 0)]  # a node, its parent, which side
    while waiting:
        node, parent, side = waiting.pop()
        if "split" in node:
            asked = columns.plain(node["split"])
            here = len(inner)
            inner.append((asked["float_feature_index"], asked["border"]))
            children.append([0, 0])
            waiting += [(node["left"], here, 0), (node["right"], here, 1)]
        else:
            here = ~len(leaves)
            leaves.append(np.atleast_1d(np.asarray(node["value"], dtype=np.float64)))
        if parent >= 0:
            children[parent][side] = here
    split, mode = above_float32(np.array([border for _, border in inner], dtype=np.float32))
    ways = np.array(children, dtype=np.int64).reshape(-1, 2)
    tree = Tree(
        feature=np.array([column for column, _ in inner], dtype=np.int64),
        split=split,
        mode=mode,
        true=ways[:, 1],
        false=ways[:, 0],
        missing_true=np.zeros(len(inner), dtype=np.int64),
        leaf=np.zeros(len(leaves)),
    )
    return tree, np.stack(leaves)
