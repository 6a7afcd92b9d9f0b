"""Whatever is off the contract is refused before anything runs it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from mlwright.base.errors import ModelRefused
from mlwright.graph import wire
from mlwright.graph.attributes import DEEPEST_TREE
from mlwright.graph.build import ML, GraphBuilder
from mlwright.graph.named import with_named_inputs
from mlwright.graph.operators import OPERATORS
from mlwright.graph.reader import packed_array
from mlwright.graph.running import session
from mlwright.graph.scan import Port, good_name, scan
from mlwright.graph.trees import LEQ, MEMBER, Tree, Trees, tree_ensemble


def table_graph() -> bytes:
    """Trees over two numbers and a category, and a text counter: some of everything that models hold."""
    g = GraphBuilder()
    numbers, strings = g.input("numbers", "float64", 2), g.input("strings", "string", 2)
    code = g.node(
        "LabelEncoder",
        g.columns(strings, [0], 2),
        domain=ML,
        keys_tensor=np.array(["Oslo", "R\u00f8ros"], dtype=object),
        values_tensor=np.array([1.0, 2.0]),
        default_tensor=np.array([np.nan]),
    )
    tree = Tree(
        feature=np.array([0, 2]),
        split=np.array([0.5, 1.0]),
        mode=np.array([LEQ, MEMBER]),
        true=np.array([1, -2]),
        false=np.array([-1, -3]),
        missing_true=np.array([0, 1]),
        leaf=np.array([0.1, 0.2, 0.3]),
        sets=(np.array([1.0, 2.0]),),
    )
    sums = tree_ensemble(g, Trees((tree, tree), (0, 0), 1), g.concat([numbers, code]))
    flat = g.node("Squeeze", g.columns(strings, [1], 2), g.constant(np.array([1])))
    lowered = g.node("StringNormalizer", flat, case_change_action="LOWER", is_case_sensitive=1, locale="C")
    words = g.node(
        "Tokenizer", lowered, domain="com.microsoft", mark=0, mincharnum=1, pad_value="", tokenexp="[a-z]+"
    )
    counts = g.node(
        "TfIdfVectorizer",
        words,
        max_gram_length=1,
        min_gram_length=1,
        max_skip_count=0,
        mode="TF",
        ngram_counts=[0],
        ngram_indexes=[0, 1],
        pool_strings=["a", "b"],
    )
    seen = g.node("ReduceSum", g.node("Cast", counts, to=11), g.constant(np.array([1])), keepdims=1)
    g.output(
        "prediction", g.node("Squeeze", g.node("Add", sums, seen), g.constant(np.array([1]))), "float64", None
    )
    return g.to_bytes()


GRAPH = table_graph()


def refused(data: bytes, why: str) -> None:
    with pytest.raises(ModelRefused, match=why):
        scan(data)


def built(op: str, *more: str, domain: str = "", **attributes: wire.Attribute) -> bytes:
    """A graph with a node of operator `op` over the input and constants named in `more`, and one behind."""
    g = GraphBuilder()
    x = g.input("numbers", "float64", 2)
    constants = {
        "small": np.array([1, 2]),
        "real": np.array([1.0, 2.0]),
        "long": np.arange(100),
        "vast": np.array([10**6, 10**6]),
    }
    inputs = [x if m == "x" else g.constant(constants[m]) for m in more]
    g.output("double", g.node("Identity", g.node(op, x, *inputs, domain=domain, **attributes)), "float64", 2)
    return g.to_bytes()


def test_facts_are_what_was_built() -> None:
    facts = scan(GRAPH)
    assert facts.inputs == (Port("numbers", "float64", 2), Port("strings", "string", 2))
    assert facts.outputs == (Port("prediction", "float64", None),)
    assert facts.operators["ai.onnx.ml.TreeEnsemble"] == 1 and facts.operators["Squeeze"] == 2
    assert facts.operators["com.microsoft.Tokenizer"] == 1
    assert facts.size_bytes == len(GRAPH) > facts.constant_bytes > 0
    assert {"numbers", "strings", "prediction"} <= facts.names
    assert facts.port("strings") == facts.inputs[1] and facts.port("absent") is None


def test_the_nodes_that_a_row_passes_are_those_of_all_trees() -> None:
    """Even trees of 1, 3 and 7 nodes have 1, 2 and 3 on every way; together they are counted as alike."""

    def steps(*sizes: int) -> float:
        g = GraphBuilder()
        x = g.input("numbers", "float64", 2)
        made = []
        for nodes in sizes:
            at = np.arange(nodes)
            child = [np.where(2 * at + k < nodes, 2 * at + k, -(2 * at + k - nodes) - 1) for k in (1, 2)]
            tree = Tree(
                feature=np.zeros(nodes, dtype=np.int64),
                split=at.astype(float),
                mode=np.full(nodes, LEQ),
                true=child[0],
                false=child[1],
                missing_true=np.zeros(nodes, dtype=np.int64),
                leaf=np.ones(nodes + 1),
            )
            made.append(tree_ensemble(g, Trees((tree,) * 10, (0,) * 10, 1, np.zeros(1)), x))
        total = made[0]
        for more in made[1:]:
            total = g.node("Add", total, more)
        g.output("sums", total, "float64", 1)
        return scan(g.to_bytes()).tree_steps

    assert steps(1) == pytest.approx(10) and steps(3) == pytest.approx(20)
    assert steps(7) == pytest.approx(30) and steps(1, 7) == pytest.approx(40)
    assert scan(built("Neg")).tree_steps == 0


def test_the_reference_checker_accepts_what_is_built() -> None:
    onnx.checker.check_model(onnx.load_from_string(built("Add", "real")), full_check=True)
    model = onnx.load_from_string(GRAPH)
    assert [(o.domain, o.version) for o in model.opset_import] == [
        ("", 21),
        ("ai.onnx.ml", 5),
        ("com.microsoft", 1),
    ]
    assert {(n.domain, n.op_type) for n in model.graph.node} <= OPERATORS[1]


def test_every_listed_operator_exists_in_the_pinned_versions() -> None:
    for domain, name in OPERATORS[1]:
        if domain != "com.microsoft":
            schema = onnx.defs.get_schema(name, {"": 21, ML: 5}[domain], domain)
            assert not schema.deprecated, name


@pytest.mark.parametrize(
    "name", ["Loop", "Scan", "If", "RandomNormal", "SequenceAt", "Trilu", "NonZero", "Evil", "add"]
)
def test_operators_off_the_list_are_refused(name: str) -> None:
    refused(built(name), f"operator '{name}' is not on the list")


def test_operators_of_other_domains_are_refused() -> None:
    refused(built("Add", domain="ai.onnx.preview.training"), "not on the list")
    refused(built("Add", domain=ML), "not on the list")
    refused(built("FusedGemm", domain="com.microsoft"), "not on the list")


EDITS: list[tuple[str, Callable[[onnx.ModelProto], object], str]] = [
    ("ir version", lambda m: setattr(m, "ir_version", 11), "IR version 11"),
    ("opset 20", lambda m: setattr(m.opset_import[0], "version", 20), "version 20"),
    ("opset 22", lambda m: setattr(m.opset_import[0], "version", 22), "version 22"),
    ("ml 4", lambda m: setattr(m.opset_import[1], "version", 4), "version 4"),
    ("no ml", lambda m: m.opset_import.pop(), "version none"),
    ("more opsets", lambda m: m.opset_import.append(helper.make_opsetid("evil", 1)), "'evil'"),
    ("opset twice", lambda m: m.opset_import.append(helper.make_opsetid("", 21)), "imported twice"),
    (
        "tokenizer opset unused",
        lambda m: m.opset_import.append(helper.make_opsetid("com.microsoft", 1)),
        "instead of none",
    ),
    ("function", lambda m: m.functions.add(), "functions"),
    ("training", lambda m: m.training_info.add(), "training information"),
    ("metadata", lambda m: m.metadata_props.add(), "metadata"),
    ("documentation", lambda m: setattr(m, "doc_string", "x"), "unknown field 6"),
    ("sparse", lambda m: m.graph.sparse_initializer.add(), "sparse initialisers"),
    ("value info", lambda m: m.graph.value_info.add(), "value descriptions"),
    ("quantisation", lambda m: m.graph.quantization_annotation.add(), "quantisation"),
    (
        "external",
        lambda m: m.graph.initializer[0].external_data.add(key="location", value="/etc/passwd"),
        "external data",
    ),
    ("location", lambda m: setattr(m.graph.initializer[0], "data_location", 1), "a data location"),
    ("float_data", lambda m: m.graph.initializer[0].double_data.append(1.0), "not raw bytes"),
    ("segment", lambda m: m.graph.initializer[0].segment.SetInParent(), "a segment"),
    (
        "subgraph",
        lambda m: m.graph.node[0].attribute.append(helper.make_attribute("body", m.graph)),
        "a subgraph",
    ),
    ("overload", lambda m: setattr(m.graph.node[0], "overload", "f"), "overload"),
    ("node name", lambda m: setattr(m.graph.node[0], "name", "n"), "unknown field 3"),
    ("reference", lambda m: m.graph.node[0].attribute.add(name="a", ref_attr_name="b", type=1), "reference"),
    (
        "sequence input",
        lambda m: m.graph.input[0].type.sequence_type.SetInParent(),
        "a type is absent|a sequence",
    ),
    ("optional input", lambda m: m.graph.input[0].type.optional_type.SetInParent(), "absent|optional"),
    (
        "free width",
        lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[1], "dim_param", "N"),
        "plain tensor",
    ),
    (
        "fixed rows",
        lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[0], "dim_value", 3),
        "plain tensor",
    ),
    (
        "other symbol",
        lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[0], "dim_param", "M"),
        "not called N",
    ),
    (
        "no width",
        lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[1], "dim_value", 0),
        "plain tensor",
    ),
    (
        "vast width",
        lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[1], "dim_value", 10**7),
        "plain tensor",
    ),
    (
        "three dimensions",
        lambda m: m.graph.input[0].type.tensor_type.shape.dim.add(dim_value=1),
        "plain tensor",
    ),
    ("empty dimension", lambda m: m.graph.input[0].type.tensor_type.shape.dim.add(), "neither fixed nor N"),
    ("complex", lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", 14), "plain tensor"),
    ("uint8 outside", lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", 2), "plain tensor"),
    ("input twice", lambda m: m.graph.input.append(m.graph.input[0]), "two tensors have one name"),
    (
        "constant is input",
        lambda m: setattr(m.graph.initializer[0], "name", "numbers"),
        "two tensors have one name",
    ),
    (
        "constant is output",
        lambda m: setattr(m.graph.initializer[0], "name", "double"),
        "two tensors have one name",
    ),
    ("constant twice", lambda m: m.graph.initializer.append(m.graph.initializer[0]), "two constants"),
    ("made twice", lambda m: m.graph.node.append(m.graph.node[0]), "two nodes make"),
    ("unmade", lambda m: m.graph.node[0].input.append("absent"), "nothing before it makes"),
    ("before it is made", lambda m: m.graph.node.insert(0, m.graph.node.pop()), "nothing before it makes"),
    ("no output", lambda m: m.graph.output.pop(), "output is absent"),
    ("output unmade", lambda m: setattr(m.graph.output[0], "name", "absent"), "output is absent"),
    ("control character", lambda m: m.graph.node[0].output.__setitem__(0, "a\x1b"), "plain text"),
    ("denormal name", lambda m: m.graph.node[0].output.__setitem__(0, "cafe\u0301"), "plain text"),
    (
        "attribute twice",
        lambda m: [m.graph.node[0].attribute.add(name="a", i=1, type=2) for _ in "ab"],
        "repeated",
    ),
    (
        "attribute of two values",
        lambda m: m.graph.node[0].attribute.add(name="a", i=1, f=1.0, type=2),
        "exactly one",
    ),
    (
        "attribute of another type",
        lambda m: m.graph.node[0].attribute.add(name="a", i=1, type=1),
        "exactly one",
    ),
    ("attribute without type", lambda m: m.graph.node[0].attribute.add(name="a", i=1), "exactly one"),
]


def repacked(model: onnx.ModelProto) -> bytes:
    """The model's bytes with dims packed, which the onnx package does not do by itself."""
    graph = b""
    for node in model.graph.node:
        graph += wire.block(1, node.SerializeToString())
    graph += wire.text(2, model.graph.name)
    for tensor in model.graph.initializer:
        dims = wire.packed(1, list(tensor.dims))
        bare = TensorProto()
        bare.CopyFrom(tensor)
        del bare.dims[:]
        graph += wire.block(5, dims + bare.SerializeToString())
    rest = onnx.GraphProto()
    rest.CopyFrom(model.graph)
    for name in ("node", "initializer", "name"):
        rest.ClearField(name)
    graph += rest.SerializeToString()
    outside = onnx.ModelProto()
    outside.CopyFrom(model)
    outside.ClearField("graph")
    whole: bytes = outside.SerializeToString()
    head = wire.whole(1, model.ir_version) + wire.text(2, model.producer_name)
    assert whole.startswith(head)
    return head + _ordered(whole[len(head) :], graph)


