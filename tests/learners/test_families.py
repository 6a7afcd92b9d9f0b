"""Families are found by entry point, a stranger's too, and one without its library is left out and named."""

import importlib

import numpy as np
import pytest

from mlwright.learners import Abilities, Config, Job, Part, families, missing_families

SOURCE = """
from mlwright.learners import Abilities
from mlwright.learners.baseline import Baseline


class Mine(Baseline):
    family = "mine"


class Lacking(Baseline):
    family = "lacking"
    abilities = Abilities(library="no_such_library", extra="xgboost")
"""
POINTS = "[mlwright.learners]\nmine = a_strangers_package:Mine\nlacking = a_strangers_package:Lacking\n"


@pytest.fixture
def stranger(tmp_path, monkeypatch):
    (tmp_path / "a_strangers_package.py").write_text(SOURCE)
    said = tmp_path / "a_strangers_package-1.0.dist-info"
    said.mkdir()
    (said / "METADATA").write_text("Metadata-Version: 2.1\nName: a-strangers-package\nVersion: 1.0\n")
    (said / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()


def test_a_strangers_family_is_found_by_its_entry_point_and_fits(stranger):
    x, y = np.zeros((4, 1)), np.array([0.0, 1.0, 1.0, 1.0])
    fitted = families()["mine"].fit(Job(Config("m", "mine", "tree"), 2, Part(x, y)))
    assert np.allclose(fitted.margin(x), np.log(3))


def test_a_family_without_its_library_is_left_out_and_says_what_brings_it(stranger):
    assert "lacking" not in families()
    assert str(missing_families()["lacking"]) == (
        "the learner family 'lacking' needs no_such_library, which is not installed. "
        "What to do: pip install 'mlwright[xgboost]'."
    )


def test_abilities_say_in_words_why_a_family_cannot_take_a_problem():
    able = Abilities(most_classes=12)
    asked = {"monotone": False, "absolute": False, "weights": False}
    assert able.refusal(0, **asked) == ""
    assert "constraints" in able.refusal(2, **asked | {"monotone": True})
    assert "absolute" in able.refusal(0, **asked | {"absolute": True})
    assert able.refusal(2, **asked | {"absolute": True}) == "", "classes have no absolute differences"
    assert "12 classes" in able.refusal(13, **asked)
    assert "weigh" in Abilities(weights=False).refusal(2, **asked | {"weights": True})


@pytest.mark.parametrize("classes", [2, 4])
def test_lightgbm_predicts_by_its_graph_as_by_itself(monkeypatch, classes):
    from mlwright.learners import lightgbm

    rng = np.random.default_rng(0)
    x = np.column_stack([rng.normal(size=(600, 3)), rng.integers(0, 9, 600)])
    x[rng.random(x.shape) < 0.1] = np.nan
    y = (np.nan_to_num(x[:, 0]) > 0) + (np.nan_to_num(x[:, 3]) % 3 == 1) * (classes - 2.0)
    config = Config("l", "lightgbm", "tree", {"num_leaves": 7})
    job = Job(config, classes, Part(x, y), members=(3,), rounds=12)
    fitted = families()["lightgbm"].fit(job)
    plain = {rounds: fitted.margin(x, rounds) for rounds in (None, 5)}
    asked = []
    inner = lightgbm.FittedLightGBM._by_graph
    monkeypatch.setattr(lightgbm, "MANY_LEAVES", 1)
    monkeypatch.setattr(lightgbm, "LEAF_IN_ROW_TREES", 0)
    monkeypatch.setattr(lightgbm, "CHUNK", 250)
    monkeypatch.setattr(
        lightgbm.FittedLightGBM, "_by_graph", lambda self, *a: asked.append(a[1]) or inner(self, *a)
    )
    for rounds, expected in plain.items():
        assert np.allclose(fitted.margin(x, rounds), expected, rtol=1e-12, atol=1e-12)
    assert asked == [12, 5]
