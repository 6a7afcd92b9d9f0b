"""Classifier and Regressor with what people hand over: frames, labels of all types, pipelines, mistakes."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import mlwright as mw
from mlwright.base.errors import ChecksRefused, DataProblem, Misuse, RowsRefused, UnknownName

QUICK = {"max_trials": 2, "threads": 1}
ROWS = 120


@pytest.fixture(scope="module")
def people():
    """Columns of all kinds with missing values, and what follows from them."""
    random = np.random.default_rng(0)
    age = random.integers(18, 80, ROWS).astype(float)
    job = random.choice(["baker", "smith", "judge"], ROWS).astype(object)
    old = age + 15 * (job == "judge") + random.normal(0, 8, ROWS) > 52
    age[::9], job[3] = np.nan, None
    frame = pd.DataFrame(
        {
            "age": age,
            "job": job,
            "member": random.choice(["yes", "no"], ROWS),
            "region": pd.Categorical(random.integers(1, 5, ROWS)),
            "branch": random.integers(0, 20, ROWS),
        }
    )
    return frame, pd.Series(np.where(old, "young", "old"), name="stage")


@pytest.fixture(scope="module")
def fitted(people):
    return mw.Classifier(**QUICK).fit(*people)


def test_columns_of_a_frame_keep_their_kinds_and_the_target_its_name(fitted, people):
    kinds = {c.name: c.kind for c in fitted.model_.schema.columns}
    assert kinds["age"] == "numeric" and kinds["job"] == kinds["region"] == "categorical"
    assert kinds["member"] == "boolean" and fitted.model_.target.name == "stage"
    assert fitted.feature_names_in_.tolist() == list(people[0].columns) and fitted.n_features_in_ == 5
    assert fitted.classes_.tolist() == ["old", "young"]


def test_answers_are_those_of_the_model(fitted, people):
    frame, _ = people
    own = fitted.model_.predict_proba(frame)
    order = [fitted.model_.target.classes.index(c) for c in fitted.classes_]
    np.testing.assert_array_equal(fitted.predict_proba(frame), own[:, order])
    np.testing.assert_array_equal(fitted.predict(frame), fitted.model_.predict(frame))
    assert len(fitted.predict(frame[:0])) == 0


def test_polars_and_arrays_of_objects_answer_as_pandas_does(fitted, people):
    frame, _ = people
    expected = fitted.predict_proba(frame)
    polars = pl.from_pandas(frame.astype({"region": int}))
    np.testing.assert_array_equal(fitted.predict_proba(polars), expected)
    with pytest.warns(UserWarning, match="valid feature names"):
        np.testing.assert_array_equal(fitted.predict_proba(frame.to_numpy()), expected)


def test_a_fitted_estimator_travels_as_the_bytes_of_its_model(fitted, people):
    frame, _ = people
    again = pickle.loads(pickle.dumps(fitted))  # noqa: S301  # made on this line
    assert again.model_.digest == fitted.model_.digest
    np.testing.assert_array_equal(again.predict_proba(frame), fitted.predict_proba(frame))
    assert fitted.model_.to_bytes() in pickle.dumps(fitted)


def test_a_clone_is_unfitted_and_shown(fitted, people):
    copied = clone(fitted)
    assert copied.get_params() == fitted.get_params() and "Classifier" in fitted._repr_html_()
    with pytest.raises(NotFittedError):
        copied.predict(people[0])


LABELS = [
    np.array([False, True]),
    np.array([3, 7]),
    np.array([2.0, 1.0]),
    np.array(["1.0", "2.0"]),
    np.array(["yes", "no"]),
    np.array([10, -1, 2]),
]


@pytest.mark.slow
@pytest.mark.parametrize("labels", LABELS, ids=str)
def test_labels_come_back_in_their_own_type(people, labels):
    frame, _ = people
    noisy = frame["age"].fillna(40).to_numpy() + np.random.default_rng(2).normal(0, 6, ROWS)
    place = np.digitize(noisy, [35, 60]) % len(labels)
    found = mw.Classifier(**QUICK).fit(frame, labels[place])
    answered = found.predict(frame)
    assert answered.dtype == labels.dtype and found.classes_.tolist() == sorted(labels.tolist())
    likeliest = found.classes_[found.predict_proba(frame).argmax(axis=1)]
    assert (answered == likeliest).mean() > 0.99 and found.score(frame, labels[place]) > 0.6


@pytest.mark.parametrize(("labels", "why"), [([" a", "a"], "alike"), (["", "b"], "reads as missing")])
def test_labels_that_no_file_tells_apart_are_refused(people, labels, why):
    frame, stage = people
    with pytest.raises(DataProblem, match=why):
        mw.Classifier(**QUICK).fit(frame, np.where(stage == "old", *labels))


def test_what_the_schema_does_not_take_is_refused_with_its_place(fitted, people):
    frame, _ = people
    with pytest.raises(RowsRefused, match="row 0, 'member': not a yes or no"):
        fitted.predict(frame.assign(member="perhaps"))
    with pytest.raises(RowsRefused, match="'age': infinite"):
        fitted.predict(frame.assign(age=np.inf))


@pytest.mark.parametrize(
    ("given", "error", "why"),
    [
        (lambda x: x.rename(columns={"age": "job"}), Misuse, "two columns are called 'job'"),
        (lambda x: pl.from_pandas(x.drop(columns="region")).lazy(), Misuse, "collect"),
        (lambda x: x[:1], ValueError, "minimum of 2"),
        (lambda x: x["age"], ValueError, "[Ee]xpected.*2"),
    ],
)
def test_rows_that_are_no_table_are_refused_in_words(people, given, error, why):
    frame, stage = people
    with pytest.raises(error, match=why):
        mw.Classifier(**QUICK).fit(given(frame), stage[: len(frame)])


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        (lambda y: y.where(y.index > 3, None), "contains (NaN|None)"),
        (lambda y: y[:50], "inconsistent numbers"),
        (lambda y: y.str.replace("young", "old"), "one class, 'old'"),
    ],
)
def test_labels_that_do_not_do_are_refused_in_scikit_learns_words(people, labels, why):
    with pytest.raises(ValueError, match=why):
        mw.Classifier(**QUICK).fit(people[0], labels(people[1]))


def test_parameters_are_judged_by_fit_and_name_the_near_miss(people):
    with pytest.raises(UnknownName, match="did you mean 'roc_auc'"):
        mw.Classifier(metric="rocauc", **QUICK).fit(*people)
    with pytest.raises(UnknownName, match="did you mean 'branch'"):
        mw.Classifier(group="branh", **QUICK).fit(*people)


@pytest.mark.slow
def test_a_leak_is_a_warning_unless_all_is_strict(people):
    frame, stage = people
    leaking = frame.assign(code=(stage == "old") + 0.0)
    with pytest.warns(UserWarning, match="MLW4.*'code'.*would refuse this table"):
        found = mw.Classifier(**QUICK).fit(leaking, stage)
    assert any(f.status == "waived" for f in found.model_.findings)
    with pytest.raises(ChecksRefused):
        mw.Classifier(strict=True, **QUICK).fit(leaking, stage)


def test_a_target_that_cannot_be_learned_is_no_warning_but_refused(people):
    with warnings.catch_warnings(), pytest.raises(ChecksRefused, match="MLW304"):
        warnings.simplefilter("error")
        mw.Regressor(**QUICK).fit(people[0], np.ones(ROWS))


@pytest.mark.slow
def test_roles_kinds_and_decisions_reach_the_fit(people):
    frame, stage = people
    settings = {"group": "branch", "kinds": {"member": "categorical"}, "costs": {"fn": 9, "fp": 1}}
    found = mw.Classifier(**settings, **QUICK).fit(frame, stage)
    assert found.model_.schema.column("branch").role == "group"
    assert found.model_.schema.column("member").kind == "categorical"
    positive = found.model_.target.positive
    usual = mw.Classifier(**QUICK).fit(frame, stage)
    assert (found.predict(frame) == positive).sum() > (usual.predict(frame) == positive).sum()


@pytest.mark.slow
def test_weights_count_and_rows_of_weight_zero_have_no_part(people):
    frame, _ = people
    wealth = 2 * frame["age"].fillna(40).to_numpy() + np.random.default_rng(1).normal(0, 5, ROWS)
    kept = np.arange(ROWS) % 4 > 0
    spoilt = np.where(kept, wealth, 1e6)
    weighted = mw.Regressor(**QUICK).fit(frame, spoilt, sample_weight=kept.astype(float))
    without = mw.Regressor(**QUICK).fit(frame[kept], wealth[kept])
    np.testing.assert_array_equal(weighted.predict(frame), without.predict(frame))
    heavy = mw.Regressor(**QUICK).fit(
        frame, np.where(kept, wealth, wealth + 100), sample_weight=1 + 99 * kept
    )
    even = mw.Regressor(**QUICK).fit(frame, np.where(kept, wealth, wealth + 100))
    assert heavy.predict(frame).mean() < even.predict(frame).mean() - 10


@pytest.mark.slow
def test_scikit_learns_tools_search_and_score_it(people):
    frame, stage = people
    scores = cross_val_score(
        mw.Classifier(**QUICK), frame, stage, cv=2, scoring="roc_auc", error_score="raise"
    )
    assert scores.min() > 0.7
    grid = GridSearchCV(
        mw.Classifier(**QUICK), {"metric": ["roc_auc", "log_loss"]}, cv=2, error_score="raise"
    )
    assert grid.fit(frame, stage).best_estimator_.score(frame, stage) > 0.7
    numbers = frame[["age", "branch"]].to_numpy()
    wealth = frame["age"].fillna(40) + np.random.default_rng(3).normal(0, 5, ROWS)
    piped = make_pipeline(StandardScaler(), mw.Regressor(**QUICK)).fit(numbers, wealth)
    assert piped.score(numbers, wealth) > 0.6


@pytest.mark.slow
def test_a_time_limit_rules_and_says_that_fits_do_not_repeat(people):
    found = mw.Classifier(time_limit="5s", threads=1).fit(*people)
    assert found.__sklearn_tags__().non_deterministic and len(found.model_.leaderboard) > 2
    assert not mw.Classifier(**QUICK).__sklearn_tags__().non_deterministic


def test_randomness_follows_from_what_is_given():
    seeds = [mw.Classifier(random_state=np.random.RandomState(3))._seed() for _ in range(2)]
    assert seeds[0] == seeds[1] and mw.Classifier(random_state=7)._seed() == 7