def _ordered(rest: bytes, graph: bytes) -> bytes:
    """The graph in its place among the model's fields: behind the documentation, before the operator sets."""
    at = rest.index(b"\x42") if b"\x42" in rest else len(rest)
    return rest[:at] + wire.block(7, graph) + rest[at:]


@pytest.mark.parametrize(("edit", "why"), [e[1:] for e in EDITS], ids=[e[0] for e in EDITS])
def test_each_thing_off_the_contract_is_refused_by_name(
    edit: Callable[[onnx.ModelProto], object], why: str
) -> None:
    model = onnx.load_from_string(built("Add", "real"))
    scan(repacked(model))
    edit(model)
    refused(repacked(model), why)


def test_external_data_within_an_attribute_is_refused() -> None:
    hidden = (
        wire.text(1, "value")
        + wire.block(5, wire.packed(1, [1]) + wire.whole(2, 1) + wire.block(13, b""))
        + wire.whole(20, 4)
    )
    node = wire.node("Add", ["numbers"], ["t"], "", [hidden])
    port = wire.value_info("numbers", "float64", 1)
    refused(wire.model([node], [], [port], [wire.value_info("t", "float64", 1)]), "external data")


@pytest.mark.parametrize(
    "op",
    ["Reshape", "Expand", "Tile", "Squeeze", "Unsqueeze", "ReduceSum", "TopK", "OneHot", "Slice", "Split"],
)
def test_shapes_come_from_short_constants_only(op: str) -> None:
    scan(built(op, "small"))
    refused(built(op, "x"), "is not a constant")
    refused(built(op, "real"), "not a short list of whole numbers")
    refused(built(op, "long"), "not a short list of whole numbers")


