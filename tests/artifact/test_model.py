"""A model file is opened, verified and run; what differs from what was written is never answered."""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest

from mlwright.artifact import Model, assemble, load
from mlwright.artifact.container import pack, unpack
from mlwright.artifact.session import Session
from mlwright.base.canonical import canonical_json, sha256
from mlwright.base.errors import (
    EnvironmentProblem,
    Misuse,
    ModelDamaged,
    ModelFileProblem,
    ModelRefused,
    ModelTooNew,
    NotAModel,
    RowsRefused,
    SchemaBroken,
)
from mlwright.base.schema import Column, Schema, Target
from mlwright.graph.build import GraphBuilder
from mlwright.graph.scan import scan

MakeFile = Callable[..., bytes]
REGRESSION = {"name": "y", "task": "regression"}
ROW = {"age": 41, "member": True, "city": "Oslo"}


@pytest.fixture(scope="module")
def model(classifier_file: bytes) -> Model:
    return load(classifier_file)


@pytest.fixture(scope="module")
def regressor(regression_file: bytes) -> Model:
    return load(regression_file)


def by_hand(row: dict[str, Any]) -> np.ndarray[Any, Any]:
    """The probabilities of the classifier in tests/artifact/conftest.py, without its graph."""
    code = {"Oslo": 0.5, "Rome": -1.25}.get(row["city"], 0.0)
    margin = np.array([row["age"], row["member"], code]) @ np.linspace(-0.03, 0.04, 6).reshape(3, 2)
    return np.exp(margin) / np.exp(margin).sum()


def test_predictions_are_what_the_graph_says(model: Model) -> None:
    rows = [ROW, {"age": -200, "member": False, "city": "elsewhere"}]
    np.testing.assert_allclose(model.predict_proba(rows), [by_hand(r) for r in rows], rtol=1e-12)
    assert model.predict(rows).tolist() == ["yes", "no"]
    assert model.predict(ROW).tolist() == ["yes"]


def test_every_shape_of_rows_is_answered_alike(model: Model) -> None:
    rows = [ROW, {"age": None, "member": False, "city": ""}]
    columns = {key: [row[key] for row in rows] for key in ROW}
    for shape in (rows, columns, pd.DataFrame(columns), iter(rows)):
        np.testing.assert_array_equal(model.predict_proba(shape), model.predict_proba(rows))


def test_one_row_and_many_are_answered_alike(model: Model) -> None:
    rng = np.random.default_rng(0)
    cities = np.array(["Oslo", "Rome", "", "elsewhere"], dtype=object)[rng.integers(0, 4, 9001)]
    frame = {"age": rng.normal(40, 30, 9001), "member": rng.integers(0, 2, 9001), "city": cities}
    whole = model.predict_proba(frame)
    assert whole.shape == (9001, 2)
    for i in (0, 1, 4095, 4096, 8191, 8192, 9000):
        one = {"age": float(frame["age"][i]), "member": int(frame["member"][i]), "city": cities[i]}
        np.testing.assert_allclose(model.predict_proba(one)[0], whole[i], rtol=1e-12)


def test_no_rows_are_answered_with_none(model: Model, regressor: Model) -> None:
    assert model.predict_proba([]).shape == (0, 2) and model.predict([]).shape == (0,)
    assert regressor.predict([]).shape == (0,)


def test_a_regression_answers_numbers_and_no_probabilities(regressor: Model) -> None:
    assert regressor.predict([{"age": 3, "member": True}]).tolist() == [7.0]
    assert regressor.task == "regression"
    with pytest.raises(Misuse, match="no probabilities"):
        regressor.predict_proba([{"age": 3, "member": True}])


def test_rows_that_break_the_schema_are_refused_with_every_fault(model: Model) -> None:
    with pytest.raises(RowsRefused) as caught:
        model.predict([ROW, ROW | {"age": "old", "citty": "Oslo"}, {"age": 1, "member": 2, "city": "Rome"}])
    faults = [(p.row, p.column) for p in caught.value.problems]
    assert faults == [(1, "age"), (1, "citty"), (2, "member")]
    with pytest.raises(SchemaBroken, match="'city'"):
        model.predict(pd.DataFrame({"age": [1], "member": [True]}))


