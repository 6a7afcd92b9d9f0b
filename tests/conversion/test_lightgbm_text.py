"""A booster's text that was cut off or damaged raises, where LightGBM itself would end the process."""

from __future__ import annotations

import numpy as np
import pytest

from mlwright.base.errors import NotAModel
from mlwright.conversion.lightgbm_text import refuse_damage

lightgbm = pytest.importorskip("lightgbm")
pd = pytest.importorskip("pandas")
RNG = np.random.default_rng(0)
ROWS = pd.DataFrame(
    {"a b": RNG.random(300), "c": pd.Categorical(RNG.choice(list("xyzé"), 300)), "d": RNG.random(300)}
)


@pytest.fixture(scope="module", params=["multiclass", "dart", "small"])
def text(request):
    more = {"multiclass": {"objective": "multiclass", "num_class": 3}, "dart": {"boosting": "dart"}}
    settings = {"verbose": -1, **more.get(request.param, {"objective": "binary", "num_leaves": 2})}
    target = RNG.integers(0, settings.get("num_class", 2), 300)
    return lightgbm.train(settings, lightgbm.Dataset(ROWS, target), 4).model_to_string()


def test_a_whole_text_passes_and_one_that_ends_early_does_not(text):
    refuse_damage(text)
    end = text.index("end of trees\n")
    settings = range(text.index("parameters:\n") + 13, text.index("end of parameters\n"), 97)
    for cut in (*range(0, end, 61), *settings):
        with pytest.raises(NotAModel, match="damaged"):
            refuse_damage(text[:cut])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("left_child", "0"),
        ("left_child", "900"),
        ("right_child", "-900"),
        ("split_feature", "3"),
        ("threshold", "1 2 3 4 5 6 7"),
        ("leaf_value", "x"),
        ("num_leaves", "77"),
    ],
)
def test_a_tree_that_leads_nowhere_does_not_pass(text, field, value):
    start = text.index(f"\n{field}=") + len(field) + 2
    end = text.index("\n", start)
    first, _, others = text[start:end].partition(" ")
    changed = text[:start] + value + (" " + others if others else "") + text[end:]
    assert first != value
    with pytest.raises(NotAModel, match="damaged"):
        refuse_damage(changed)