@pytest.mark.parametrize("op", ["Expand", "Tile", "OneHot"])
def test_no_operator_makes_rows_vastly_larger(op: str) -> None:
    refused(built(op, "vast"), "times as large")


def test_a_shape_that_a_node_makes_is_refused() -> None:
    g = GraphBuilder()
    x = g.input("numbers", "float64", 2)
    g.output("double", g.node("Reshape", x, g.node("Cast", x, to=7)), "float64", 2)
    refused(g.to_bytes(), "would depend on rows")


@pytest.mark.parametrize(
    ("tensor", "why"),
    [
        (wire.packed(1, [3]) + wire.whole(2, 11) + wire.text(8, "c") + wire.block(9, bytes(16)), "3 values"),
        (wire.packed(1, [2]) + wire.whole(2, 11) + wire.text(8, "c"), "2 values"),
        (wire.packed(1, [2]) + wire.whole(2, 8) + wire.text(6, "a") + wire.text(8, "c"), "2 values"),
        (
            wire.packed(1, [1])
            + wire.whole(2, 8)
            + wire.text(6, "a")
            + wire.text(8, "c")
            + wire.block(9, b""),
            "1 values",
        ),
        (
            wire.packed(1, [1])
            + wire.whole(2, 11)
            + wire.text(6, "a")
            + wire.text(8, "c")
            + wire.block(9, bytes(8)),
            "1 values",
        ),
        (
            wire.packed(1, [2**62, 4]) + wire.whole(2, 11) + wire.text(8, "c") + wire.block(9, b""),
            "cannot be",
        ),
        (wire.packed(1, [-1]) + wire.whole(2, 11) + wire.text(8, "c") + wire.block(9, b""), "cannot be"),
        (
            wire.packed(1, [1] * 9) + wire.whole(2, 11) + wire.text(8, "c") + wire.block(9, bytes(8)),
            "cannot be",
        ),
        (
            wire.packed(1, [1]) + wire.whole(2, 10) + wire.text(8, "c") + wire.block(9, bytes(2)),
            "element type 10",
        ),
        (wire.packed(1, [1]) + wire.text(8, "c") + wire.block(9, bytes(8)), "cannot be"),
        (wire.whole(2, 11) + wire.block(9, bytes(8)), "a constant has no name"),
        (wire.whole(1, 1) + wire.whole(2, 11) + wire.text(8, "c") + wire.block(9, bytes(8)), "wire type 0"),
    ],
    ids=range(12),
)
def test_a_tensor_holds_what_its_dimensions_say(tensor: bytes, why: str) -> None:
    port = wire.value_info("numbers", "float64", 1)
    node = wire.node("Neg", ["numbers"], ["t"], "", [])
    refused(wire.model([node], [tensor], [port], [wire.value_info("t", "float64", 1)]), why)