def test_none_never_reaches_the_graph_as_a_word(model: Model) -> None:
    missing, empty = model.predict_proba([ROW | {"city": None}, ROW | {"city": ""}])
    np.testing.assert_array_equal(missing, empty)


def test_tensors_of_another_shape_are_misuse(model: Model) -> None:
    with pytest.raises(Misuse, match="instead of"):
        model.run(np.zeros((2, 3)), np.zeros((2, 1), dtype=object))
    with pytest.raises(Misuse, match="instead of"):
        model.run(np.zeros((2, 2)), np.full((1, 1), "", dtype=object))


def test_a_whole_label_comes_back_as_a_number(make_file: MakeFile) -> None:
    g = GraphBuilder()
    numbers = g.input("numbers", "float64", 1)
    margin = g.node("MatMul", numbers, g.constant(np.array([[-1.0, 0.0, 1.0]])))
    label = g.node(
        "Gather", g.constant(np.array([3, 5, 9])), g.node("ArgMax", margin, axis=1, keepdims=0), axis=0
    )
    g.output("probability", g.node("Softmax", margin, axis=1), "float64", 3)
    g.output("label", label, "int64", None)
    g.output("margin", margin, "float64", 3)
    target = Target(name="y", task="multiclass", classes=("3", "5", "9"), label_type="integer")
    schema = Schema(columns=(Column(name="x", kind="numeric"),), target=target)
    exponents = np.exp([-2.0, 0.0, 2.0])
    probability = (exponents / exponents.sum()).tolist()
    kept = {"label": [9], "margin": [[-2.0, 0.0, 2.0]], "probability": [probability]}
    samples = {"rows": [{"x": 2}], "outputs": kept}
    opened = load(
        make_file(
            model_onnx=g.to_bytes(), schema_json=canonical_json(schema), samples_json=canonical_json(samples)
        )
    )
    labels = opened.predict([{"x": -1}, {"x": 1}])
    assert labels.tolist() == [3, 9] and labels.dtype == np.int64


def test_a_model_says_what_it_is(model: Model) -> None:
    assert repr(model).startswith(
        "<Model of 'bought': binary from 3 columns, log_loss 0.5 (0.4 to 0.6, n=40)"
    )
    shown = model._repr_html_()
    assert "<b>0.50</b>" in shown and "0.40 to 0.60" in shown and ">0.69<" in shown and "better" in shown
    assert model.manifest.kind == "tabular" and model.manifest.recipe == {"seed": 0}
    assert model.card == "# A small model\n" and model.path is None
    assert model.timings.machine == "a machine" and len(model.samples.rows) == 4


def test_names_are_escaped_where_html_shows_them(make_file: MakeFile) -> None:
    schema = load(make_file()).schema
    assert schema.target is not None
    hostile = {**to_builtins(schema), "target": {**to_builtins(schema.target), "name": "<script>"}}
    assert "<script>" not in load(make_file(schema_json=canonical_json(hostile)))._repr_html_()


def test_a_model_displays_what_it_is_made_of_and_how_many_others_were_tried(make_file: MakeFile) -> None:
    evaluation = to_builtins(load(make_file()).evaluation)
    kept = evaluation["leaderboard"][0] | {"name": "<i>linear"}
    others = [kept | {"name": f"other {i}", "weight": 0.0} for i in range(3)]
    shown = load(make_file(evaluation_json=canonical_json(evaluation | {"leaderboard": [kept, *others]})))
    page = shown._repr_html_()
    assert "&lt;i&gt;linear" in page and "<i>" not in page and "100%" in page
    assert "3 other candidates: <code>model.leaderboard</code>" in page and "other 1" not in page
    assert "other 1" in shown.leaderboard._repr_html_() and "other 1" in repr(shown.leaderboard)
    bare = load(make_file(evaluation_json=canonical_json(evaluation | {"leaderboard": []})))
    assert "candidate" not in bare._repr_html_()


def to_builtins(value: object) -> dict[str, Any]:
    """A value as the JSON that it is written as."""
    built = msgspec.json.decode(msgspec.json.encode(value))
    assert isinstance(built, dict)
    return built


