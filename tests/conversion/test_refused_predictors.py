"""Predictors that no graph does exactly are refused with the reason and what to do."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import (
    cluster,
    dummy,
    gaussian_process,
    isotonic,
    multiclass,
    multioutput,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    semi_supervised,
    svm,
)
from sklearn.gaussian_process import kernels

import mlwright as mw
from mlwright.base.errors import ConversionRefused
from mlwright.conversion import distances, processes

pytestmark = pytest.mark.filterwarnings("ignore")

ROWS = np.random.default_rng(0).normal(size=(60, 3))
TWO, NUMBER = np.where(ROWS[:, 0] > 0, "yes", "no"), ROWS @ [1.0, 2.0, 3.0]
SIGN = (ROWS[:, 0] > 0).astype(int)
BITS = np.stack([ROWS[:, 0] > 0, ROWS[:, 1] > 0], axis=1).astype(int)
WIDE = gaussian_process.GaussianProcessRegressor


def product(x, y):
    return x @ y.T


CASES = [
    (cluster.DBSCAN(), None, "labels the rows that it was fitted on", "KMeans"),
    (pipeline.make_pipeline(preprocessing.StandardScaler(), cluster.HDBSCAN()), None, "labels", "KMeans"),
    (semi_supervised.LabelSpreading(), SIGN, "far from all", "transduction_"),
    (neighbors.RadiusNeighborsRegressor(), NUMBER, "without a neighbour", "KNeighborsRegressor"),
    (neighbors.RadiusNeighborsClassifier(9.0), TWO, "no neighbour within", "outlier_label='most_frequent'"),
    (neighbors.RadiusNeighborsClassifier(9.0, outlier_label=7), SIGN, "none of its", "most_frequent"),
    (neighbors.KNeighborsClassifier(weights=lambda far: 1 / (1 + far)), TWO, "are code", "'distance'"),
    (neighbors.KNeighborsClassifier(metric=lambda a, b: abs(a - b).max()), TWO, "is code", "euclidean"),
    (neighbors.KNeighborsClassifier(metric="canberra"), TWO, "by 'canberra'", "'manhattan'"),
    (neighbors.KNeighborsClassifier(weights="distance", metric="cosine"), TWO, "magnify", "'uniform'"),
    (neighbors.KNeighborsRegressor(), ROWS[:, :2], "several targets", "each target"),
    (neighbors.KNeighborsClassifier(), BITS, "several targets", "each target"),
    (svm.SVC(kernel=product), TWO, "kernel that is code", "'rbf'"),
    (svm.SVC(probability=True), np.arange(60) % 13, "13 classes", "CalibratedClassifierCV"),
    (multioutput.MultiOutputRegressor(svm.SVR()), ROWS[:, :2], "several targets", "each target"),
    (multiclass.OneVsRestClassifier(naive_bayes.GaussianNB()), BITS, "several targets", "each target"),
    (neural_network.MLPClassifier((2,), max_iter=5), BITS, "several targets", "each target"),
    (neural_network.MLPRegressor(max_iter=5), ROWS[:, :2], "several targets", "each target"),
    (dummy.DummyClassifier(strategy="stratified"), TWO, "answers at random", "'prior'"),
    (isotonic.IsotonicRegression(), NUMBER, "beyond those", "out_of_bounds='clip'"),
    (WIDE(kernels.Matern(nu=2.0), alpha=1.0, optimizer=None), NUMBER, "nu=2 ", "1.5"),
    (cluster.KMeans(1), None, "only one cluster", "two or more"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "target", "said", "remedy"), CASES, ids=[c[2] for c in CASES])
def test_what_no_graph_does_is_refused(model, target, said, remedy):
    rows = ROWS[:, :1] if isinstance(model, isotonic.IsotonicRegression) else ROWS
    model.fit(rows) if target is None else model.fit(rows, target)
    with pytest.raises(ConversionRefused) as refused:
        mw.convert(model, example=rows[:20], target="answer")
    assert said in str(refused.value) and remedy in refused.value.remedy
    assert refused.value.where


def test_neighbours_that_are_equally_far_and_answer_otherwise_are_refused():
    rows = np.concatenate([ROWS, ROWS])  # each twice, with two answers
    target = np.array(["first"] * 60 + ["second"] * 60)
    with pytest.raises(ConversionRefused, match="order of its search") as refused:
        mw.convert(neighbors.KNeighborsClassifier(1).fit(rows, target), example=rows[:9], target="t")
    assert "60 of 120" in str(refused.value) or "120 of 120" in str(refused.value)
    same = neighbors.KNeighborsClassifier(1).fit(
        rows, np.tile(TWO, 2)
    )  # twice with one answer: no matter which
    assert mw.convert(same, example=rows[:9], target="t").task == "binary"


def test_a_model_that_keeps_too_many_rows_is_refused_with_how_many_are_allowed(monkeypatch):
    monkeypatch.setattr(distances, "MOST_POINTS", 50)
    with pytest.raises(
        ConversionRefused, match=r"keeps 60 rows that it was fitted on of 3 columns.*50"
    ) as refused:
        mw.convert(neighbors.KNeighborsRegressor().fit(ROWS, NUMBER), example=ROWS[:9], target="t")
    assert "fewer rows" in refused.value.remedy
    monkeypatch.setattr(distances, "MOST_POINTS", 5000)
    monkeypatch.setattr(processes, "MOST_LATENT", 50)
    latent = gaussian_process.GaussianProcessClassifier(optimizer=None).fit(ROWS, TWO)
    with pytest.raises(ConversionRefused, match="as many rows and columns"):
        mw.convert(latent, example=ROWS[:9], target="t")


def test_the_card_says_that_rows_are_held():
    vectors = mw.convert(svm.SVR().fit(ROWS, NUMBER), example=ROWS[:9], target="t")
    assert "Holds rows it was fitted on" in vectors.card and "support vectors" in vectors.card
    middles = mw.convert(cluster.KMeans(2, n_init=1).fit(ROWS), example=ROWS[:9], target="t")
    assert "Holds rows" not in middles.card