def test_every_truncation_is_refused() -> None:
    for size in range(len(GRAPH)):
        with pytest.raises(ModelRefused):
            scan(GRAPH[:size])


def test_a_number_has_one_way_to_be_written() -> None:
    assert GRAPH.startswith(b"\x08\x0a")
    refused(b"\x08\x8a\x00" + GRAPH[2:], "shortest way")
    refused(b"\x88\x00\x0a" + GRAPH[2:], "shortest way")
    refused(b"\x08" + b"\xff" * 10 + b"\x01" + GRAPH[2:], "too long")
    refused(b"\x08" + b"\xff" * 9 + b"\x02" + GRAPH[2:], "shortest way")
    refused(b"\x08\xff", "cut off")


def test_singular_fields_come_once_and_in_order() -> None:
    refused(b"\x08\x0a" + GRAPH, "repeated")
    refused(GRAPH + b"\x08\x0a", "out of order")
    refused(GRAPH + b"\xfa\x01\x00", "unknown field 31")
    refused(b"", "absent")
    refused(wire.whole(1, 10), "absent")


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
@settings(deadline=None, database=None)
def test_packed_numbers_are_read_as_they_were_written(values: list[int]) -> None:
    data = b"".join(map(wire.varint, values))
    assert packed_array(b"ab" + data + b"c", 2, 2 + len(data)).tolist() == values


