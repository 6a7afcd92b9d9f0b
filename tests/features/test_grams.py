"""Words and pairs of words: the nodes count what training counts, and pairs are there only where they pay."""

import itertools
import re
from collections import Counter

import numpy as np
import polars as pl
import pytest

from mlwright.base.schema import Column, Schema
from mlwright.data.dataset import Dataset, Provenance
from mlwright.features import VIEWS, FeaturePlan, table_of
from mlwright.features.categories import fit_folds
from mlwright.features.grams import FEWEST_PAIR, Grams, choose_grams
from mlwright.features.text import count_nodes, tokenise, tokenise_against
from mlwright.graph.build import GraphBuilder
from mlwright.graph.running import session
from mlwright.graph.scan import scan

Pair = tuple[str, str]


def counter(words: list[str], pairs: list[Pair]):
    """Texts to counts by the serving nodes."""
    g = GraphBuilder()
    column = g.input("text", "string", None)
    g.output("counts", count_nodes(g, column, words, pairs), "float64", len(words) + len(pairs))
    graph = g.to_bytes()
    scan(graph)
    run = session(graph)
    return lambda texts: run.run(None, {"text": np.array(texts, dtype=object)})[0]


def counted(text: str, words: list[str], pairs: list[Pair]) -> list[int]:
    """The same, in plain Python."""
    lowered = "".join(c.lower() if c.isascii() else c for c in text)
    tokens = re.findall(r"[0-9a-z\x80-\U0010ffff]+", lowered)
    alone, beside = Counter(tokens), Counter(itertools.pairwise(tokens))
    return [alone[w] for w in words] + [beside[p] for p in pairs]


def test_every_pool_of_two_words_and_their_pairs_is_counted_rightly_in_every_short_text():
    words = ["a", "b"]
    grams = [*words, *itertools.product(words, repeat=2)]
    texts = [" ".join(t) for n in range(6) for t in itertools.product("abc", repeat=n)]
    for chosen in itertools.chain.from_iterable(itertools.combinations(grams, n) for n in range(1, 7)):
        alone = [c for c in chosen if isinstance(c, str)]
        pairs = [c for c in chosen if not isinstance(c, str)]
        assert np.array_equal(counter(alone, pairs)(texts), [counted(t, alone, pairs) for t in texts])


def test_pools_drawn_at_random_are_counted_rightly_one_row_at_a_time_and_together():
    rng = np.random.default_rng(0)
    known = ["a", "b", "ab", "é", "a1", "don", "t"]
    for _ in range(40):
        words = [known[i] for i in rng.permutation(7)[: rng.integers(0, 6)]]
        every = list(itertools.product(known, repeat=2))
        pairs = [every[i] for i in rng.permutation(49)[: rng.integers(1, 30)]]
        count = counter(words, pairs)
        texts = [
            str(rng.choice([" ", ", ", "...", "'"])).join(w.upper() if w.isascii() else w for w in drawn)
            for drawn in (rng.choice(known, n) for n in rng.integers(0, 30, 40))
        ]
        together = count(texts)
        assert np.array_equal(together, [counted(t, words, pairs) for t in texts])
        assert np.array_equal(together, np.concatenate([count([t]) for t in texts]))


@pytest.mark.parametrize("pairs", [[("a", "b")], [("a", "a"), ("b", "a"), ("a", "b")]])
def test_empty_short_and_very_long_texts_are_counted_alone_and_beside_others(pairs: list[Pair]):
    texts = ["", " ", "a", "b", "a b", "a-b", "A, b.", "ab", "a " * 300_000, "a b " * 100_000 + "a", ""]
    for words in ([], ["a", "b"]):
        count = counter(words, pairs)
        together = count(texts)
        assert np.array_equal(together, [counted(t, words, pairs) for t in texts])
        assert np.array_equal(together, np.concatenate([count([t]) for t in texts]))


def test_training_counts_what_the_nodes_count():
    rng = np.random.default_rng(1)
    texts = [" ".join(rng.choice(["x", "y", "z", "w"], n)) for n in rng.integers(0, 9, 300)]
    tokens = tokenise(texts)
    grams = Grams(np.array([0, 2]), np.array([[0, 0], [1, 0], [2, 3]]))
    vocabulary = [str(w) for w in tokens.vocabulary]
    words = [vocabulary[w] for w in grams.words]
    pairs = [(vocabulary[a], vocabulary[b]) for a, b in grams.pairs]
    assert np.array_equal(grams.counts(tokens), counter(words, pairs)(texts))
    some = np.array([7, 3, 250, 3])
    assert np.array_equal(grams.counts(tokens.rows(some)), grams.counts(tokens)[some])
    assert np.array_equal(grams.taken([1, 2, 4]).counts(tokens), grams.counts(tokens)[:, [1, 2, 4]])
    other = ["x unknown x x", "unknown unknown", "", "y x"]
    assert np.array_equal(grams.counts(tokenise_against(tokens, other)), counter(words, pairs)(other))


