"""Texts as scikit-learn counts them: CountVectorizer, TfidfVectorizer, TfidfTransformer.

What is counted is read out of the vocabulary; what a function of one's own would do to a text is refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mlwright.base.errors import ConversionRefused
from mlwright.conversion.counts import NOTHING, closed_up, counted, numbered
from mlwright.conversion.frame import Frame
from mlwright.conversion.letters import Letters
from mlwright.conversion.tokens import Cut, Rule, rule_of


def counts(vectorizer: Any, frame: Frame) -> Frame:  # Any: a CountVectorizer
    """How often each word, or words in a row, of the vocabulary stands in a text."""
    _check(vectorizer)
    vocabulary = _vocabulary(vectorizer)
    found = (_of_words if vectorizer.analyzer == "word" else _of_letters)(vectorizer, frame, vocabulary)
    if vectorizer.binary:
        g = frame.g
        found = g.node("Cast", g.node("Greater", found, g.constant(0.0)), to=11)
    return frame.made(found, vocabulary)


def weights(vectorizer: Any, frame: Frame) -> Frame:  # Any: a TfidfVectorizer
    if np.dtype(vectorizer.dtype) != np.float64:
        raise ConversionRefused(
            f"dtype={np.dtype(vectorizer.dtype)} rounds what it computes",
            remedy="leave dtype out, and fit again",
        )
    return weighed(vectorizer._tfidf, counts(vectorizer, frame))


def weighed(transformer: Any, frame: Frame) -> Frame:  # Any: a TfidfTransformer
    """Counts, or one and their logarithm, times the weight of each word; each row of length one."""
    g, out = frame.g, frame.numbers()
    if transformer.sublinear_tf:
        there = g.node("Greater", out, g.constant(0.0))
        log = g.node("Log", g.node("Where", there, out, g.constant(1.0)))
        out = g.node("Where", there, g.node("Add", log, g.constant(1.0)), g.constant(0.0))
    if transformer.use_idf:
        out = g.node("Mul", out, g.constant(np.asarray(transformer.idf_, dtype=np.float64).reshape(1, -1)))
    if transformer.norm:
        axis = g.constant(np.array([1]))
        if transformer.norm == "l2":
            size = g.node("Sqrt", g.node("ReduceSum", g.node("Mul", out, out), axis, keepdims=1))
        else:
            size = g.node("ReduceSum", g.node("Abs", out), axis, keepdims=1)
        out = g.node(
            "Div", out, g.node("Where", g.node("Equal", size, g.constant(0.0)), g.constant(1.0), size)
        )
    return frame.made(out, frame.names)


def _check(vectorizer: Any) -> None:  # Any: a CountVectorizer or TfidfVectorizer
    for name in ("preprocessor", "tokenizer", "analyzer", "strip_accents"):
        given = getattr(vectorizer, name)
        if callable(given):
            raise ConversionRefused(
                f"{name}={getattr(given, '__name__', given)!r} is code, which a graph cannot look into",
                remedy=f"leave {name} out, or do it before the model",
            )
    if vectorizer.input != "content":
        raise ConversionRefused(
            f"input={vectorizer.input!r} reads files", remedy="let input be 'content', and give texts"
        )


def _vocabulary(vectorizer: Any) -> list[str]:  # Any: a CountVectorizer
    """What each column counts."""
    columns = {int(column): str(term) for term, column in vectorizer.vocabulary_.items()}
    return [columns[i] for i in range(len(columns))]


def _of_letters(vectorizer: Any, frame: Frame, vocabulary: list[str]) -> str:  # Any: a CountVectorizer
    accents = vectorizer.strip_accents or ""
    within_words = vectorizer.analyzer == "char_wb"
    letters = Letters(vectorizer.lowercase, accents, within_words, tuple(vectorizer.ngram_range))
    return letters.counts(frame.g, frame.text(), vocabulary)


def _of_words(vectorizer: Any, frame: Frame, vocabulary: list[str]) -> str:  # Any: a CountVectorizer
    g = frame.g
    rule = rule_of(vectorizer.token_pattern)
    fewest, most = vectorizer.ngram_range
    if most > 1 and rule.inside[ord(" ")]:
        raise ConversionRefused(
            "token_pattern takes blanks for a part of words, so that words in a row cannot be told apart",
            remedy="let it leave blanks out",
        )
    stopped = set(vectorizer.get_stop_words() or ())
    grams = [_gram(term, rule, (fewest, most), stopped) for term in vocabulary]
    words = sorted({word for gram in grams for word in gram})
    numbers = {word: i for i, word in enumerate(words, 1)}
    if most > 1:
        numbers |= {word: NOTHING for word in stopped if rule.makes(word)}
    cut = Cut(rule, vectorizer.lowercase, vectorizer.strip_accents or "", list(numbers))
    tokens = cut.tokens(g, frame.text())
    numbers |= {other: numbers[word] for other, word in tokens.other.items()}
    tensor = tokens.tensor
    if most > 1 and rule.whole:
        none = g.constant(np.array([""], dtype=object))
        tensor = g.node("Where", g.node("RegexFullMatch", tensor, pattern=rule.whole), tensor, none)
    found = numbered(g, tensor, numbers)
    if most > 1 and (rule.whole or tokens.gapped or NOTHING in numbers.values()):
        found = closed_up(g, found)
    return counted(g, found, [[numbers[word] for word in gram] for gram in grams])


def _gram(term: str, rule: Rule, range_: tuple[int, int], stopped: set[str]) -> list[str]:
    """The words of a term of the vocabulary; none where no text can have it."""
    words = term.split(" ") if range_[1] > 1 else [term]
    fits = range_[0] <= len(words) <= range_[1]
    return words if fits and all(rule.makes(w) and w not in stopped for w in words) else []