@pytest.mark.parametrize(
    "data", [b"\x80", b"\x01\x80", b"\x80\x00", b"\xff" * 10 + b"\x01", b"\xff" * 9 + b"\x02", b""]
)
def test_packed_numbers_are_minimal_and_whole(data: bytes) -> None:
    with pytest.raises(ModelRefused):
        packed_array(data, 0, len(data))


def chain(depth: int, back: bool = False) -> bytes:
    """One tree that is a single way of `depth` nodes, or a circle."""
    g = GraphBuilder()
    forth = np.arange(1, depth + 1)
    forth[-1] = 0 if back else -1
    tree = Tree(
        feature=np.zeros(depth, np.int64),
        split=np.zeros(depth),
        mode=np.zeros(depth, np.int64),
        true=forth,
        false=np.full(depth, -1),
        missing_true=np.zeros(depth, np.int64),
        leaf=np.array([1.0]),
    )
    sums = tree_ensemble(g, Trees((tree,), (0,), 1), g.input("numbers", "float64", 1))
    g.output("prediction", g.node("Squeeze", sums, g.constant(np.array([1]))), "float64", None)
    return g.to_bytes()


def test_trees_are_no_deeper_than_a_stack_can_bear() -> None:
    scan(chain(DEEPEST_TREE))
    refused(chain(DEEPEST_TREE + 1), "deeper than")
    refused(chain(20_000), "deeper than")
    refused(chain(3, back=True), "in a circle")


def grams(**changed: wire.Attribute) -> bytes:
    g = GraphBuilder()
    attributes: dict[str, wire.Attribute] = {
        "max_gram_length": 2,
        "min_gram_length": 1,
        "max_skip_count": 0,
        "mode": "TF",
        "ngram_counts": [0, 2],
        "ngram_indexes": [0, 1, 2],
        "pool_strings": ["a", "b", "a", "b"],
    }
    counts = g.node("TfIdfVectorizer", g.input("strings", "string", 2), **(attributes | changed))
    g.output("counts", g.node("Cast", counts, to=11), "float64", 3)
    return g.to_bytes()