def test_costs_come_back_to_the_leaderboard(model: Model) -> None:
    entry = model.leaderboard[0]
    assert (entry.name, entry.fit_seconds, entry.cpu_us, entry.weight) == ("linear", 0.5, 12.5, 1.0)


def test_the_content_digest_leaves_out_what_varies(classifier_file: bytes, make_file: MakeFile) -> None:
    first = load(classifier_file)
    again = load(make_file(card_md=b"# Written on another day\n"))
    assert again.digest == first.digest and again.file_digest != first.file_digest
    other = load(make_file(profile_json=b'{"columns":[],"rows":41}'))
    assert other.digest != first.digest
    assert first.file_digest == sha256(classifier_file)


def test_a_saved_model_opens_as_the_same(model: Model, tmp_path: Path) -> None:
    path = model.save(tmp_path / "m.mlw")
    assert load(path).file_digest == model.file_digest and load(str(path)).path == path
    model.save(path)
    assert [p.name for p in tmp_path.iterdir()] == ["m.mlw"]


def test_a_failed_save_leaves_the_old_file_and_nothing_else(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.mlw"
    path.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EnvironmentProblem, match="No space left"):
        model.save(path)
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_is_not_there_is_the_machines_problem(model: Model, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="cannot be written"):
        model.save(tmp_path / "absent" / "m.mlw")


def test_the_exported_graph_answers_as_the_model_does(model: Model, tmp_path: Path) -> None:
    decoded = model.decode([ROW])
    feed: dict[str, Any] = {"numbers": decoded.numbers, "strings": decoded.strings}
    onnx.checker.check_model(onnx.load_from_string(model.to_onnx()), full_check=True)
    session = onnxruntime.InferenceSession(model.to_onnx(tmp_path / "m.onnx"))
    np.testing.assert_array_equal(session.run(["probability"], feed)[0], model.predict_proba(ROW))
    assert (tmp_path / "m.onnx").read_bytes() == model.to_onnx()


def test_named_inputs_stand_for_columns(model: Model, regressor: Model) -> None:
    graph = model.to_onnx(named_inputs=True)
    onnx.checker.check_model(onnx.load_from_string(graph), full_check=True)
    feed = {
        "age": np.array([[41.0]]),
        "member": np.array([[1.0]]),
        "city": np.array([["Oslo"]], dtype=object),
    }
    answers = onnxruntime.InferenceSession(graph).run(["label", "probability"], feed)
    assert answers[0].tolist() == ["yes"]
    np.testing.assert_array_equal(answers[1], model.predict_proba(ROW))
    assert [p.name for p in scan(regressor.to_onnx(named_inputs=True)).inputs] == ["age", "member"]


def test_warming_answers_nothing_and_changes_nothing(model: Model) -> None:
    before = model.predict_proba(ROW)
    model.warm()
    np.testing.assert_array_equal(model.predict_proba(ROW), before)


def test_opening_imports_no_learning_library() -> None:
    code = (
        "import sys, mlwright.artifact\n"
        "assert 'onnxruntime' not in sys.modules\n"
        "assert not {'pandas', 'polars', 'scipy', 'onnx', 'lightgbm'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


# What must not be opened.


def test_a_link_is_not_followed(classifier_file: bytes, tmp_path: Path) -> None:
    (tmp_path / "real.mlw").write_bytes(classifier_file)
    (tmp_path / "link.mlw").symlink_to(tmp_path / "real.mlw")
    with pytest.raises(ModelRefused, match="this is a link"):
        load(tmp_path / "link.mlw")


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mlw")
    for place in (tmp_path, tmp_path / "pipe.mlw", Path("/dev/null")):
        with pytest.raises(NotAModel, match="not a regular file"):
            load(place)


def test_a_vast_file_is_refused_without_being_read(tmp_path: Path) -> None:
    with (tmp_path / "m.mlw").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(ModelRefused, match="a model file may have"):
        load(tmp_path / "m.mlw")


def test_an_absent_file_is_named_with_the_near_miss(tmp_path: Path) -> None:
    (tmp_path / "loans.mlw").write_bytes(b"")
    with pytest.raises(NotAModel, match=r"did you mean 'loans\.mlw'"):
        load(tmp_path / "loan.mlw")
    with pytest.raises(NotAModel, match="no such file"):
        load(tmp_path / "absent" / "loan.mlw")


def test_a_problem_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "m.mlw").write_bytes(b"\x89PNG")
    with pytest.raises(NotAModel, match=r"m\.mlw: this is a PNG image"):
        load(tmp_path / "m.mlw")


