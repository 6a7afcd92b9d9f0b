"""Attributes are written as the reference reader of ONNX understands them."""

from __future__ import annotations

import numpy as np
import pytest

from mlwright.graph import wire
from mlwright.graph.build import GraphBuilder
from mlwright.graph.scan import scan

onnx = pytest.importorskip("onnx")


def read(value: wire.Attribute) -> object:
    attribute = onnx.AttributeProto.FromString(wire.attribute("a", value))
    assert attribute.name == "a"
    return onnx.helper.get_attribute_value(attribute)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, 7),
        (-7, -7),
        (True, 1),
        (np.int64(3), 3),
        (0.5, 0.5),
        (np.float32(0.5), 0.5),
        (np.float64(0.5), 0.5),
        ("é", "é".encode()),
        ([1, -2, 3], [1, -2, 3]),
        (np.array([1, -2]), [1, -2]),
        ([], []),
        (["a", "b"], [b"a", b"b"]),
        ([0.5, -1.25], [0.5, -1.25]),
        ((0.5,), [0.5]),
        ([1, 2.5], [1.0, 2.5]),
        ([np.float32(0.5), np.float64(1.5)], [0.5, 1.5]),
    ],
)
def test_an_attribute_reads_back_as_it_was_given(value: wire.Attribute, expected: object) -> None:
    back = read(value)
    assert (list(back) if isinstance(expected, list) else back) == expected  # type: ignore[call-overload]


def test_an_array_of_other_numbers_is_a_tensor() -> None:
    values = np.array([0.1, 2.5])
    assert onnx.numpy_helper.to_array(read(values)).tolist() == values.tolist()


@pytest.mark.parametrize("value", [[1, "2"], ["a", 1], [0.5, "2"], [None], [1e300]])
def test_a_list_that_is_of_no_one_type_is_refused_and_never_converted(value: object) -> None:
    with pytest.raises((TypeError, OverflowError)):
        wire.attribute("a", value)  # type: ignore[arg-type]


def test_a_list_of_floats_passes_our_own_scan() -> None:
    g = GraphBuilder()
    x = g.node("Cast", g.input("numbers", "float64", 2), to=7)
    weighed = g.node(
        "TfIdfVectorizer",
        x,
        max_gram_length=1,
        max_skip_count=0,
        min_gram_length=1,
        mode="TFIDF",
        ngram_counts=[0],
        ngram_indexes=[0, 1],
        pool_int64s=[5, 6],
        weights=[0.5, 2.0],
    )
    g.output("double", g.node("Cast", weighed, to=11), "float64", 2)
    assert scan(g.to_bytes()).operators["TfIdfVectorizer"] == 1


def test_many_numbers_are_written_as_each_alone() -> None:
    powers = 2 ** np.arange(63)
    several = np.concatenate([np.arange(300), powers, powers - 1, [2**63 - 1]])
    for values in (several, np.arange(3), np.zeros(1, dtype=np.int64), np.array([5, -1, -(2**63)])):
        alone = b"".join(map(wire.varint, values.tolist()))
        assert wire.packed(8, values) == wire.block(8, alone)