def test_a_counter_of_words_keeps_within_its_lists() -> None:
    scan(grams())
    for changed in (
        {"ngram_indexes": [0, 1]},
        {"ngram_indexes": [0, 1, -2]},
        {"ngram_indexes": [0, 1, 2**31]},
        {"ngram_counts": [0, 9]},
        {"ngram_counts": [-1]},
        {"ngram_counts": [1, 2]},
        {"ngram_counts": [0, 1]},
        {"max_gram_length": 2**40},
        {"min_gram_length": 0},
        {"min_gram_length": 3},
        {"max_skip_count": 2**40},
        {"pool_strings": ["a", "b", "c"]},
    ):
        refused(grams(**changed), "n-gram counter")


def windows(op: str = "MaxPool", **changed: wire.Attribute | None) -> bytes:
    g = GraphBuilder()
    shape = g.constant(np.array([-1, 1, 2, 2]))
    x = g.node("Reshape", g.node("Cast", g.input("numbers", "float64", 4), to=1), shape)
    told: dict[str, wire.Attribute | None] = {
        "kernel_shape": [1, 2],
        "strides": [1, 1],
        "dilations": [1, 1],
        "pads": [0, 1, 0, 1],
    } | changed
    held = [g.constant(np.ones((1, 1, 1, 2), np.float32))] if op == "Conv" else []
    out = g.node(op, x, *held, **{k: v for k, v in told.items() if v is not None})
    g.output("y", g.node("Reshape", g.node("Cast", out, to=11), g.constant(np.array([-1]))), "float64", None)
    return g.to_bytes()


@pytest.mark.parametrize("op", ["AveragePool", "Conv", "MaxPool"])
@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"pads": [2**40, 0, 0, 0]}, "times its size"),
        ({"pads": [1000, 1000, 1000, 1000]}, "times its size"),
        ({"pads": [-1, 0, 0, 0]}, "padding below 0"),
        ({"pads": [1, 1]}, "does not say its windows"),
        ({"kernel_shape": None}, "does not say its windows"),
        ({"kernel_shape": [1, 1, 1, 1], "pads": None}, "does not say its windows"),
        ({"kernel_shape": [0, 2]}, "below 1"),
        ({"kernel_shape": [2**31, 2**33]}, "reaches over more"),
        ({"dilations": [1, 2**40]}, "reaches over more"),
        ({"strides": [1, 2**62]}, "reaches over more"),
        ({"strides": [0, 1]}, "below 1"),
        ({"strides": [1]}, "other axes"),
        ({"auto_pad": "SAME_UPPER"}, "pads by itself"),
    ],
    ids=str,
)
def test_layers_of_windows_keep_within_bounds(
    op: str, changed: dict[str, wire.Attribute | None], why: str
) -> None:
    scan(windows(op))
    refused(windows(op, **changed), why)


def test_weights_of_layers_are_constants() -> None:
    g = GraphBuilder()
    x = g.node("Cast", g.input("numbers", "float64", 4), to=1)
    shape = g.constant(np.array([-1, 1, 2, 2]))
    rows = g.node("Reshape", x, shape)
    g.output("y", g.node("Conv", rows, rows, kernel_shape=[2, 2]), "float32", 1)
    refused(g.to_bytes(), "how wide Conv is would depend on rows")


def recurrent(op: str = "LSTM", more: int = 0, **changed: wire.Attribute) -> bytes:
    """A layer of two units over two steps; `more` is the place of an input that is given besides."""
    g = GraphBuilder()
    x = g.node("Cast", g.input("numbers", "float64", 2), to=1)
    steps = g.node("Reshape", x, g.constant(np.array([2, -1, 1])))
    wide = {"GRU": 6, "LSTM": 8, "RNN": 2}[op]
    held = [g.constant(np.ones((1, wide, n), np.float32)) for n in (1, 2)]
    rest = [""] * (more - 3) + [g.constant(np.ones(1, np.int32))] if more else []
    told: dict[str, wire.Attribute] = {"hidden_size": 2, "direction": "forward"} | changed
    out = g.node(op, steps, *held, *rest, **told)
    g.output("y", g.node("Reshape", out, g.constant(np.array([-1]))), "float32", None)
    return g.to_bytes()


