"""Free text: lower-cased tokens, and pairs of them, counted by nodes that need no system locale.

A token is a run of ASCII letters and digits and of characters beyond ASCII; ASCII letters are lower-cased.
Training runs the same tokenising nodes once over the whole column and keeps token numbers (`Tokens`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.graph.build import GraphBuilder
from mlwright.graph.running import session

Ints = npt.NDArray[np.int64]

# RE2; the operator splits by matches of this expression.
TOKEN = r"[0-9A-Za-z\x{80}-\x{10FFFF}]+"
_CELLS = 500_000
"""Tokens, padding included, of one call of the tokenising nodes: every row is padded to the longest's."""


@dataclass(frozen=True)
class Tokens:
    """A tokenised column: row i holds the tokens `vocabulary[flat[starts[i]:starts[i + 1]]]`."""

    vocabulary: npt.NDArray[np.object_]
    flat: Ints
    starts: Ints

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def row(self) -> Ints:
        """The row of each token of `flat`."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def rows(self, index: Ints) -> Tokens:
        """Only the rows `index`."""
        lengths = np.diff(self.starts)[index]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        flat = np.repeat(self.starts[index] - starts[:-1], lengths) + np.arange(starts[-1])
        return Tokens(self.vocabulary, self.flat[flat], starts)


def token_nodes(g: GraphBuilder, column: str) -> str:
    """Tokens of the string tensor `column` [N], as [N, T] padded with ""."""
    lowered = g.node("StringNormalizer", column, case_change_action="LOWER", is_case_sensitive=1, locale="C")
    return g.node(
        "Tokenizer", lowered, domain="com.microsoft", mark=0, mincharnum=1, pad_value="", tokenexp=TOKEN
    )


def count_nodes(
    g: GraphBuilder, column: str, words: Sequence[str], pairs: Sequence[tuple[str, str]] = ()
) -> str:
    """Counts of tokens, and of pairs of neighbouring tokens, in the string tensor `column` [N].

    As a double [N, words and pairs]. onnxruntime counts pairs rightly where no word is skipped: tests hold
    it to every pool of two words and their pairs.
    """
    counts = g.node(
        "TfIdfVectorizer",
        token_nodes(g, column),
        mode="TF",
        min_gram_length=1,
        max_gram_length=2 if pairs else 1,
        max_skip_count=0,
        ngram_counts=[0, len(words)] if pairs else [0],
        ngram_indexes=list(range(len(words) + len(pairs))),
        pool_strings=[*words, *(word for pair in pairs for word in pair)],
    )
    return g.node("Cast", counts, to=11)


def tokenise(texts: list[str]) -> Tokens:
    """The column's tokens through the tokenising nodes, numbered by first appearance of rows in the sorted
    order."""
    run = _tokenizer()
    numbers: dict[str, int] = {}
    flat: list[npt.NDArray[np.int64]] = []
    lengths: list[Ints] = []
    for start, end in _chunks(texts):
        tokens = run(np.array(texts[start:end], dtype=object))
        present = tokens != ""
        lengths.append(present.sum(axis=1))
        words = tokens[present]
        flat.append(np.fromiter((numbers.setdefault(w, len(numbers)) for w in words), np.int64, len(words)))
    starts = (
        np.concatenate([[0], np.cumsum(np.concatenate(lengths))]) if lengths else np.zeros(1, dtype=np.int64)
    )
    vocabulary = np.array(list(numbers), dtype=object)
    return Tokens(
        vocabulary, np.concatenate(flat) if flat else np.zeros(0, dtype=np.int64), starts.astype(np.int64)
    )


def tokenise_against(known: Tokens, texts: list[str]) -> Tokens:
    """Tokens of other texts in the numbering of `known`; words it does not have share one number behind its
    own."""
    own = tokenise(texts)
    number = {w: i for i, w in enumerate(known.vocabulary)}
    unknown = len(number)
    place = np.array([number.get(w, unknown) for w in own.vocabulary], dtype=np.int64)
    vocabulary = np.append(known.vocabulary, "")
    return Tokens(vocabulary, place[own.flat] if len(own.flat) else own.flat, own.starts)


def _chunks(texts: list[str]) -> Iterator[tuple[int, int]]:
    """Ranges of rows whose tokens, each row padded to the longest, stay within the cells of one call."""
    start = longest = 0
    for i, text in enumerate(texts):
        most = len(text) // 2 + 1  # a token and what parts it from the next take two characters
        longest = max(longest, most)
        if i > start and (i - start + 1) * longest > _CELLS:
            yield start, i
            start, longest = i, most
    if texts:
        yield start, len(texts)


def _tokenizer() -> Callable[[npt.NDArray[np.object_]], npt.NDArray[np.object_]]:
    g = GraphBuilder()
    column = g.input("text", "string", None)
    g.output("tokens", token_nodes(g, column), "string", -1)
    run = session(g.to_bytes())

    def tokens_of(texts: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
        tokens: npt.NDArray[np.object_] = run.run(None, {"text": texts})[0]
        return tokens

    return tokens_of
