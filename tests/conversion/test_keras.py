"""Models of Keras become models, layer by layer, whatever backend they were built on."""

from __future__ import annotations

import os

import numpy as np
import pytest

import mlwright as mw
from mlwright.base.errors import ConversionRefused, Misuse, UnknownName

pytest.importorskip("onnx")
pytest.importorskip("pandas")
os.environ.setdefault("KERAS_BACKEND", "torch")
if os.environ["KERAS_BACKEND"] == "torch":
    pytest.importorskip("torch", reason="no backend of Keras is installed")
keras = pytest.importorskip("keras", reason="Keras is not installed")
L = keras.layers
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]  # of Keras itself


def rows(count=60, seed=0):
    spread = np.array([1, 5, 100, 1, 1, 1], np.float32)
    return np.random.default_rng(seed).normal(size=(count, 6)).astype(np.float32) * spread


def columns(array):
    return {f"x{i}": array[:, i].tolist() for i in range(array.shape[1])}


def answered(model, array):
    return np.asarray(keras.ops.convert_to_numpy(model(array, training=False)))


def adapted():
    keras.utils.set_random_seed(0)
    layer = L.Normalization()
    layer.adapt(rows())
    return layer


def built(*layers):
    front = adapted()
    return keras.Sequential([L.Input((6,)), front, *layers])


def test_a_sequential_model_with_its_scaling_answers_alike():
    model = built(
        L.Dense(16, "relu"),
        L.BatchNormalization(),
        L.Dropout(0.3),
        L.Dense(8, "gelu"),
        L.LayerNormalization(),
        L.Dense(3, "softmax"),
    )
    model.layers[2].set_weights([np.random.default_rng(i).random(16) + 0.5 for i in range(4)])
    found = mw.convert(model, example=rows(), target="kind", classes=["a", "b", "c"])
    fresh = rows(200, seed=1)
    want = answered(model, fresh)
    np.testing.assert_allclose(found.predict_proba(columns(fresh)), want, atol=1e-5)
    assert "keras.Sequential (keras" in found.card and found.evaluation.parity.largest < 1e-5


ACTIVATIONS = """
    elu exponential gelu hard_sigmoid hard_silu leaky_relu linear log_softmax mish relu6 selu sigmoid silu
    softmax softplus softsign tanh
"""


@pytest.mark.parametrize("name", ACTIVATIONS.split())
def test_every_activation_is_laid_as_keras_does_it(name):
    model = built(L.Dense(5, name), L.Dense(1))
    found = mw.convert(model, example=rows(), target="y", answers="numbers")
    fresh = rows(200, seed=1)
    np.testing.assert_allclose(
        found.predict(columns(fresh)), answered(model, fresh).ravel(), rtol=1e-4, atol=1e-5
    )


def test_layers_with_settings_of_their_own():
    model = built(
        L.Rescaling(0.5, 0.25),
        L.Dense(5),
        L.PReLU(),
        L.Dense(4),
        L.LeakyReLU(negative_slope=0.1),
        L.Dense(4),
        L.ELU(0.5),
        L.ReLU(max_value=2.0),
        L.GaussianNoise(0.1),
        L.Reshape((2, 2)),
        L.Flatten(),
        L.Dense(2),
        L.Activation("tanh"),
        L.Softmax(),
    )
    found = mw.convert(model, example=rows(), target="y")
    np.testing.assert_allclose(found.predict_proba(columns(rows())), answered(model, rows()), atol=1e-5)


def functional():
    keras.utils.set_random_seed(0)
    numbers, code = L.Input((6,), name="numbers"), L.Input((1,), name="code", dtype="int32")
    both = L.Concatenate()([adapted()(numbers), L.Flatten()(L.Embedding(7, 3)(code))])
    a, b = L.Dense(8, "tanh")(both), L.Dense(8)(both)
    mixed = L.Add()([a, L.Maximum()([a, b])]) * b
    inner = keras.Sequential([L.Input((8,)), L.Dense(4, "relu")])
    return keras.Model([numbers, code], L.Dense(1, "sigmoid")(inner(L.Average()([mixed, a]))))


def test_a_functional_model_of_numbers_and_codes():
    model, code = functional(), np.arange(60) % 7
    found = mw.convert(model, example={"numbers": rows(), "code": code}, target="y", classes=["no", "yes"])
    given = {f"numbers_{i}": rows()[:, i].tolist() for i in range(6)} | {"code": code.tolist()}
    want = np.asarray(keras.ops.convert_to_numpy(model([rows(), code.reshape(-1, 1)], training=False)))
    np.testing.assert_allclose(found.predict_proba(given)[:, [1]], want, atol=1e-5)
    assert found.schema.column("code").most == 6
    with pytest.raises(UnknownName, match="did you mean 'cod'"):
        mw.convert(model, example={"numbers": rows(), "cod": code}, target="y")


def weighed(*layers):
    """Layers with weights that are not nought, the variances of norms above it."""
    model = built(*layers, L.Flatten(), L.Dense(1))
    rng = np.random.default_rng(0)
    for layer in model.layers[1:]:
        layer.set_weights([np.abs(rng.normal(size=w.shape)) / 3 + 0.05 for w in layer.get_weights()])
    return model


