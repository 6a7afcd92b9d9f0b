"""Texts are counted in the graph as scikit-learn counts them, whatever stands in them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from sklearn import compose, impute, linear_model, pipeline, preprocessing
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer

import mlwright as mw
from mlwright.base.errors import ConversionRefused, Misuse
from mlwright.conversion.letters import Letters
from mlwright.conversion.odd import odd_texts
from mlwright.conversion.tokens import Cut, rule_of
from mlwright.graph.build import GraphBuilder
from mlwright.graph.running import session

pd = pytest.importorskip("pandas")
pytestmark = pytest.mark.filterwarnings("ignore")

DOCS = sorted((Path(__file__).parents[2] / "docs").glob("*.md"))
FOREIGN = [
    "Die Größe passt über alles, Straße für Straße",
    "Un café très naïve à l'élève",
    "Привет мир, ёлка и Київ в тексте",
    "İstanbul evleri ve ışık, güneşli bir gün",
    "5½ cups of brand™ ﬁne №7 at 10℃",
    "日本語 の テキスト",
]


@pytest.fixture(scope="module")
def texts():
    """Real sentences of the documentation, and some in other tongues; the second half is for comparing."""
    found = [
        line.strip() for page in DOCS[:12] for line in page.read_text().splitlines() if len(line.split()) > 5
    ]
    step = max(1, len(found) // 80)
    return pd.Series([*found[::step][:60], *FOREIGN, *found[1::step][:40]], name="note")


def about(texts):
    return np.array(["long" if len(t) > 90 else "short" for t in texts])


def converted(model, texts):
    """The fitted model, and what became of it, compared on texts beyond those of the report too."""
    rows = texts.iloc[:66]
    model.fit(rows, about(rows))
    found = mw.convert(model, example=rows.iloc[:15], target="length")
    fresh = pd.Series([*texts.iloc[66:], *odd_texts(list(texts.iloc[:8]))])
    answer = found.predict_proba(pd.DataFrame({"note": fresh}))
    np.testing.assert_allclose(answer, model.predict_proba(fresh), atol=1e-12)
    assert found.evaluation.parity.largest < 1e-12 and found.evaluation.parity.rows > 100
    return found


def end():
    return linear_model.LogisticRegression(max_iter=200)


USUAL = [
    {"ngram_range": (1, 2), "stop_words": "english", "sublinear_tf": True},
    {"strip_accents": "unicode", "ngram_range": (1, 2)},
    {"analyzer": "char_wb", "ngram_range": (2, 3)},
]
MORE = [
    {},
    {"lowercase": False, "token_pattern": r"\b[a-zA-Z]{3,}\b", "ngram_range": (2, 2), "norm": "l1"},
    {"analyzer": "char", "ngram_range": (1, 3)},
    {"analyzer": "char", "ngram_range": (2, 3), "strip_accents": "ascii", "lowercase": False},
    {"analyzer": "char_wb", "ngram_range": (4, 5), "strip_accents": "unicode", "min_df": 2},
    {"analyzer": "char_wb", "ngram_range": (1, 2), "strip_accents": "ascii", "binary": True},
    {"strip_accents": "ascii", "ngram_range": (1, 2)},
    {"strip_accents": "ascii", "lowercase": False},
    {"strip_accents": "unicode", "stop_words": ["the", "of", "a"], "ngram_range": (1, 3)},
    {"token_pattern": r"[a-z']+", "binary": True, "norm": None, "max_features": 80},
    {"token_pattern": r"\S+"},
    {"token_pattern": r"(?u)\b\w+\b", "use_idf": False, "ngram_range": (1, 2)},
    {"token_pattern": r"\b[^\W\d]\w*\b", "ngram_range": (1, 2)},
    {"vocabulary": ["the", "graph", "Graph", "of the", "the the graph"], "ngram_range": (1, 2)},
    {"min_df": 2, "max_df": 0.5, "smooth_idf": False},
]


@pytest.mark.parametrize("settings", USUAL, ids=str)
def test_texts_are_counted_alike(settings, texts):
    found = converted(pipeline.make_pipeline(TfidfVectorizer(**settings), end()), texts)
    [column] = found.schema.features
    assert (column.name, column.kind, column.nullable) == ("note", "text", True)


@pytest.mark.slow
@pytest.mark.parametrize("settings", MORE, ids=str)
def test_texts_are_counted_alike_with_less_usual_settings(settings, texts):
    converted(pipeline.make_pipeline(TfidfVectorizer(**settings), end()), texts)


def test_counts_and_their_weights_are_steps_of_their_own(texts):
    steps = CountVectorizer(ngram_range=(1, 2), min_df=2), TfidfTransformer(sublinear_tf=True), end()
    converted(pipeline.make_pipeline(*steps), texts)


def test_a_text_column_stands_among_others_of_a_table(texts):
    rows = pd.DataFrame(
        {"note": texts, "length": texts.str.len().astype(float), "first": texts.str.strip().str[0]}
    )
    front = compose.make_column_transformer(
        (TfidfVectorizer(min_df=2), "note"),
        (preprocessing.StandardScaler(), ["length"]),
        (preprocessing.OneHotEncoder(handle_unknown="ignore"), ["first"]),
    )
    model = pipeline.make_pipeline(front, linear_model.Ridge()).fit(rows, rows["length"])
    found = mw.convert(model, example=rows.iloc[:50], target="size")
    np.testing.assert_allclose(found.predict(rows), model.predict(rows), rtol=1e-9)
    assert {c.name: c.kind for c in found.schema.features} == {
        "note": "text", "length": "numeric", "first": "categorical",
    }  # fmt: skip
    # A missing text is an empty one, which the original takes.
    row = rows.iloc[:1].assign(note="")
    asked = {"note": None, "length": float(row["length"].iloc[0]), "first": row["first"].iloc[0]}
    np.testing.assert_allclose(found.predict(asked), model.predict(row), rtol=1e-9)


@pytest.mark.parametrize(
    "given", ["series", *(pytest.param(k, marks=pytest.mark.slow) for k in ("list", "array"))]
)
def test_texts_alone_are_an_example(given, texts):
    model = pipeline.make_pipeline(TfidfVectorizer(), end()).fit(texts, about(texts))
    rows = texts.iloc[:20]
    kinds = {"series": rows, "list": rows.tolist(), "array": rows.to_numpy(dtype=object)}
    found = mw.convert(model, example=kinds[given], target="length")
    assert found.schema.features[0].name == ("note" if given == "series" else "text")


TOKENS = [
    (r"(?u)\b\w\w+\b", True, ""),
    (r"(?u)\b\w\w+\b", True, "unicode"),
    *(
        pytest.param(*setting, marks=pytest.mark.slow)
        for setting in (
            (r"(?u)\b\w\w+\b", True, "ascii"),
            (r"(?u)\b\w\w+\b", False, "unicode"),
            (r"[a-z]+", True, "unicode"),
            (r"\S\S+", True, ""),
            (r"\b\d+\b", True, ""),
        )
    ),
]


@pytest.mark.parametrize(("pattern", "lower", "accents"), TOKENS)
def test_words_are_cut_as_python_cuts_them(pattern, lower, accents):
    from sklearn.feature_extraction.text import strip_accents_ascii, strip_accents_unicode

    rng = np.random.default_rng(0)
    letters = list("aZé'-_7 ßÉİı½™ﬁ⑽ññあЖж—.\u0301") + ["\U0001f600", " "]
    given = odd_texts(["Hello World"]) + ["".join(rng.choice(letters, 12)) for _ in range(400)]
    given = [t for t in given if not set(t) & set("Σσς")]
    off = {"": str, "unicode": strip_accents_unicode, "ascii": strip_accents_ascii}[accents]
    wanted = [re.findall(pattern, off(t.lower() if lower else t)) for t in given]
    wanted = [[w for w in words if len(w) <= 20] for words in wanted]
    known = sorted({w for words in wanted for w in words})
    g = GraphBuilder()
    rule = rule_of(pattern)
    found = Cut(rule, lower, accents, known).tokens(g, g.input("strings", "string", None))
    g.output("words", found.tensor, "string", -1)
    run, vocabulary = session(g.to_bytes()), set(known)
    for text, words in zip(given, wanted, strict=True):
        tokens = run.run(None, {"strings": np.array([text], dtype=object)})[0][0]
        named = [found.other.get(t, t) for t in tokens]
        assert [t for t in named if t in vocabulary] == words, text


LETTERS = [
    ("char", (1, 3), True, ""),
    ("char_wb", (3, 4), True, ""),
    *(
        pytest.param(*setting, marks=pytest.mark.slow)
        for setting in (
            ("char", (1, 2), True, "unicode"),
            ("char", (2, 2), False, "ascii"),
            ("char_wb", (1, 2), True, "unicode"),
            ("char_wb", (4, 5), False, "ascii"),
        )
    ),
]


@pytest.mark.parametrize(("analyzer", "range_", "lower", "accents"), LETTERS)
def test_letters_are_counted_as_scikit_learn_counts_them(analyzer, range_, lower, accents):
    rng = np.random.default_rng(0)
    letters = list("aZé'. \t\n\u00a0´ßİı½ﬁжあ—\u0301\ufdfa") + ["\U0001f600", " "]
    given = odd_texts(["Hello World"]) + ["".join(rng.choice(letters, 12)) for _ in range(300)]
    given = ["", " ", " a  b ", *(t for t in given if not set(t) & set("Σσς"))]
    counter = CountVectorizer(
        analyzer=analyzer, ngram_range=range_, lowercase=lower, strip_accents=accents or None
    )
    wanted = counter.fit_transform(given).toarray()
    terms = list(counter.get_feature_names_out())
    g = GraphBuilder()
    counts = Letters(lower, accents, analyzer == "char_wb", range_).counts(
        g, g.input("strings", "string", None), terms
    )
    g.output("counts", counts, "float64", len(terms))
    run = session(g.to_bytes())
    found = run.run(None, {"strings": np.array(given, dtype=object)})[0]
    np.testing.assert_array_equal(found, wanted)


def test_an_imputer_may_stand_before_texts_are_counted(texts):
    rows = pd.DataFrame({"note": texts.astype(object)})
    rows.loc[::7, "note"] = np.nan
    steps = (
        impute.SimpleImputer(strategy="constant", fill_value="nothing said"),
        preprocessing.FunctionTransformer(np.ravel),
        TfidfVectorizer(min_df=2),
    )
    front = compose.make_column_transformer((pipeline.make_pipeline(*steps), ["note"]))
    model = pipeline.make_pipeline(front, end()).fit(rows, about(texts))
    found = mw.convert(model, example=rows.iloc[:20], target="length")
    np.testing.assert_allclose(found.predict_proba(rows), model.predict_proba(rows), atol=1e-12)
    assert found.schema.column("note").nullable and found.schema.column("note").kind == "text"


def shout(text):
    return text.upper()


REFUSED = [
    ({"preprocessor": shout}, "preprocessor='shout' is code"),
    ({"tokenizer": str.split}, "tokenizer='split' is code"),
    ({"analyzer": str.split}, "analyzer='split' is code"),
    ({"strip_accents": shout}, "strip_accents='shout' is code"),
    ({"token_pattern": r"\w+(?:-\w+)?"}, "token_pattern="),
    ({"token_pattern": r"\b\w+?\b"}, "token_pattern="),
    ({"token_pattern": r"\b[\w']+\b"}, "token_pattern="),
    ({"token_pattern": r"[a-z ]+", "ngram_range": (1, 2)}, "takes blanks for a part of words"),
    ({"analyzer": "char", "ngram_range": (2, 9)}, "more than 8 letters"),
    ({"token_pattern": r"\S{3,}"}, "letters that become two"),
    ({"dtype": np.float32}, "dtype=float32"),
    ({"strip_accents": "unicode", "token_pattern": r"\S+", "vocabulary": ["x" * 300]}, "too long"),
]


@pytest.mark.parametrize(("settings", "said"), REFUSED, ids=lambda v: str(v)[:40])
def test_what_no_graph_does_to_a_text_is_refused(settings, said, texts):
    model = pipeline.make_pipeline(TfidfVectorizer(**settings), end()).fit(texts, about(texts))
    with pytest.raises(ConversionRefused, match=re.escape(said)) as refused:
        mw.convert(model, example=texts.iloc[:20], target="length")
    assert "Vectorizer" in refused.value.where and refused.value.remedy


def test_lower_case_that_depends_on_neighbours_is_refused(texts):
    rows = pd.Series([*texts.iloc[:20], "Η οδός της Ελλάδας"])
    model = pipeline.make_pipeline(CountVectorizer(), end()).fit(rows, about(rows))
    with pytest.raises(ConversionRefused, match="Greek letter sigma"):
        mw.convert(model, example=rows, target="length")
    as_it_is = pipeline.make_pipeline(CountVectorizer(lowercase=False), end()).fit(rows, about(rows))
    mw.convert(as_it_is, example=rows, target="length")


def test_an_original_that_heeds_blanks_around_a_text_is_refused_for_such_texts(texts):
    rows = pd.Series([f"  {t} " if i % 2 else t for i, t in enumerate(texts)])
    model = pipeline.make_pipeline(CountVectorizer(analyzer="char", ngram_range=(1, 2)), end())
    model.fit(rows, about(texts))
    with pytest.raises(ConversionRefused, match="heeds blanks around a text") as refused:
        mw.convert(model, example=rows[:20], target="length")
    assert "CountVectorizer" in refused.value.where and "str.strip" in refused.value.remedy
    table, words = rows.to_frame("note"), compose.make_column_transformer((CountVectorizer(), "note"))
    by_words = pipeline.make_pipeline(words, end()).fit(table, about(texts))
    found = mw.convert(by_words, example=table[:20], target="length")  # who counts words does not heed them
    np.testing.assert_allclose(found.predict_proba(table), by_words.predict_proba(table), atol=1e-12)


def test_a_table_where_a_text_is_asked_for_is_told(texts):
    rows = pd.DataFrame({"note": texts, "more": texts})
    front = compose.make_column_transformer((CountVectorizer(), "note"))
    model = pipeline.make_pipeline(front, end()).fit(rows, about(texts))
    model[0].transformers_[0] = ("words", model[0].transformers_[0][1], ["note", "more"])
    with pytest.raises((ConversionRefused, Misuse)):
        mw.convert(model, example=rows.iloc[:20], target="length")
