"""Trees of scikit-learn, and their sums and means: one ensemble node in doubles.

All but histogram boosting compare numbers that were rounded to float32, and so does the graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import ConversionRefused
from mlwright.conversion.answers import Answer, Classes, Number, at_least, both, inside_or_out
from mlwright.conversion.frame import Frame
from mlwright.graph.shared_trees import served
from mlwright.graph.trees import LEQ, MEMBER, Tree, Trees, tree_ensemble

Doubles = npt.NDArray[np.float64]


TREES_OF_CLASSES = frozenset(("sklearn.DecisionTreeClassifier", "sklearn.ExtraTreeClassifier"))
TREES_OF_NUMBERS = frozenset(("sklearn.DecisionTreeRegressor", "sklearn.ExtraTreeRegressor"))


def summed(frame: Frame, trees: Trees, matrix: str) -> str:
    """The sums [N, outputs] of trees over `matrix`."""
    g = frame.g
    shared, single = served(trees)
    if shared is None and not single.trees:  # a constant, which is given a column to be as long as
        none = np.zeros(0, dtype=np.int64)
        stump = Tree(none, np.zeros(0), none, none, none, none, np.zeros(1))
        single = replace(single, trees=(stump,), target=(0,))
    parts = [shared.nodes(g, matrix)] if shared is not None else []
    if single.trees or not parts:
        parts.append(tree_ensemble(g, single, matrix))
    return parts[0] if len(parts) == 1 else g.node("Add", *parts)


def single(frame: Frame) -> str:
    """The matrix as float32 would hold it, in doubles."""
    g = frame.g
    return g.node("Cast", g.node("Cast", frame.numbers(), to=1), to=11)


def grown(tree: Any, values: Doubles, columns: Any = None) -> list[Tree]:  # Any: sklearn's Tree; places
    """One tree for each column of `values` [nodes, outputs], which are what its leaves answer. It was fitted
    on some of the `columns`, or on all."""
    left, right = np.asarray(tree.children_left), np.asarray(tree.children_right)
    inner, leaves = np.flatnonzero(left >= 0), np.flatnonzero(left < 0)
    place = np.zeros(len(left), dtype=np.int64)
    place[inner], place[leaves] = np.arange(len(inner)), ~np.arange(len(leaves))
    missing = getattr(tree, "missing_go_to_left", None)
    goes_left = np.zeros(len(inner)) if missing is None else np.asarray(missing)[inner]
    feature = np.asarray(tree.feature)[inner]
    shape = {
        "feature": (feature if columns is None else np.asarray(columns)[feature]).astype(np.int64),
        "split": np.asarray(tree.threshold, dtype=np.float64)[inner],
        "mode": np.full(len(inner), LEQ, dtype=np.int64),
        "true": place[left[inner]],
        "false": place[right[inner]],
        "missing_true": goes_left.astype(np.int64),
    }
    return [Tree(**shape, leaf=values[leaves, k].astype(np.float64)) for k in range(values.shape[1])]


def tree_number(model: Any, frame: Frame) -> Number:  # Any: a DecisionTreeRegressor
    return mean_number(_Alone(model), frame)


def tree_classes(model: Any, frame: Frame) -> Classes:  # Any: a DecisionTreeClassifier
    return mean_classes(_Alone(model), frame)


class _Alone:
    """A tree as a forest of one."""

    def __init__(self, tree: Any) -> None:  # Any: a decision tree
        self.estimators_, self.n_outputs_ = [tree], tree.n_outputs_
        self.classes_ = getattr(tree, "classes_", None)


def mean_number(model: Any, frame: Frame) -> Number:  # Any: a RandomForestRegressor or ExtraTreesRegressor
    _one_output(model)
    count = len(model.estimators_)
    trees = [t for e in model.estimators_ for t in grown(e.tree_, e.tree_.value[:, 0, :] / count)]
    return Number(summed(frame, Trees(tuple(trees), (0,) * len(trees), 1), single(frame)))


def mean_classes(model: Any, frame: Frame) -> Classes:  # Any: a forest of classifiers
    """The mean of the trees' shares."""
    _one_output(model)
    grown_on_all = [(e.tree_, e.tree_.value[:, 0, : len(model.classes_)], None) for e in model.estimators_]
    return _mean_shares(frame, model.classes_, grown_on_all)


