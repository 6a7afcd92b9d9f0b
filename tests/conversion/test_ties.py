"""Where two classes are equally likely, the first is answered, as it is by scikit-learn: a last digit that
differs would answer another."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets, ensemble, tree

import mlwright as mw

forest, extra = ensemble.RandomForestClassifier, ensemble.ExtraTreesClassifier
TEN = [(str(k), forest(10, random_state=k)) for k in range(3)]


@pytest.mark.parametrize(
    ("load", "model"),
    [
        (datasets.load_breast_cancer, forest(100, max_depth=6, random_state=0)),
        (datasets.load_digits, ensemble.VotingClassifier(TEN, voting="soft")),
        pytest.param(
            datasets.load_digits,
            ensemble.VotingClassifier(TEN, voting="soft", weights=[2, 1, 1]),
            marks=pytest.mark.slow,
        ),
        (datasets.load_digits, ensemble.BaggingClassifier(tree.ExtraTreeClassifier(), 10, random_state=0)),
    ],
    ids=["two classes", "a vote", "a vote by weight", "bagging"],
)
def test_rows_on_which_classes_tie_get_the_same_label(load, model):
    values, target = load(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(values))
    values, target = pd.DataFrame(values[order]).add_prefix("c"), target[order]
    model.fit(values[:200], target[:200])
    converted = mw.convert(model, example=values[:60], target="kind", waive=("MLW901",))
    times = 4 if load is datasets.load_breast_cancer else 1  # of two classes few rows tie
    noise = np.random.default_rng(1).normal(size=(times * len(values), values.shape[1]))
    rows = pd.concat([values] * times, ignore_index=True) + noise * values.std().to_numpy()
    first, second = np.sort(model.predict_proba(rows), axis=1)[:, :-3:-1].T
    tied = rows[first - second < 1e-12]
    assert len(tied) > 5
    assert [int(label) for label in converted.predict(tied)] == model.predict(tied).tolist()


def test_bagged_trees_are_asked_of_the_columns_that_each_saw():
    values, target = datasets.load_iris(return_X_y=True)
    rows, few = pd.DataFrame(values).add_prefix("c"), np.r_[:52, 100:150]
    model = ensemble.BaggingClassifier(n_estimators=10, max_features=2, max_samples=0.3, random_state=0)
    model.fit(rows.iloc[few], target[few])
    assert any(list(columns) != [0, 1] for columns in model.estimators_features_)
    converted = mw.convert(model, example=rows.iloc[few], target="kind", waive=("MLW901",))
    np.testing.assert_allclose(converted.predict_proba(rows), model.predict_proba(rows), atol=1e-12)