def reviews(n: int, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Texts whose words say nothing about the target, and whose order of two words says nearly all."""
    rng = np.random.default_rng(seed)
    texts, y = [], np.zeros((n, 1))
    for i in range(n):
        around = [f"w{j}" for j in rng.integers(0, 40, rng.integers(2, 12))]
        y[i] = rng.random() < 0.5
        middle = ["not", "good", "but", "bad"] if y[i] else ["not", "bad", "but", "good"]
        texts.append(" ".join([*around[:3], *middle, *around[3:]]))
    return texts, y


def chosen_pairs(texts: list[str], y: np.ndarray, most: int = 300) -> tuple[Grams, set[Pair]]:
    tokens = tokenise(texts)
    grams = choose_grams(tokens, y, fit_folds(len(texts), 0), most)
    return grams, {(str(a), str(b)) for a, b in tokens.vocabulary[grams.pairs]}


def test_pairs_are_counted_where_the_order_of_words_tells():
    grams, pairs = chosen_pairs(*reviews(600), most=40)
    assert {("not", "good"), ("not", "bad")} <= pairs
    assert len(grams) <= 40 and len(grams.pairs) <= 12 and len(grams.words) >= 28


def test_words_keep_their_places_where_pairs_tell_nothing_more():
    rng = np.random.default_rng(2)
    y = (rng.random((800, 1)) < 0.5).astype(float)
    texts = [
        " ".join(rng.permutation([*rng.choice(["p", "q", "r"], 4), *(["yes"] if v else ["no"]), "k", "l"]))
        for v in y[:, 0]
    ]
    assert chosen_pairs(texts, y)[1] == set()
    assert chosen_pairs(texts, rng.normal(size=(800, 1)))[1] == set()


def test_a_pair_that_fewer_than_ten_rows_share_is_never_stored():
    texts, y = reviews(600)
    for share, stored in ((FEWEST_PAIR - 1, False), (FEWEST_PAIR, True)):
        rare = [f"{t} secret agent" if i < share else t for i, t in enumerate(texts)]
        told = y.copy()
        told[:share] = 1
        apart = [f"secret w1 agent {t}" if i > 500 else t for i, t in enumerate(rare)]
        assert (("secret", "agent") in chosen_pairs(apart, told)[1]) == stored


@pytest.mark.parametrize("texts", [[""] * 30, ["one"] * 30, ["one two"] * 30, ["only"] + [""] * 29])
def test_texts_without_pairs_to_choose_from_have_none(texts: list[str]):
    y = np.arange(float(len(texts)))[:, None]
    assert len(choose_grams(tokenise(texts), y, fit_folds(len(texts), 0), 300)) == 0


def test_pairs_of_a_large_table_are_chosen_by_some_of_its_rows(monkeypatch):
    monkeypatch.setattr("mlwright.features.grams.MOST_ROWS", 500)
    assert ("not", "good") in chosen_pairs(*reviews(2_000), most=40)[1]


def a_plan(n: int = 600) -> tuple[FeaturePlan, Dataset]:
    texts, y = reviews(n)
    frame = pl.DataFrame({"note": [None, "", *texts[2:]], "title": [f"good {i % 7} bad" for i in range(n)]})
    schema = Schema(columns=(Column(name="note", kind="text"), Column(name="title", kind="text")))
    dataset = Dataset(frame, schema, Provenance("made"))
    return FeaturePlan.fit(table_of(dataset), y, seed=0), dataset


@pytest.mark.parametrize("view", VIEWS)
def test_the_training_matrix_with_pairs_is_what_one_row_at_a_time_is_served(view: str):
    plan, dataset = a_plan()
    assert any(len(g.pairs) for g in plan.fitted.coding.grams)
    g = GraphBuilder()
    strings = g.input("strings", "string", 2)
    g.output("matrix", plan.nodes(g, view, "", plan.code_nodes(g, strings)), "float64", -1)
    run = session(g.to_bytes())
    rows = dataset.strings()
    trained = plan.matrix(view, plan.table)
    together = run.run(None, {"strings": rows})[0]
    alone = np.concatenate([run.run(None, {"strings": rows[i : i + 1]})[0] for i in range(60)])
    # Products of matrices may differ in the last digit; all else is equal.
    least = 1e-15 if view == "rich-linear" else 0
    assert np.allclose(trained, together, rtol=1e-13, atol=least)
    assert np.allclose(trained[:60], alone, rtol=1e-13, atol=least)


def test_a_pair_is_built_without_what_nothing_asks_for():
    plan, dataset = a_plan()
    coding = plan.fitted.coding
    note, vocabulary = coding.grams[0], plan.table.texts[0].vocabulary
    pair = [tuple(p) for p in vocabulary[note.pairs]].index(("not", "good"))
    features = [coding.counts[len(note.words) + pair]]
    inputs = plan.inputs_of(features)
    assert inputs.strings == (0,)
    g = GraphBuilder()
    strings = g.input("strings", "string", 1)
    codes = plan.code_nodes(g, strings, inputs)
    g.output("matrix", plan.feature_nodes(g, features, "", codes, inputs), "float64", 1)
    graph = g.to_bytes()
    assert b"good" in graph and b"bad" not in graph and b"w1" not in graph
    got = session(graph).run(None, {"strings": dataset.strings()[:, :1]})[0]
    assert np.array_equal(got, plan.values(features, plan.table))