def bagged_classes(model: Any, frame: Frame) -> Classes:  # Any: a BaggingClassifier of trees
    """The same of trees that saw some of the columns, and perhaps not all of the classes' numbers."""
    parts = []
    for e, columns in zip(model.estimators_, model.estimators_features_, strict=True):
        _one_output(e)
        shares = np.zeros((e.tree_.node_count, len(model.classes_)))
        shares[:, np.asarray(e.classes_, dtype=np.int64)] = e.tree_.value[:, 0, :]
        parts.append((e.tree_, shares, columns))
    return _mean_shares(frame, model.classes_, parts)


def _mean_shares(
    frame: Frame, labels: Any, parts: Sequence[tuple[Any, Doubles, Any]]
) -> Classes:  # Any: labels; sklearn's Tree; places of columns
    """The mean of shares [nodes, classes]; of two classes the second's, the first has the rest.

    As scikit-learn does, shares are added first and divided then: where half the trees are for each of two
    classes, a sum of rounded parts would give the label to the other one.
    """
    g, count, classes = frame.g, len(parts), len(labels)
    asked = slice(1, 2) if classes == 2 else slice(None)
    trees: list[Tree] = []
    targets: list[int] = []
    for tree, shares, columns in parts:
        each = grown(tree, shares[:, asked], columns)
        trees += each
        targets += range(len(each))
    outputs = 1 if classes == 2 else classes
    p = summed(frame, Trees(tuple(trees), tuple(targets), outputs, np.zeros(outputs)), single(frame))
    if classes == 2:
        p = g.concat([g.node("Sub", g.constant(float(count)), p), p])
    return Classes(labels, probability=p if count == 1 else g.node("Div", p, g.constant(float(count))))


def _one_output(model: Any) -> None:  # Any: a tree or a forest
    if model.n_outputs_ != 1:
        raise ConversionRefused("it answers several targets at once", remedy="fit a model for each target")


def isolated(model: Any, frame: Frame) -> Classes:  # Any: an IsolationForest
    """-1 where few splits set a row apart: 2 ** -(mean depth / that of a tree of its sample's size)."""
    count, g = len(model.estimators_), frame.g
    trees: list[Tree] = []
    for i, (e, columns) in enumerate(zip(model.estimators_, model.estimators_features_, strict=True)):
        depth = np.asarray(model._decision_path_lengths[i]) + np.asarray(
            model._average_path_length_per_tree[i]
        )
        trees += grown(e.tree_, (depth - 1.0).astype(np.float64).reshape(-1, 1), columns)
    whole = count * _mean_depth(int(model._max_samples))
    if whole == 0:
        raise ConversionRefused("it was fitted on a single row", remedy="fit it on more rows")
    depths = summed(frame, Trees(tuple(trees), (0,) * len(trees), 1), single(frame))
    score = g.node("Exp", g.node("Mul", depths, g.constant(-np.log(2.0) / whole)))
    return inside_or_out(g, g.node("Neg", score), float(model.offset_))


def _mean_depth(rows: int) -> float:
    """Of an unsuccessful search in a binary tree of `rows` (Liu, Ting and Zhou 2008)."""
    if rows <= 2:
        return float(rows == 2)
    return float(2.0 * (np.log(rows - 1.0) + np.euler_gamma) - 2.0 * (rows - 1.0) / rows)


