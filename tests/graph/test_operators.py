"""What the operators that take texts apart do with settings and rows that were made to hurt: nothing."""

import numpy as np
import pytest

from mlwright.artifact.session import CHUNK_COUNTS, CHUNK_OF_LETTERS, Session
from mlwright.base.errors import ModelRefused
from mlwright.graph.build import GraphBuilder
from mlwright.graph.scan import scan

NO_TEXTS = np.empty((1, 0), dtype=object)


def running(g):
    return Session(g.to_bytes(), scan(g.to_bytes()))


@pytest.mark.parametrize("place", [-9, 7, 2**40])
def test_a_place_outside_of_a_row_is_refused(place):
    g = GraphBuilder()
    x = g.input("numbers", "float64", 3)
    to = g.node("Add", g.node("Cast", x, to=7), g.constant(np.array(place, dtype=np.int64)))
    g.output("prediction", g.node("ScatterElements", x, to, x, axis=1), "float64", 3)
    session = running(g)
    with pytest.raises(ModelRefused):
        session.run(np.zeros((1, 3)), NO_TEXTS)


def test_sums_along_an_axis_that_is_not_there_are_refused():
    g = GraphBuilder()
    x = g.input("numbers", "float64", 3)
    g.output("prediction", g.node("CumSum", x, g.constant(np.array(9, dtype=np.int64))), "float64", 3)
    with pytest.raises(ModelRefused):
        running(g).run(np.zeros((1, 3)), NO_TEXTS)


@pytest.mark.parametrize("pattern", ["(", "a{1000}{1000}", "(?=a)", "\\1"])
def test_patterns_that_are_none_or_too_large_are_refused(pattern):
    g = GraphBuilder()
    texts = g.input("strings", "string", 1)
    g.output("prediction", g.node("RegexFullMatch", texts, pattern=pattern), "bool", 1)
    with pytest.raises(ModelRefused):
        running(g)


def test_a_pattern_that_python_would_never_end_takes_no_time():
    g = GraphBuilder()
    texts = g.input("strings", "string", 1)
    found = g.node("Cast", g.node("RegexFullMatch", texts, pattern="(a+)+b"), to=11)
    g.output("prediction", found, "float64", 1)
    rows = np.array([["a" * 100_000], ["aaab"]], dtype=object)
    answer = running(g).run(np.empty((2, 0)), rows).prediction
    assert answer is not None and answer.ravel().tolist() == [0.0, 1.0]


def test_rows_of_a_large_dictionary_and_of_letters_go_through_in_small_parts():
    g = GraphBuilder()
    texts = g.node("Gather", g.input("strings", "string", 1), g.constant(np.array(0)), axis=1)
    words = g.node(
        "Tokenizer", texts, domain="com.microsoft", mark=0, mincharnum=1, pad_value="", tokenexp="."
    )
    counts = g.node(
        "TfIdfVectorizer", words, mode="TF", min_gram_length=1, max_gram_length=1, max_skip_count=0,
        ngram_counts=[0], ngram_indexes=[0, 39_999], pool_strings=["a", "b"],
    )  # fmt: skip
    short = g.node("Cast", g.node("RegexFullMatch", texts, pattern=".{0,3}"), to=11)
    total = g.node("ReduceSum", g.node("Cast", counts, to=11), g.constant(np.array([1])), keepdims=0)
    g.output("prediction", g.node("Add", total, short), "float64", None)
    session = running(g)
    assert scan(g.to_bytes()).gram_columns == 40_000
    rows = np.array([["ab"]] * 250 + [["a" * 300_000]] + [["c"]] * 10, dtype=object)
    parts = list(session._chunks(rows))
    assert parts[0][0] == 0 and parts[-1][1] == len(rows) and len(parts) > 3
    assert max(b - a for a, b in parts) <= CHUNK_COUNTS // 40_000
    widest = [max(len(t) for t in rows[a:b, 0]) * (b - a) for a, b in parts]
    assert max(widest) <= CHUNK_OF_LETTERS
    answer = session.run(np.empty((len(rows), 0)), rows).prediction
    assert answer is not None and answer[[0, 250, 260]].tolist() == [3.0, 300_000.0, 1.0]