def test_a_digest_that_differs_is_damage(classifier_file: bytes) -> None:
    members = unpack(classifier_file)
    for name in sorted(set(members) - {"manifest.json"}):
        other = members | {name: canonical_json({"a": 1}) if name.endswith("json") else members[name] + b"\n"}
        with pytest.raises(ModelDamaged, match="differ from their digest"):
            load(pack(other))


def with_manifest(file: bytes, **changed: Any) -> bytes:
    members = unpack(file)
    manifest = msgspec.json.decode(members["manifest.json"]) | changed
    return pack(members | {"manifest.json": canonical_json(manifest)})


def test_a_manifest_off_its_form_is_refused(classifier_file: bytes) -> None:
    for changed in (
        {"format": 0}, {"format": "1"}, {"kind": "os.system"}, {"kind": "../tabular"}, {"kind": 1},
        {"members": {}}, {"members": {"model.onnx": "0" * 64}}, {"members": {"model.onnx": "x"}},
        {"versions": 1}, {"recipe": []}, {"more": 1},
    ):  # fmt: skip
        with pytest.raises(ModelRefused):
            load(with_manifest(classifier_file, **changed))
    with pytest.raises(ModelTooNew):
        load(with_manifest(classifier_file, format=2, kind={"later": True}))


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("schema_json", []),
        ("schema_json", {"columns": []}),
        ("schema_json", {"columns": [], "target": REGRESSION}),
        ("schema_json", {"columns": [{"name": "x", "kind": "picture"}], "target": REGRESSION}),
        ("profile_json", {}),
        ("evaluation_json", {"task": "binary"}),
        ("findings_json", {"items": [{"code": 1}]}),
        ("samples_json", {"rows": [], "outputs": {}, "more": 1}),
        ("samples_json", {"rows": [{"age": "x"}], "outputs": {}}),
    ],
    ids=str,
)
def test_members_that_do_not_hold_what_they_should_are_refused(
    make_file: MakeFile, member: str, value: Any
) -> None:
    with pytest.raises((ModelRefused, ModelDamaged)):
        load(make_file(**{member: canonical_json(value)}))


def test_names_in_a_schema_must_be_fit_to_show(make_file: MakeFile, model: Model) -> None:
    for name in ("a\x1b[31m", "", "x" * 257, "cafe\u0301", "a\u202eb", "age"):
        plain = to_builtins(model.schema)
        plain["columns"][0]["name"] = name
        plain["columns"][1]["name"] = "age"
        with pytest.raises(ModelRefused, match="a name twice"):
            load(make_file(schema_json=canonical_json(plain)))


def test_a_graph_must_be_as_wide_as_its_schema(make_file: MakeFile, model: Model) -> None:
    plain = to_builtins(model.schema)
    plain["columns"].insert(0, {"name": "more", "kind": "numeric"})
    with pytest.raises(ModelRefused, match=r"numbers float64\[N, 3\]"):
        load(make_file(schema_json=canonical_json(plain)))
    plain = to_builtins(model.schema)
    plain["target"] |= {"classes": ["a", "b", "c"], "task": "multiclass"}
    with pytest.raises(ModelRefused, match=r"margin float64\[N, 3\]"):
        load(make_file(schema_json=canonical_json(plain)))
    plain = to_builtins(model.schema)
    plain["target"]["label_type"] = "integer"
    with pytest.raises(ModelRefused, match=r"label int64\[N\]"):
        load(make_file(schema_json=canonical_json(plain)))