def boosted(model: Any, frame: Frame) -> Answer:  # Any: a GradientBoostingClassifier or -Regressor
    """Trees on top of a constant start."""
    stages = model.estimators_
    start = model.init_
    if start != "zero" and type(start).__name__ not in ("DummyClassifier", "DummyRegressor"):
        raise ConversionRefused(
            "boosting that starts from another model is not converted", remedy="leave init= out"
        )
    zeros = np.zeros((1, model.n_features_in_), dtype=np.float32)
    bias = np.asarray(model._raw_predict_init(zeros), dtype=np.float64).reshape(-1)
    trees: list[Tree] = []
    targets: list[int] = []
    for row in stages:
        for k, e in enumerate(row):
            trees += grown(e.tree_, model.learning_rate * e.tree_.value[:, 0, :1])
            targets.append(k)
    out = summed(frame, Trees(tuple(trees), tuple(targets), stages.shape[1], bias), single(frame))
    if not hasattr(model, "classes_"):
        return Number(out)
    if stages.shape[1] > 1:
        return Classes(model.classes_, margin=out)
    best = at_least(frame.g, out, 0.0)  # of log-odds of nought too, where others take the first class
    if type(model._loss).__name__ != "ExponentialLoss":  # as fitted, whatever its settings say now
        return Classes(model.classes_, margin=out, best=best)
    doubled = frame.g.node("Mul", out, frame.g.constant(2.0))  # exponential loss: half the log-odds
    p = both(frame.g, frame.g.node("Sigmoid", doubled))
    return Classes(model.classes_, margin=out, probability=p, best=best)


def histogram(model: Any, frame: Frame) -> Answer:  # Any: a HistGradientBoosting estimator
    """Trees over doubles, with sets of categories."""
    if getattr(model, "_preprocessor", None) is not None:
        from mlwright.conversion.registry import stepped

        frame = stepped(model._preprocessor, frame)
    per = len(model._predictors[0])
    trees: list[Tree] = []
    targets: list[int] = []
    for round_ in model._predictors:
        for k, predictor in enumerate(round_):
            trees.append(_of_histogram(predictor, _known(model)))
            targets.append(k)
    bias = np.asarray(model._baseline_prediction, dtype=np.float64).reshape(-1)
    out = summed(frame, Trees(tuple(trees), tuple(targets), per, bias), frame.numbers())
    if hasattr(model, "classes_"):
        return Classes(model.classes_, margin=out)
    loss = model.loss if isinstance(model.loss, str) else ""
    return Number(frame.g.node("Exp", out) if loss in ("poisson", "gamma") else out)


def _known(model: Any) -> dict[int, set[int]]:  # Any: a HistGradientBoosting estimator
    """By categorical column, the categories that were seen in training."""
    mapper = model._bin_mapper
    flags = mapper.is_categorical_
    return (
        {int(j): {int(c) for c in mapper.bin_thresholds_[j]} for j in np.flatnonzero(np.asarray(flags))}
        if flags is not None
        else {}
    )


def _of_histogram(predictor: Any, known: dict[int, set[int]]) -> Tree:  # Any: a TreePredictor
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(bool)
    inner, leaves = np.flatnonzero(~leaf), np.flatnonzero(leaf)
    place = np.zeros(len(nodes), dtype=np.int64)
    place[inner], place[leaves] = np.arange(len(inner)), ~np.arange(len(leaves))
    some = nodes[inner]
    left, right = place[some["left"].astype(np.int64)], place[some["right"].astype(np.int64)]
    to_left = some["missing_go_to_left"].astype(np.int64)
    mode = np.full(len(inner), LEQ, dtype=np.int64)
    split, true, false, missing = some["num_threshold"].astype(np.float64), left, right, to_left
    sets: list[Doubles] = []
    categorical = some["is_categorical"].astype(bool)
    for i in np.flatnonzero(categorical):
        lefts = _members(predictor.raw_left_cat_bitsets[int(some["bitset_idx"][i])])
        if to_left[i]:  # what was never seen goes left as missing does: name those that go right
            lefts = known[int(some["feature_idx"][i])] - lefts
            true[i], false[i], missing[i] = right[i], left[i], 0
        mode[i], split[i] = MEMBER, 0.0
        sets.append(np.array(sorted(lefts), dtype=np.float64))
    return Tree(
        feature=some["feature_idx"].astype(np.int64),
        split=split,
        mode=mode,
        true=true,
        false=false,
        missing_true=missing,
        leaf=nodes["value"][leaves].astype(np.float64),
        sets=tuple(sets),
    )


def _members(bitset: Sequence[int]) -> set[int]:
    return {32 * word + bit for word, bits in enumerate(bitset) for bit in range(32) if int(bits) >> bit & 1}