STEPS = (3, 2)
SHAPED = {
    "LSTM": lambda: [L.Reshape(STEPS), L.LSTM(4)],
    "GRU": lambda: [L.Reshape(STEPS), L.GRU(4)],
    "SimpleRNN": lambda: [L.Reshape(STEPS), L.SimpleRNN(4)],
    "all steps": lambda: [L.Reshape(STEPS), L.LSTM(4, return_sequences=True), L.GRU(3)],
    "backwards": lambda: [L.Reshape(STEPS), L.GRU(4, return_sequences=True, go_backwards=True)],
    "both ways": lambda: [
        L.Reshape(STEPS),
        L.Bidirectional(L.LSTM(4, return_sequences=True)),
        L.Bidirectional(L.SimpleRNN(3), merge_mode="ave"),
    ],
    "reset before": lambda: [L.Reshape(STEPS), L.GRU(4, reset_after=False, activation="relu")],
    "no bias": lambda: [L.Reshape(STEPS), L.LSTM(4, use_bias=False, recurrent_activation="tanh")],
    "windows": lambda: [
        L.Reshape((6, 1)),
        L.Conv1D(4, 3, padding="causal", dilation_rate=2, activation="relu"),
        L.MaxPooling1D(2),
        L.Conv1D(4, 2, padding="same", groups=2),
        L.GlobalAveragePooling1D(),
    ],
    "pictures": lambda: [
        L.Reshape((2, 3, 1)),
        L.Conv2D(4, (2, 3), padding="same", activation="tanh"),
        L.BatchNormalization(),
        L.SpatialDropout2D(0.2),
        L.AveragePooling2D(2, strides=1, padding="same"),
        L.Conv2D(3, 2, strides=(1, 2), padding="same"),
        L.MaxPooling2D((1, 2)),
    ],
    "whole pictures": lambda: [L.Reshape((2, 3, 1)), L.Conv2D(4, 2), L.GlobalMaxPooling2D(keepdims=True)],
}


@pytest.mark.parametrize("name", SHAPED)
def test_columns_as_sequences_and_pictures(name):
    model = weighed(*SHAPED[name]())
    found = mw.convert(model, example=rows(), target="y", answers="numbers")
    fresh = rows(200, seed=1)
    want = answered(model, fresh).ravel()
    assert want.std() > 1e-3
    np.testing.assert_allclose(found.predict(columns(fresh)), want, rtol=1e-4, atol=1e-5)


def test_codes_in_order_are_a_sequence():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [L.Input((4,), dtype="int32"), L.Embedding(9, 3), L.LSTM(5), L.Dense(2, "softmax")]
    )
    codes = np.random.default_rng(0).integers(0, 9, (60, 4))
    found = mw.convert(model, example=codes, target="y")
    want = np.asarray(keras.ops.convert_to_numpy(model(codes, training=False)))
    np.testing.assert_allclose(found.predict_proba(columns(codes)), want, atol=1e-5)


class Own(keras.Model):
    def call(self, x):
        return x


def given_states():
    x = L.Input((6,))
    steps = L.Reshape((3, 2))(x)
    return keras.Model(x, L.Dense(1)(L.GRU(2)(steps, initial_state=L.Dense(2)(x))))


def of_operation(operation):
    x = L.Input((6,))
    return keras.Model(x, L.Dense(1)(operation(x)))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: built(L.Reshape((6, 1)), L.LSTM(3, recurrent_activation="hard_sigmoid"), L.Dense(1)),
            "bends its numbers by hard_sigmoid, tanh",
        ),
        (given_states, "states that are given or kept"),
        (lambda: built(L.Reshape((6, 1)), L.Bidirectional(L.LSTM(3), merge_mode=None)), "several tensors"),
        (
            lambda: built(L.Reshape((1, 2, 3)), L.Conv2D(3, 1, data_format="channels_first"), L.Flatten()),
            "channels that stand first",
        ),
        (lambda: built(L.Reshape((6, 1)), L.SeparableConv1D(3, 1)), "keras.SeparableConv1D is not converted"),
        (lambda: built(L.Dense(3, lambda x: x * 2), L.Dense(1)), "is code of its own"),
        (lambda: built(L.Dense(3, keras.ops.gelu), L.Dense(1)), "is code of its own"),
        (
            lambda: built(L.Reshape((2, 3)), L.Flatten("channels_first"), L.Dense(1)),
            "channels that stand first",
        ),
        (lambda: of_operation(lambda x: keras.ops.reshape(x, (-1, 6))), "keras.Reshape is not converted"),
        (Own, "call is code of its own"),
        (lambda: keras.Sequential([L.Input((6,), dtype="string"), L.Dense(1)]), "its input"),
    ],
)
def test_layers_that_cannot_be_read_are_refused_by_name(make, said):
    with pytest.raises(ConversionRefused, match=said):
        mw.convert(make(), example=rows(), target="y", answers="numbers")


def test_a_model_that_has_not_been_built_is_told():
    with pytest.raises(Misuse, match="has not been built"):
        mw.convert(keras.Sequential([L.Dense(1)]), example=rows(), target="y", answers="numbers")