def test_a_graph_that_onnxruntime_cannot_run_is_refused(make_file: MakeFile) -> None:
    g = GraphBuilder()
    numbers, strings = g.input("numbers", "float64", 2), g.input("strings", "string", 1)
    wrong = g.node("Add", numbers, strings)
    for name, dtype, width in (
        ("probability", "float64", 2),
        ("margin", "float64", 2),
        ("label", "string", None),
    ):
        g.output(name, wrong, dtype, width)
    with pytest.raises(ModelRefused, match="onnxruntime cannot run it"):
        load(make_file(model_onnx=g.to_bytes()))


def samples_of(model: Model) -> dict[str, Any]:
    return to_builtins(model.samples)


def test_samples_answered_otherwise_are_damage(make_file: MakeFile, model: Model) -> None:
    near, far = samples_of(model), samples_of(model)
    near["outputs"]["margin"][0][0] += 1e-9
    load(make_file(samples_json=canonical_json(near)))
    far["outputs"]["margin"][2][1] += 1e-4
    with pytest.raises(ModelDamaged, match="1 of its 4 samples otherwise"):
        load(make_file(samples_json=canonical_json(far)))
    label = samples_of(model)
    label["outputs"]["label"][1] = "no"
    with pytest.raises(ModelDamaged, match="otherwise"):
        load(make_file(samples_json=canonical_json(label)))


def test_a_label_may_differ_where_two_classes_tie(make_file: MakeFile, model: Model) -> None:
    tied = samples_of(model)
    tied["rows"] = [{"age": 0, "member": False, "city": ""}]
    tied["outputs"] = {"probability": [[0.5, 0.5]], "margin": [[0, 0]], "label": ["yes"]}
    assert model.predict(tied["rows"]).tolist() == ["no"]
    load(make_file(samples_json=canonical_json(tied)))


def test_samples_must_be_of_the_models_task_and_shape(make_file: MakeFile, model: Model) -> None:
    for change in (
        {"prediction": [1.0]}, {"label": None}, {"margin": [[1.0, 2.0]]}, {"probability": [[1.0]] * 4},
        {"label": ["yes"]}, {"margin": [[1.0, 2.0, 3.0]] * 4},
    ):  # fmt: skip
        samples = samples_of(model)
        samples["outputs"] |= change
        with pytest.raises(ModelDamaged):
            load(make_file(samples_json=canonical_json(samples)))


def test_a_graph_that_takes_too_long_is_stopped() -> None:
    g = GraphBuilder()
    wide = g.node("Expand", g.input("numbers", "float64", 1), g.constant(np.array([1, 100_000])))
    for _ in range(300):
        wide = g.node("Tanh", wide)
    g.output("prediction", g.node("ReduceMax", wide, g.constant(np.array([1])), keepdims=0), "float64", None)
    session = Session(g.to_bytes(), scan(g.to_bytes()))
    rows, texts = np.zeros((100, 1)), np.empty((100, 0), dtype=object)
    with pytest.raises(ModelRefused, match="takes too long"):
        session.run(rows, texts, within_s=0.01)
    assert session.run(rows[:1], texts[:1], within_s=60.0).prediction is not None


def test_a_file_of_the_first_format_opens_for_ever() -> None:
    opened = load(Path(__file__).parents[1] / "fixtures" / "format-1.mlw")
    assert opened.manifest.format == 1 and opened.target.classes == ("no", "yes")
    np.testing.assert_allclose(opened.predict_proba(ROW), [by_hand(ROW)], rtol=1e-12)
    assert opened.digest == "ef1a9c708b7debd82924f8dbbc323324d9a866fa69eda6168e1bde04c39af90e"


def test_thousands_of_samples_are_not_run(make_file: MakeFile, model: Model) -> None:
    samples = samples_of(model)
    samples["rows"] = samples["rows"] * 300
    with pytest.raises(ModelDamaged, match="1200 samples"):
        load(make_file(samples_json=canonical_json(samples)))
    none = {"rows": [], "outputs": {"label": [], "margin": [], "probability": []}}
    with pytest.raises(ModelDamaged, match="0 samples"):
        load(make_file(samples_json=canonical_json(none)))


def test_thousands_of_flipped_bytes_are_refused(classifier_file: bytes) -> None:
    rng = random.Random(1)
    for _ in range(4000):
        data = bytearray(classifier_file)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        with pytest.raises(ModelFileProblem):
            load(bytes(data))


