"""Functions of TensorFlow become models by way of tf2onnx; a SavedModel is read only where it is trusted."""

from __future__ import annotations

import os

import numpy as np
import pytest

import mlwright as mw
from mlwright.base.errors import ConversionRefused, ExtraMissing, Misuse
from mlwright.conversion.tensorflow import is_tensorflow

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # of TensorFlow itself
tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
pytest.importorskip("pandas")
RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(60, 6)).astype(np.float32)
TABLE = {f"x{i}": ROWS[:, i].tolist() for i in range(6)}
SPEC = tf.TensorSpec([None, 6], tf.float32)


class Net(tf.Module):
    def __init__(self):
        super().__init__()
        self.first = tf.Variable(RNG.normal(size=(6, 8)).astype(np.float32))
        self.last = tf.Variable(RNG.normal(size=(8, 1)).astype(np.float32))

    @tf.function(input_signature=[SPEC])
    def __call__(self, x):
        return tf.nn.sigmoid(tf.nn.relu(x @ self.first) @ self.last)

    @tf.function
    def numbers(self, x):
        return tf.nn.gelu(x @ self.first) @ self.last

    @tf.function
    def pictures(self, x):
        seen = tf.nn.conv2d(
            tf.reshape(x, [-1, 2, 3, 1]), tf.reshape(self.first[:4, :4], [2, 2, 1, 4]), 1, "SAME"
        )
        return tf.reshape(tf.nn.max_pool2d(seen, 2, 1, "VALID"), [-1, 8]) @ self.last

    @tf.function
    def by_name(self, numbers, code):
        return numbers @ self.first[:5] @ self.last + tf.gather(self.last, code)

    @tf.function
    def several(self, x):
        return x, x

    @tf.function
    def branching(self, x):
        return tf.cond(tf.reduce_sum(x) > 0, lambda: x @ self.first, lambda: -x @ self.first) @ self.last

    @tf.function
    def mixed(self, x):
        return (x - tf.reduce_mean(x, 0)) @ self.first @ self.last

    @tf.function
    def foreign(self, x):
        return tf.py_function(lambda v: v, [x], tf.float32)


@pytest.fixture(scope="module")
def net():
    pytest.importorskip("tf2onnx", reason="tf2onnx is not installed")
    return Net()


@pytest.fixture(scope="module")
def folder(net, tmp_path_factory):
    place = tmp_path_factory.mktemp("saved") / "net"
    tf.saved_model.save(net, str(place), signatures=net.__call__)
    return place


def test_modules_functions_and_what_was_loaded_answer_alike(net, folder):
    loaded = tf.saved_model.load(str(folder))
    want = net(ROWS).numpy().ravel()
    for given in (net, net.__call__, loaded, loaded.signatures["serving_default"], loaded.__call__):
        found = mw.convert(given, example=ROWS, target="y", classes=["no", "yes"])
        np.testing.assert_allclose(found.predict_proba(TABLE)[:, 1], want, atol=1e-5)
    assert "tensorflow.RestoredFunction" in found.card


@pytest.mark.parametrize("name", ["numbers", "pictures"])
def test_a_function_is_traced_for_the_columns_of_the_example(net, name):
    function = getattr(net, name)
    found = mw.convert(function, example=ROWS, target="y", answers="numbers")
    np.testing.assert_allclose(found.predict(TABLE), function(ROWS).numpy().ravel(), rtol=1e-4, atol=1e-5)


def test_several_tensors_are_named(net):
    specs = tf.TensorSpec([None, 5], tf.float32, name="numbers"), tf.TensorSpec([None], tf.int64, name="code")
    function, code = net.by_name.get_concrete_function(*specs), np.arange(60) % 8
    example = {"numbers": ROWS[:, :5], "code": code}
    found = mw.convert(function, example=example, target="y", answers="numbers")
    given = {f"numbers_{i}": ROWS[:, i].tolist() for i in range(5)} | {"code": code.tolist()}
    want = net.by_name(ROWS[:, :5], code).numpy().ravel()
    np.testing.assert_allclose(found.predict(given), want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("several", "answers tuple, not one tensor"),
        ("branching", "a loop or a branch"),
        ("mixed", "hangs on the other rows"),
        ("foreign", "nothing for TensorFlow's operator EagerPyFunc"),
    ],
)
def test_what_cannot_be_laid_is_refused_with_a_reason(net, name, said):
    with pytest.raises(ConversionRefused, match=said):
        mw.convert(getattr(net, name), example=ROWS, target="y", answers="numbers")


def test_a_module_without_a_function_is_told(net):
    with pytest.raises(ConversionRefused, match=r"no function that TensorFlow traced.*serving_default"):
        mw.convert(tf.Module(), example=ROWS, target="y")


def test_a_saved_model_is_run_only_where_it_is_trusted(folder, tmp_path, capsys, monkeypatch):
    from mlwright.cli import main

    with pytest.raises(Misuse, match=r"which is a program.*tf\.saved_model\.load"):
        mw.convert(folder, example=ROWS, target="y")
    monkeypatch.chdir(tmp_path)
    lines = [",".join(TABLE), *(",".join(map(str, row)) for row in ROWS.tolist())]
    (tmp_path / "rows.csv").write_text("\n".join(lines))
    command = ["convert", str(folder), "--example", "rows.csv", "-t", "y", "-o", "net.mlw"]
    assert main(command) == 2 and "--trust" in capsys.readouterr().err
    assert main([*command, "--trust"]) == 0
    found = mw.load("net.mlw")
    want = tf.saved_model.load(str(folder))(ROWS).numpy().ravel()
    np.testing.assert_allclose(found.predict_proba(TABLE)[:, 1], want, atol=1e-5)


def test_without_tf2onnx_the_extra_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    assert is_tensorflow(tf.Module()) and not is_tensorflow([])
    with pytest.raises(ExtraMissing, match=r"tf2onnx.*mlwright\[tensorflow\]"):
        mw.convert(tf.Module(), example=ROWS, target="y")