@pytest.mark.parametrize("op", ["GRU", "LSTM", "RNN"])
@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"hidden_size": 0}, "1 to 65536 units"),
        ({"hidden_size": -(2**40)}, "1 to 65536 units"),
        ({"hidden_size": 2**40}, "1 to 65536 units"),
        ({"direction": "sideways"}, "neither forward nor back"),
        ({"activations": ["Tanh"] * 9}, "bends its numbers"),
        ({"activations": ["Affine"]}, "bends its numbers"),
        ({"direction": "bidirectional", "activations": ["Tanh"]}, "bends its numbers"),
        ({"activation_alpha": [0.5]}, "setting activation_alpha"),
        ({"clip": 1.0}, "setting clip"),
        ({"layout": 1}, "axes or gates"),
        ({"more": 4}, "must not be given"),
    ],
    ids=str,
)
def test_recurrent_layers_keep_within_bounds(op: str, changed: dict[str, Any], why: str) -> None:
    scan(recurrent(op))
    refused(recurrent(op, **changed), why)


def test_a_layer_whose_units_are_not_those_of_its_weights_is_refused_by_the_runtime() -> None:
    rows = np.zeros((3, 2))
    session(recurrent()).run(None, {"numbers": rows})
    with pytest.raises(Exception, match=r"Input [RW] must have"):  # of onnxruntime, which has no root
        session(recurrent(hidden_size=60_000)).run(None, {"numbers": rows})


@pytest.mark.parametrize("name", ["age", "caf\u00e9", "\u5e74\u9f62", "a b", "x" * 256, "\U0001f600"])
def test_good_names_are_good(name: str) -> None:
    assert good_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "a\n", "\x00", "\x7f", "cafe\u0301", "x" * 257, "\u00e9" * 129, "\u202ex", "\ud800", "\u2028"],
)
def test_names_that_cannot_be_shown_are_not_good(name: str) -> None:
    assert not good_name(name)


def test_mutations_never_escape_the_tree_of_errors() -> None:
    rng = random.Random(0)
    survived = 0
    for _ in range(3000):
        data = bytearray(GRAPH)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(data))
            kind = rng.randrange(5)
            if kind == 0:
                data[at] ^= 1 << rng.randrange(8)
            elif kind == 1:
                data[at] = rng.randrange(256)
            elif kind == 2:
                del data[at : at + rng.randrange(1, 30)]
            elif kind == 3:
                data[at:at] = rng.randbytes(rng.randrange(1, 12))
            else:
                other = rng.randrange(len(data))
                data[at : at + 20] = data[other : other + 20]
        try:
            scan(bytes(data))
            survived += 1
        except ModelRefused as problem:
            assert str(problem).isprintable()
    assert 0 < survived < 1500


@given(st.binary(max_size=200))
@settings(deadline=None, database=None)
def test_random_bytes_never_escape_the_tree_of_errors(data: bytes) -> None:
    with pytest.raises(ModelRefused):
        scan(data)


def test_large_tensors_are_not_walked() -> None:
    g = GraphBuilder()
    x = g.input("numbers", "float64", 1000)
    g.output("product", g.node("MatMul", x, g.constant(np.ones((1000, 4000)))), "float64", 4000)
    model = g.to_bytes()
    assert len(model) > 32_000_000
    calls = count_calls(lambda: scan(model))
    assert calls < 2000


def count_calls(work: Callable[[], object]) -> int:
    """Python function calls that `work` makes: a measure of its cost that no busy machine disturbs."""
    import sys

    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls


def test_named_inputs_replace_the_packed_ones() -> None:
    graph = with_named_inputs(GRAPH, ["age", "prediction"], ["t0", "strings"])
    facts = scan(graph)
    assert [(p.name, p.dtype, p.width) for p in facts.inputs] == [
        ("age", "float64", 1),
        ("prediction_input", "float64", 1),
        ("t0_input", "string", 1),
        ("strings_input", "string", 1),
    ]
    assert facts.outputs == scan(GRAPH).outputs and "numbers" in facts.names
    assert re.search(b"Concat", graph)