def test_graphs_with_flipped_bytes_never_crash_even_with_digests_made_anew(
    classifier_file: bytes, make_file: MakeFile
) -> None:
    rng = random.Random(2)
    graph = unpack(classifier_file)["model.onnx"]
    opened = refused = 0
    for _ in range(400):
        data = bytearray(graph)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        try:
            load(make_file(model_onnx=bytes(data)))
            opened += 1
        except ModelFileProblem:
            refused += 1
    assert opened + refused == 400 and refused > 300


def test_assemble_refuses_what_cannot_be(classifier_file: bytes) -> None:
    members = {k: v for k, v in unpack(classifier_file).items() if k not in ("manifest.json", "timings.json")}
    timings = {"created_at": "2026", "machine": "m", "fit_seconds": 1}
    given: dict[str, Any] = {
        "kind": "tabular",
        "versions": {},
        "recipe": {},
        "timings": timings,
        "members": members,
    }
    assert load(assemble(**given)).timings.entries == {}
    for change in (
        {"kind": "os.system"}, {"versions": {"numpy": 2}}, {"timings": {}},
        {"members": members | {"x.py": b""}}, {"members": members | {"manifest.json": b"{}"}},
        {"members": {}}, {"recipe": {"rate": float("nan")}},
    ):  # fmt: skip
        with pytest.raises(Misuse):
            assemble(**(given | change))


def test_one_long_text_does_not_widen_the_rows_beside_it() -> None:
    from mlwright.artifact.session import CHUNK_CHARACTERS, Session
    from mlwright.features.text import count_nodes
    from mlwright.graph.build import GraphBuilder
    from mlwright.graph.scan import scan

    g = GraphBuilder()
    strings = g.input("strings", "string", 1)
    column = g.node("Gather", strings, g.constant(np.array(0, dtype=np.int64)), axis=1)
    counts = count_nodes(g, column, ["long", "short"])
    g.output("probability", counts, "float64", 2)
    session = Session(g.to_bytes(), scan(g.to_bytes()))
    texts = np.array([["short"]] * 30 + [["long " * 200_000]] + [["short"]] * 30, dtype=object)
    ranges = list(session._chunks(texts))
    assert ranges[0][0] == 0 and ranges[-1][1] == 61 and len(ranges) > 1
    assert all(a[1] == b[0] for a, b in itertools.pairwise(ranges))
    widest = [max(len(t) for t in texts[a:b, 0]) * (b - a) for a, b in ranges]
    assert max(widest) <= CHUNK_CHARACTERS
    answer = session.run(np.zeros((61, 0)), texts).probability
    assert answer is not None
    assert answer[30].tolist() == [200_000, 0] and answer[31].tolist() == [0, 1]


def test_a_model_is_opened_from_a_path_or_bytes_alone() -> None:
    with pytest.raises(Misuse, match="from a path or bytes, not from int"):
        load(123)  # type: ignore[arg-type]


def test_a_model_saved_to_no_folder_says_how_to_make_it(model: Model, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="mkdir -p"):
        model.save(tmp_path / "absent" / "x.mlw")


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"least": 9, "most": 1}, "column 'age' of the schema cannot have this least: 9 is over most, 1"),
        ({"pattern": "a"}, "a numeric column holds no texts"),
        ({"kind": "text", "pattern": "(a+)+\\1"}, r"\1 is not understood here"),
        ({"kind": "text", "pattern": "((((((){99}){99}){99}){99}){99}){99}"}, "nested too often"),
        ({"kind": "text", "allowed": ["a", "a"]}, "'a' stands in it twice"),
    ],
)
def test_rules_that_cannot_be_make_a_file_one_that_is_refused(
    make_file: MakeFile, rules: dict[str, Any], said: str
) -> None:
    columns = (Column(name="age", **({"kind": "numeric"} | rules)), Column(name="city", kind="categorical"))
    target = Target(name="y", task="binary", classes=("no", "yes"))
    with pytest.raises(ModelRefused) as refused:
        load(make_file(schema_json=canonical_json(Schema(columns=columns, target=target))))
    assert said in str(refused.value)
