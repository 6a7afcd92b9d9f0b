"""Packaging: nothing is written that does not answer as training did; what travels is synthetic and true."""

import json

import numpy as np
import polars as pl
import pytest

import mlwright as mw
from mlwright.base.canonical import canonical_json
from mlwright.base.errors import ParityFailed
from mlwright.base.profile import ColumnProfile, Profile
from mlwright.base.schema import Target
from mlwright.graph.build import GraphBuilder
from mlwright.packaging.merged import Merged
from mlwright.packaging.package import prediction_profiles, sized


def rows_of_every_kind(n: int = 400) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    size = rng.normal(50, 20, n)
    frame = {
        "size": [None if rng.random() < 0.05 else round(float(v), 2) for v in size],
        "when": [
            f"2024-{m:02d}-{d:02d}"
            for m, d in zip(rng.integers(1, 13, n), rng.integers(1, 28, n), strict=True)
        ],
        "city": [["Rome", "Oslo", "Lima", "Bonn"][i] for i in rng.integers(0, 4, n)],
        "vip": [["yes", "no"][i] for i in rng.integers(0, 2, n)],
        "secret": [f"only-once-{i}" if i < 4 else "common" + str(i % 3) for i in range(n)],
        "bought": [["y", "n"][int(v + rng.normal(0, 15) > 50)] for v in size],
    }
    return pl.DataFrame(frame)


@pytest.fixture(scope="module")
def model():
    return mw.fit(rows_of_every_kind(), target="bought", max_trials=4)


def test_the_graph_was_compared_with_the_training_path(model):
    parity = model.evaluation.parity
    assert parity.rows > 400 and parity.largest <= parity.tolerance == 1e-12


def test_a_graph_that_answers_otherwise_is_never_written(monkeypatch):
    honest = Merged.nodes

    def slightly_off(self, g: GraphBuilder, numbers: str, codes: str) -> str:
        return g.node("Add", honest(self, g, numbers, codes), g.constant(1e-9))

    monkeypatch.setattr(Merged, "nodes", slightly_off)
    with pytest.raises(ParityFailed, match=r"training path against graph|probabilities"):
        mw.fit(rows_of_every_kind(), target="bought", max_trials=3)


def test_values_seen_fewer_than_five_times_are_nowhere_in_the_file(model, tmp_path):
    model.save(tmp_path / "m.mlw")
    content = (tmp_path / "m.mlw").read_bytes()
    assert b"only-once" not in content and b"common1" in content


def test_samples_are_synthetic_rows_that_a_request_could_send(model):
    real = {tuple(r.values()) for r in rows_of_every_kind().drop("bought").to_dicts()}
    assert len(model.samples.rows) == 20
    for row in model.samples.rows:
        assert tuple(row.values()) not in real
        json.dumps(row)
        assert row["vip"] in (True, False, None)
    assert np.allclose(
        model.predict_proba(list(model.samples.rows)), np.array(model.samples.outputs.probability)
    )


def test_the_card_tells_what_a_product_owner_asks(model):
    card = model.card
    for said in (
        "# Model card: bought",
        "95 % interval",
        "plain baseline",
        "cross-fitted",
        "## Limits",
        "microseconds",
    ):
        assert said in card
    score = model.evaluation.score
    assert f"{score.value:.4g}" in card


def test_a_card_says_where_the_model_is_no_better_than_guessing(model):
    assert "no better than guessing" not in model.card and "Not clearly" not in model.card
    rng = np.random.default_rng(2)
    noise = pl.DataFrame({"x": rng.normal(size=60), "y": rng.permutation(np.arange(60) % 2)})
    limits = mw.fit(noise, target="y", max_trials=2).card.partition("## Limits")[2]
    assert "Not clearly better than guessing: roc\\_auc" in limits


def test_names_cannot_write_markdown_into_the_card():
    frame = rows_of_every_kind().rename({"bought": "<b>|*bold*", "city": "a|b<script>"})
    card = mw.fit(frame, target="<b>|*bold*", max_trials=2).card
    assert "<b>" not in card and "<script>" not in card and "&lt;b&gt;" in card


def test_cpu_time_is_measured_in_the_graph(model):
    assert 0 < model.timings.cpu_us_p50 <= model.timings.cpu_us_p99
    kept = [e for e in model.leaderboard if e.weight > 0]
    assert kept and all(e.cpu_us and e.cpu_us > 0 for e in kept)


def test_a_model_of_numbers_alone_and_one_of_texts_alone_are_files_too():
    frame = rows_of_every_kind()
    for columns in (["size"], ["city", "secret"]):
        made = mw.fit(frame.select(*columns, "bought"), target="bought", max_trials=3)
        assert len(made.predict(frame.drop_nulls().select(columns))) > 300


def test_many_classes_and_a_regression_make_files():
    frame = rows_of_every_kind()
    many = mw.fit(frame.drop("bought"), target="city", max_trials=4)
    assert many.predict_proba(frame.head(3)).shape == (3, 4)
    numbers = mw.fit(frame.drop_nulls("size"), target="size", max_trials=4)
    assert numbers.task == "regression" and numbers.predict(frame.head(3)).dtype == np.float64


def test_the_profile_of_thousands_of_columns_fits_in_a_file_those_in_use_first():
    quantiles = tuple(float(v) for v in np.random.default_rng(0).normal(size=101))
    columns = tuple(ColumnProfile(name=f"c{i}", rows=9, missing=0, quantiles=quantiles) for i in range(3000))
    profile = Profile(rows=9, columns=columns)
    unused = [f"c{i}" for i in range(0, 3000, 2)]
    held = sized(profile, unused)
    assert len(canonical_json(held)) < 3_100_000 < len(canonical_json(profile))
    assert [c.name for c in held.columns] == [c.name for c in columns]
    kept = {c.name for c in held.columns if c.quantiles}
    assert kept >= {f"c{i}" for i in range(1, 1000, 2)} and not kept & set(unused)
    assert sized(Profile(rows=9, columns=columns[:50]), unused).columns == columns[:50]


def test_a_profile_of_answers_too_far_apart_to_square_has_no_deviation():
    target = Target(name="y", task="regression")
    [profile] = prediction_profiles(target, np.array([[1e200], [-1e200], [3.0]]))
    assert profile.deviation is None
    assert canonical_json(profile)
