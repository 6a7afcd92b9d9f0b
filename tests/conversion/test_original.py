"""The original is asked as its owner would ask it; of rows that nobody gave, nobody hears."""

from __future__ import annotations

import numpy as np
import pytest

import mlwright as mw

pd = pytest.importorskip("pandas")
pytest.importorskip("sklearn")


def test_a_model_that_warns_of_texts_never_seen_takes_them_and_no_warning_is_passed_on():
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    rows = pd.DataFrame({"colour": ["red", "green", "blue", "red"] * 10})
    encoder = OneHotEncoder(drop="first", handle_unknown="ignore")  # which warns of each text never seen
    model = make_pipeline(encoder, LogisticRegression()).fit(rows, np.arange(40) % 3 == 0)
    found = mw.convert(model, example=rows, target="sold")  # here warnings are errors
    assert [c.allowed for c in found.schema.features] == [()]
    with pytest.warns(UserWarning, match="unknown categories"):
        expected = model.predict_proba(pd.DataFrame({"colour": ["pink"]}))
    np.testing.assert_allclose(np.ravel(found.predict_proba({"colour": "pink"})), expected[0], atol=1e-12)
