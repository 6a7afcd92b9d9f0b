"""ONNX files of other tools become models: their inputs, outputs, labels and constants, or a refusal."""

from __future__ import annotations

import numpy as np
import pytest

import mlwright as mw
from mlwright.base.errors import (
    ConversionRefused,
    Misuse,
    NotAModel,
    ParityFailed,
    SourceUnreadable,
    UnknownName,
)
from mlwright.graph.running import session

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, external_data_helper, helper, numpy_helper  # noqa: E402

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(60, 4)).astype(np.float32)
TABLE = {f"x{i}": ROWS[:, i].tolist() for i in range(4)}
WEIGHTS = RNG.normal(size=(4, 3)).astype(np.float32)
FLOAT, INT, TEXT = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING


def node(op, inputs, outputs, domain="", **attributes):
    return helper.make_node(op, inputs.split(), outputs.split(), domain=domain, **attributes)


def model(nodes, inputs, outputs, constants=()):
    made = helper.make_graph(
        nodes,
        "theirs",
        [helper.make_tensor_value_info(n, k, s) for n, k, s in inputs],
        [helper.make_tensor_value_info(n, k, None) if k else onnx.ValueInfoProto(name=n) for n, k in outputs],
        [numpy_helper.from_array(np.asarray(a), n) for n, a in dict(constants).items()],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(made, opset_imports=opsets, ir_version=9)


INPUT = [("x", FLOAT, ["batch", 4])]
NET = [node("MatMul", "x w", "scores"), node("Softmax", "scores", "p", axis=1)]


def ended(nodes, outputs=(("p", FLOAT),), inputs=INPUT, **constants):
    return model(nodes, inputs, outputs, {"w": WEIGHTS} | constants)


def test_a_softmax_answers_probabilities_of_numbered_or_named_classes():
    made = ended(NET)
    [want] = session(made.SerializeToString()).run(None, {"x": ROWS})
    for classes, labels in ((None, (0, 1, 2)), (["red", "green", "blue"], ("red", "green", "blue"))):
        found = mw.convert(made, example=ROWS, target="colour", classes=classes)
        np.testing.assert_allclose(found.predict_proba(TABLE), want, atol=1e-6)
        assert found.predict(TABLE).tolist() == [labels[i] for i in want.argmax(axis=1)]
    assert "onnx.ModelProto (onnx" in found.card and not found.schema.column("x0").nullable


def test_what_the_answers_are_is_asked_where_nothing_says_it():
    one = ended([node("MatMul", "x v", "p")], v=WEIGHTS[:, :1])
    three = ended(NET[:1], (("scores", FLOAT),))
    with pytest.raises(Misuse, match=r"one number a row.*answers=.numbers"):
        mw.convert(one, example=ROWS, target="y")
    with pytest.raises(Misuse, match=r"3 numbers a row"):
        mw.convert(three, example=ROWS, target="y")
    with pytest.raises(ConversionRefused, match="3 numbers at once"):
        mw.convert(three, example=ROWS, target="y", answers="numbers")
    with pytest.raises(UnknownName, match="did you mean 'numbers'"):
        mw.convert(one, example=ROWS, target="y", answers="number")
    with pytest.raises(Misuse, match="2 different labels"):
        mw.convert(three, example=ROWS, target="y", classes=["a", "b"])
    with pytest.raises(Misuse, match="classes= was given beside"):
        mw.convert(one, example=ROWS, target="y", answers="numbers", classes=["a", "b"])


def test_one_number_is_predicted_or_tells_of_two_classes():
    made = ended([node("MatMul", "x v", "p")], v=WEIGHTS[:, :1])
    raw = (ROWS @ WEIGHTS[:, :1]).ravel().astype(float)
    number = mw.convert(made, example=ROWS, target="y", answers="numbers")
    np.testing.assert_allclose(number.predict(TABLE), raw, rtol=1e-5, atol=1e-6)
    logit = mw.convert(made, example=ROWS, target="y", classes=[False, True])
    np.testing.assert_allclose(logit.predict_proba(TABLE)[:, 1], 1 / (1 + np.exp(-raw)), atol=1e-6)
    assert logit.predict(TABLE).dtype == bool
    share = ended([node("MatMul", "x v", "s"), node("Sigmoid", "s", "p")], v=WEIGHTS[:, :1])
    sure = mw.convert(share, example=ROWS, target="y")
    np.testing.assert_allclose(sure.predict_proba(TABLE), logit.predict_proba(TABLE), atol=1e-6)
    with pytest.raises(ConversionRefused, match="nothing to do with each other"):
        mw.convert(ended([NET[0], node("Sigmoid", "scores", "p")]), example=ROWS, target="y")


def labelled(zipped, name="classlabels_strings", labels=("a", "b", "c"), best="ArgMax"):
    """A label beside the probabilities, as converters of scikit-learn end."""
    kind = TEXT if isinstance(labels[0], str) else INT
    nodes = [*NET, node(best, "p", "best", axis=1, keepdims=0)]
    nodes += [
        node("ArrayFeatureExtractor", "names best", "l", "ai.onnx.ml"),
        node("Reshape", "l flat", "label"),
    ]
    if zipped:
        nodes.append(node("ZipMap", "p", "maps", "ai.onnx.ml", **{name: list(labels)}))
    outputs = [("label", kind), ("maps", 0) if zipped else ("p", FLOAT)]
    dtype = object if kind == TEXT else np.int64
    return ended(nodes, outputs, names=np.array(labels, dtype=dtype), flat=np.array([-1]))


@pytest.mark.parametrize("labels", [("a", "b", "c"), (3, 5, 9)], ids=str)
@pytest.mark.parametrize("zipped", [False, True])
def test_labels_beside_probabilities_name_the_classes(labels, zipped):
    name = "classlabels_strings" if isinstance(labels[0], str) else "classlabels_int64s"
    made = labelled(zipped, name, labels)
    found = mw.convert(made, example=ROWS, target="kind")
    label = session(made.SerializeToString()).run(["label"], {"x": ROWS})[0]
    assert found.predict(TABLE).tolist() == label.tolist()
    assert found.target.classes == tuple(map(str, labels))


def test_a_label_that_is_not_the_likeliest_class_stays_what_it_is():
    nodes = [*NET, node("Mul", "p costs", "weighed"), node("ArgMax", "weighed", "best", axis=1, keepdims=0)]
    nodes += [node("Gather", "names best", "found"), node("Identity", "found", "label")]
    made = ended(
        nodes,
        [("label", INT), ("p", FLOAT)],
        costs=np.array([[5.0, 1, 1]], np.float32),
        names=np.array([0, 1, 2]),
    )
    found = mw.convert(made, example=ROWS, target="kind")
    label = session(made.SerializeToString()).run(["label"], {"x": ROWS})[0]
    assert found.predict(TABLE).tolist() == label.tolist()
    assert (label != found.predict_proba(TABLE).argmax(axis=1)).any()


def test_one_input_for_each_column_with_texts(bank):
    numbers, texts = ["age", "campaign"], ["job", "marital"]
    rows = bank[numbers + texts].astype(dict.fromkeys(numbers, "float32")).dropna().iloc[:80]
    jobs = sorted(set(rows["job"]))[:6]
    nodes = [
        node("Imputer", "age", "filled", "ai.onnx.ml", imputed_value_floats=[40.0],
             replaced_value_float=float("nan")),
        node("Concat", "filled campaign", "n", axis=1),
        node("OneHotEncoder", "job", "j", "ai.onnx.ml", cats_strings=jobs, zeros=1),
        node("Reshape", "j wide", "jobs"),
        node("LabelEncoder", "marital", "m", "ai.onnx.ml", keys_strings=["single", "married"],
             values_floats=[1.0, 2.0], default_float=0.5),
        node("Concat", "n jobs m", "all", axis=1),
        node("MatMul", "all weights", "p"),
    ]  # fmt: skip
    inputs = [(n, FLOAT if n in numbers else TEXT, [None, 1]) for n in numbers + texts]
    weights = RNG.normal(size=(2 + len(jobs) + 1, 1)).astype(np.float32)
    made = model(nodes, inputs, [("p", FLOAT)], {"weights": weights, "wide": np.array([-1, len(jobs)])})
    found = mw.convert(made, example=rows, target="y", answers="numbers")
    feeds = {n: rows[[n]].to_numpy(np.float32 if n in numbers else object) for n in rows}
    want = session(made.SerializeToString()).run(None, feeds)[0].ravel()
    np.testing.assert_allclose(found.predict(rows), want, rtol=1e-5)
    assert found.schema.column("age").nullable and not found.schema.column("job").nullable
    assert mw.load(found.to_bytes()).digest == found.digest
    with pytest.raises(UnknownName, match="did you mean 'agee'"):
        mw.convert(made, example=rows.rename(columns={"age": "agee"}), target="y", answers="numbers")
    with pytest.raises(Misuse, match="does not take the example's column 'more'"):
        mw.convert(made, example=rows.assign(more=1.0), target="y", answers="numbers")


def test_a_class_that_the_graph_does_not_name_is_refused():
    rows = ROWS[:20]
    nodes = [*NET, node("ArgMax", "p", "best", axis=1, keepdims=0), node("Add", "best one", "label")]
    made = ended(nodes, [("label", INT), ("p", FLOAT)], one=np.array(1))
    with pytest.raises(ConversionRefused, match="the class '3', which is none of those"):
        mw.convert(made, example=rows, target="y", classes=[0, 1, 2])


def test_texts_that_the_graph_raises_for_are_not_allowed_by_the_schema():
    pd = pytest.importorskip("pandas")
    rows = pd.DataFrame({"city": ["rome", "oslo", "lima"] * 5})
    nodes = [node("OneHotEncoder", "city", "j", "ai.onnx.ml", cats_strings=["rome", "oslo", "lima"], zeros=0)]
    made = model([*nodes, node("Reshape", "j wide", "p")], [("city", TEXT, [None, 1])], [("p", FLOAT)],
                 {"wide": np.array([-1, 3])})  # fmt: skip
    with pytest.raises(ConversionRefused, match="handle_unknown='ignore'"):
        mw.convert(made, example=rows, target="y", answers="probabilities")


def test_a_file_is_read_with_the_constants_beside_it(tmp_path):
    made, place = ended(NET), tmp_path / "net.onnx"
    [want] = session(made.SerializeToString()).run(None, {"x": ROWS})
    external_data_helper.convert_model_to_external_data(made, location="net.bin", size_threshold=0)
    onnx.save(made, place)
    np.testing.assert_allclose(
        mw.convert(str(place), example=ROWS, target="y").predict_proba(TABLE), want, atol=1e-6
    )
    (tmp_path / "net.bin").rename(tmp_path / "gone.bin")
    with pytest.raises(ConversionRefused, match="are absent"):
        mw.convert(place, example=ROWS, target="y")


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/hostname", "..\\secret.bin"])
def test_constants_outside_of_the_folder_are_never_read(location, tmp_path):
    (tmp_path / "secret.bin").write_bytes(WEIGHTS.tobytes())
    made, home = ended(NET), tmp_path / "home"
    home.mkdir()
    [tensor] = made.graph.initializer
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", location
    (home / "net.onnx").write_bytes(made.SerializeToString())
    with pytest.raises(ConversionRefused, match="outside of the file's folder"):
        mw.convert(home / "net.onnx", example=ROWS, target="y")


def test_what_is_no_onnx_file_is_told(tmp_path):
    place = tmp_path / "net.onnx"
    with pytest.raises(SourceUnreadable, match="no such file"):
        mw.convert(place, example=ROWS, target="y")
    place.write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(Misuse, match="pickle"):
        mw.convert(place, example=ROWS, target="y")
    place.write_bytes(b"no graph at all")
    with pytest.raises(NotAModel, match="no ONNX file"):
        mw.convert(place, example=ROWS, target="y")
    place.write_bytes(b"")
    with pytest.raises(NotAModel, match="holds no graph"):
        mw.convert(place, example=ROWS, target="y")


REFUSED = [
    (ended(NET, inputs=[("x", FLOAT, [1, 4])]), "takes 1 rows, no more"),
    (ended(NET, inputs=[("x", FLOAT, ["N", None])]), "number of its columns is not told"),
    (ended(NET, inputs=[("x", FLOAT, ["N", 2, 2])]), r"not \[N\] or \[N, M\]"),
    (ended(NET, inputs=[("x", TensorProto.FLOAT16, ["N", 4])]), "no tensor of numbers or texts"),
    (ended(NET, [("p", FLOAT), ("scores", FLOAT)]), "2 outputs"),
    (ended([NET[0], node("Reshape", "scores s", "p")], s=np.array([-1, 1, 3])), r"shape \['N', 1, 3\]"),
]


@pytest.mark.parametrize(("made", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_graphs_of_other_shapes_are_refused(made, said):
    with pytest.raises(ConversionRefused, match=said):
        mw.convert(made, example=ROWS, target="y", answers="logits")


def test_an_answer_that_hangs_on_other_rows_is_refused():
    nodes = [
        node("ReduceMean", "x axis", "mean", keepdims=1),
        node("Sub", "x mean", "d"),
        node("MatMul", "d v", "p"),
    ]
    with pytest.raises(ConversionRefused, match="hangs on the other rows"):
        mw.convert(
            ended(nodes, axis=np.array([0]), v=WEIGHTS[:, :1]), example=ROWS, target="y", answers="numbers"
        )


def test_other_columns_than_it_takes_are_told():
    with pytest.raises(Misuse, match="takes 4 columns, the example has 3"):
        mw.convert(ended(NET), example=ROWS[:, :3], target="y")


def test_answers_and_classes_are_for_networks_alone():
    linear = pytest.importorskip("sklearn.linear_model")
    rows = ROWS.astype(float)
    line = linear.LinearRegression().fit(rows, rows[:, 0])
    with pytest.raises(Misuse, match="are for networks"):
        mw.convert(line, example=rows, target="y", answers="numbers")
    with pytest.raises(Misuse, match="int8= is for networks"):
        mw.convert(line, example=rows, target="y", int8=True)


def test_a_wrapper_of_a_module_is_refused_with_what_to_convert_instead():
    body = {"__module__": "skorch.classifier", "predict": lambda self, rows: np.zeros(len(rows), dtype=int)}
    wrapper = type("NeuralNetClassifier", (), body)()
    with pytest.raises(ConversionRefused, match="convert its module_"):
        mw.convert(wrapper, example=ROWS, target="y")


def wide(outlier=0.0, seed=5):
    """A network of 4,096 weights in one layer. With an outlier in each row and column, taken away again after
    it, eight bits have nothing left for the others."""
    rng = np.random.default_rng(seed)
    first, last = (rng.normal(size=shape).astype(np.float32) / 3 for shape in ((4, 64), (64, 3)))
    middle = rng.normal(size=(64, 64)).astype(np.float32) / 8 + np.float32(outlier) * np.eye(
        64, dtype=np.float32
    )
    nodes = [node("MatMul", "x first", "a"), node("MatMul", "a middle", "b"), node("Mul", "a outlier", "c")]
    nodes += [node("Sub", "b c", "d"), node("Relu", "d", "e"), node("MatMul", "e last", "f")]
    held = {"first": first, "middle": middle, "last": last, "outlier": np.array([outlier], np.float32)}
    return ended([*nodes, node("Softmax", "f", "p", axis=1)], **held)


def test_weights_of_eight_bits_ship_where_labels_stay():
    made = wide(seed=1)
    whole = mw.convert(made, example=ROWS, target="y")
    small = mw.convert(made, example=ROWS, target="y", int8=True)
    before, after = (e.size_bytes for e in small.leaderboard)
    assert after < before / 2 and "weights of 8 bits kept" in small.card
    assert [e.weight for e in small.leaderboard] == [0.0, 1.0]
    assert (small.predict(TABLE) == whole.predict(TABLE)).mean() > 0.99
    p = small.predict_proba(TABLE)
    assert 1e-5 < small.evaluation.parity.largest < 0.1 and np.abs(p - whole.predict_proba(TABLE)).max() < 0.1
    alone = [small.predict_proba({n: [v[i]] for n, v in TABLE.items()})[0] for i in range(20)]
    np.testing.assert_allclose(alone, p[:20], atol=1e-6)


@pytest.mark.parametrize(
    ("outlier", "said"),
    [
        pytest.param(1000.0, "the original and its graph", marks=pytest.mark.slow),
        pytest.param(3.0, "more than 1% would be lost", marks=pytest.mark.slow),
    ],
)
def test_weights_of_eight_bits_are_given_up_where_answers_would_suffer(outlier, said):
    pd = pytest.importorskip("pandas")
    made = wide(outlier)
    rows = pd.DataFrame(TABLE)
    rows["y"] = mw.convert(made, example=ROWS, target="y").predict(TABLE)
    kept = mw.convert(made, example=ROWS, target="y", int8=True, data=rows)
    assert "weights of 8 bits given up" in kept.card and said in kept.card
    assert [e.weight for e in kept.leaderboard] == [1.0, 0.0] and kept.evaluation.rows == 60
    assert kept.evaluation.parity.largest < 1e-5


def test_a_graph_without_large_weights_stays_as_it_is():
    found = mw.convert(ended(NET), example=ROWS, target="y", int8=True)
    assert "no large weights" in found.card and found.evaluation.parity.tolerance == 1e-5


def test_a_file_whose_runs_differ_from_its_nodes_makes_no_model(monkeypatch):
    from mlwright.conversion import onnx_files

    class Off:
        """A runtime that answers something else."""

        def __init__(self, graph):
            self.inner = session(graph)

        def run(self, names, feeds):
            return [a * 1.001 for a in self.inner.run(names, feeds)]

    monkeypatch.setattr(onnx_files, "session", Off)
    with pytest.raises(ParityFailed, match="no file is written"):
        mw.convert(ended(NET), example=ROWS, target="y")
