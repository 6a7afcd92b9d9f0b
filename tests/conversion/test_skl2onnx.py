"""Files that skl2onnx and PyTorch write are taken as they come, and answer as they do under onnxruntime."""

from __future__ import annotations

import numpy as np
import pytest

import mlwright as mw
from mlwright.graph.running import session

skl2onnx = pytest.importorskip("skl2onnx", reason="skl2onnx is not installed")
pytest.importorskip("sklearn")
from skl2onnx.common.data_types import FloatTensorType, StringTensorType  # noqa: E402
from sklearn import compose, ensemble, impute, linear_model, pipeline, preprocessing  # noqa: E402

NUMBERS, TEXTS = ["campaign", "pdays", "euribor3m"], ["job", "marital"]
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
MATRIX = [("X", FloatTensorType([None, 3]))]


def files(model, types, **options):
    """What skl2onnx makes of a model, with and without a ZipMap, in two operator sets."""
    for zipped, opset in ((True, 15), (False, 21)):
        told = {id(model): {"zipmap": zipped}} if hasattr(model, "classes_") else None
        yield skl2onnx.convert_sklearn(
            model, initial_types=types, options=told, target_opset={"": opset, "ai.onnx.ml": 3}
        )


CLASSIFIERS = [
    pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression()),
    pipeline.make_pipeline(impute.SimpleImputer(), linear_model.SGDClassifier(loss="log_loss")),
    pipeline.make_pipeline(preprocessing.Normalizer(), ensemble.GradientBoostingClassifier(n_estimators=8)),
    ensemble.RandomForestClassifier(8, random_state=0),
]  # fmt: skip


@pytest.mark.parametrize("model", CLASSIFIERS, ids=lambda m: type(m).__name__)
@pytest.mark.parametrize("classes", [2, 3])
def test_classifiers(model, classes, bank):
    rows = bank[NUMBERS].astype("float32")
    y = bank["y"].to_numpy() if classes == 2 else np.digitize(bank["euribor3m"], [1.4, 4.9])
    model.fit(rows[:300].to_numpy(), y[:300])
    for proto in files(model, MATRIX):
        found = mw.convert(proto, example=rows[:80], target="answer")
        asked = session(proto.SerializeToString())
        label, p = asked.run(None, {"X": rows.to_numpy()})
        p = np.array([list(r.values()) for r in p]) if isinstance(p, list) else p
        np.testing.assert_allclose(found.predict_proba(rows), p, atol=1e-5)
        assert (found.predict(rows) == label).mean() > 0.99 and found.target.classes == tuple(
            map(str, model.classes_)
        )


REGRESSORS = [
    pipeline.make_pipeline(
        preprocessing.StandardScaler(), preprocessing.PolynomialFeatures(2), linear_model.Ridge()
    ),
    ensemble.RandomForestRegressor(8, random_state=0),
    ensemble.GradientBoostingRegressor(n_estimators=8),
]


@pytest.mark.parametrize("model", REGRESSORS, ids=lambda m: type(m).__name__)
def test_regressors(model, bank):
    rows = bank[NUMBERS].astype("float32")
    model.fit(rows[:300].to_numpy(), bank["euribor3m"][:300] + bank["campaign"][:300] / 9)
    for proto in files(model, MATRIX):
        found = mw.convert(proto, example=rows[:80], target="answer", answers="numbers")
        [[*want]] = session(proto.SerializeToString()).run(None, {"X": rows.to_numpy()})
        np.testing.assert_allclose(found.predict(rows), np.ravel(want), rtol=1e-4, atol=1e-5)


def test_a_pipeline_of_columns_with_texts(bank):
    bank = bank.dropna()
    front = compose.make_column_transformer(
        (preprocessing.StandardScaler(), NUMBERS),
        (preprocessing.OneHotEncoder(handle_unknown="ignore"), TEXTS),
    )
    model = pipeline.make_pipeline(front, linear_model.LogisticRegression(max_iter=300))
    rows = bank[NUMBERS + TEXTS].astype(dict.fromkeys(NUMBERS, "float32"))
    model.fit(rows, bank["y"])
    types = [(n, FloatTensorType([None, 1]) if n in NUMBERS else StringTensorType([None, 1])) for n in rows]
    for proto in files(model, types):
        found = mw.convert(proto, example=rows[:80], target="y", data=bank)
        np.testing.assert_allclose(found.predict_proba(rows), model.predict_proba(rows), atol=1e-5)
        unseen = rows.assign(job="astronaut")
        np.testing.assert_allclose(found.predict_proba(unseen), model.predict_proba(unseen), atol=1e-5)
        assert found.evaluation.score.metric == "roc_auc"
