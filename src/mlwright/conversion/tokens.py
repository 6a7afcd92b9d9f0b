"""Tokens: the words of a text as scikit-learn cuts them, made by nodes that know ASCII alone by themselves.

A text is cut where it lies into runs of characters that words are made of, by classes that were asked of
Python. Where letters change (lower case beyond ASCII, accents taken off), each run is cut into pieces at the
letters that change, those are looked up, and the pieces are put together again.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mlwright.base.errors import ConversionRefused
from mlwright.conversion.characters import Changes, Mask, a_class, among, changes, matching
from mlwright.graph.build import ML, GraphBuilder
from mlwright.graph.wire import CONTRIB

MOST_PIECES = 128
"""Of one word: a word of a text takes memory for as many."""
_MARKS_BETWEEN = 12
"""So many marks that are taken off, or letters of what is glued to a word by a fraction, count beside the
longest word."""
_ATOM = re.compile(
    r"(\\[wWdDsS]|\[\^?\]?(?:\\.|[^\]\\])*\]|\\[^A-Za-z0-9]|[^\\\[\](){}|*+?^$])"
    r"(\*|\+|\?|\{\d+(?:,\d*)?\})?(?![?+])",
    re.DOTALL,
)


@dataclass(frozen=True)
class Rule:
    """What a word is: a longest run of `inside`, of at least `least` characters, that matches `whole` (a
    pattern of RE2, empty for any) and `pattern` (the same for Python)."""

    inside: Mask
    least: int
    whole: str = ""
    pattern: str = ""

    def makes(self, word: str) -> bool:
        """Whether `word` is one."""
        fits = len(word) >= self.least and all(self.inside[ord(c)] for c in word)
        return fits and (not self.pattern or re.fullmatch(self.pattern, word) is not None)


def rule_of(pattern: str) -> Rule:
    """What `token_pattern` takes for a word. Raises `ConversionRefused` for patterns that are not runs of
    characters, or words between boundaries."""
    body = pattern.removeprefix("(?u)")
    bounded = body.startswith(r"\b"), body.endswith(r"\b")
    body = body.removeprefix(r"\b").removesuffix(r"\b")
    atoms = list(_ATOM.finditer(body))
    refused = ConversionRefused(
        f"token_pattern={pattern!r} is not converted",
        remedy=r"let it be a run of one kind of characters such as '[a-z]+', or of letters, digits and _ "
        r"between two \b",
    )
    if not atoms or "".join(a[0] for a in atoms) != body:
        raise refused
    masks = [matching(a[1]) for a in atoms]
    counts = [_counts(a[2] or "") for a in atoms]
    least, endless = sum(low for low, _ in counts), any(high is None for _, high in counts)
    letters = matching(r"\w")
    alike = all(bool((m == masks[0]).all()) for m in masks)
    if alike and endless and least and (not any(bounded) or bool((masks[0] == letters).all())):
        return Rule(masks[0], least)
    if all(bounded) and least and not any(bool((m & ~letters).any()) for m in masks):
        whole = "".join(a_class(m) + (a[2] or "") for m, a in zip(masks, atoms, strict=True))
        return Rule(letters, least, whole, body)
    raise refused


def _counts(repeated: str) -> tuple[int, int | None]:
    """The least and the most times of a quantifier; None is any."""
    if repeated in ("", "*", "+", "?"):
        return {"": (1, 1), "*": (0, None), "+": (1, None), "?": (0, 1)}[repeated]
    low, comma, high = repeated[1:-1].partition(",")
    return int(low), (None if comma and not high else int(high or low))


@dataclass(frozen=True)
class Tokens:
    """Words of a text, as strings [N, T] where "" is none; `other` are other ways in which words of the
    vocabulary stand there."""

    tensor: str
    other: dict[str, str]
    gapped: bool
    """Whether there may be "" between two words."""


@dataclass(frozen=True)
class _Kinds:
    """What the characters beyond ASCII that change become: other letters, the last ones of a word, letters
    and what stands between words, or nothing."""

    turned: dict[str, str]
    last: dict[str, str]
    mixed: dict[str, str]
    off: Mask

    @property
    def changing(self) -> Mask:
        return among([*self.turned, *self.last, *self.mixed])


@dataclass(frozen=True)
class Cut:
    """How texts are cut: in lower case, without accents, by a rule. `words` are those that are looked for."""

    rule: Rule
    lower: bool
    accents: str
    words: Collection[str]

    def tokens(self, g: GraphBuilder, column: str) -> Tokens:
        """The words of the texts [N]: the last one is always one that nobody looks for."""
        letters = set("".join(self.words))
        if self.lower:
            refuse_sigma(letters)
            column = g.node(
                "StringNormalizer", column, case_change_action="LOWER", is_case_sensitive=1, locale="C"
            )
        kinds = self._kinds()
        if self.accents:
            return self._pieced(g, column, kinds, kinds.turned | kinds.mixed | kinds.last)
        asked = {c: to for c, to in kinds.turned.items() if letters.issuperset(to) or c in letters}
        if asked:
            return self._pieced(g, column, kinds, asked | kinds.last)
        column = self._ended(g, column, self._stranger())
        raw = cut(g, column, self._run(kinds))
        other = {w[: -len(to)] + c: w for c, to in kinds.last.items() for w in self.words if w.endswith(to)}
        return Tokens(raw, other, gapped=False)

    @cached_property
    def _changes(self) -> Changes:
        return changes(self.lower, self.accents)

    @cached_property
    def _plain(self) -> Mask:
        """Characters of words that stay as they are."""
        return self.rule.inside & ~among(self._changes.table) & ~self._changes.off

    def _kinds(self) -> _Kinds:
        turned, last, mixed = {}, {}, {}
        for c, to in self._changes.table.items():
            if self.lower and c.isascii():
                continue
            at = [bool(self.rule.inside[ord(t)]) for t in to]
            letters = at.index(False) if False in at else len(at)
            if letters == len(at):
                turned[c] = to
            elif letters and sum(at) == letters:
                last[c] = to[:letters]
            elif any(at):
                mixed[c] = to
        if not self.accents and (mixed or any(len(to) > 1 for to in last.values())):
            raise ConversionRefused(
                "token_pattern takes parts of letters for words",
                remedy="let it take whole letters, as the default does",
            )
        return _Kinds(turned, last, mixed, self._changes.off)

    def _run(self, kinds: _Kinds) -> str:
        """A word of letters that each stay one, or of one that becomes two."""
        letters, least = a_class(self._plain, among(kinds.turned)), self.rule.least
        run = f"{letters}{{{least},}}"
        if kinds.last:
            run += f"|{letters}{{{least - 1},}}{a_class(among(kinds.last))}"
        grown = [c for c, to in kinds.turned.items() if len(to) > 1]
        if grown and least > 2:
            raise ConversionRefused(
                "token_pattern counts letters that become two in lower case",
                remedy="let it take words of one or two characters, too, or letters alone",
            )
        return f"{run}|{a_class(among(grown))}" if grown and least == 2 else run

    def _long_run(self, kinds: _Kinds) -> str:
        """Words and what is glued to them: nothing that is taken off begins or ends it."""
        mixed, last = among(kinds.mixed), among(kinds.last)
        inside = self._plain | among(kinds.turned) | mixed
        return f"{a_class(inside)}(?:{a_class(inside, kinds.off)}*{a_class(inside, last)})?|{a_class(last)}"

    def _ended(self, g: GraphBuilder, column: str, word: str) -> str:
        """The texts with `word` behind them, so that none is without a word."""
        between = ~self.rule.inside & ~among(self._changes.table) & ~self._changes.off
        found = np.flatnonzero(between)
        if not len(found):
            raise ConversionRefused("token_pattern leaves nothing that could stand between words")
        blank = " " if between[ord(" ")] else chr(int(found[0]))
        return g.node("StringConcat", column, g.constant(np.array([blank + word], dtype=object)))

    def _stranger(self) -> str:
        """A word that is longer than every word that is looked for."""
        plain = np.flatnonzero(self._plain)
        if not len(plain):
            raise ConversionRefused("token_pattern takes only letters that change")
        return chr(int(plain[0])) * (max(map(len, self.words), default=0) + self.rule.least)

    def _pieced(self, g: GraphBuilder, column: str, kinds: _Kinds, became: dict[str, str]) -> Tokens:
        """Runs cut at the letters that change, each put together from what its pieces become."""
        pieces = self._pieces(became)
        many = next(c for c in became if c in kinds.turned) * (pieces + 1)
        column = self._ended(g, column, many)
        raw = cut(g, column, self._long_run(kinds) if self.accents else self._run(kinds))
        stranger = g.constant(np.array([self._stranger()], dtype=object))
        most = max(pieces + 1, *map(len, self.words))
        short = g.node("RegexFullMatch", raw, pattern=f"(?s:.{{0,{most}}})")
        raw = g.node("Where", short, raw, stranger)
        parts = cut(g, raw, f"{a_class(kinds.changing)}|{a_class(self._plain)}+")
        beyond = g.node("Gather", parts, g.constant(np.array(pieces, dtype=np.int64)), axis=2)
        whole = _turned(g, _sliced(g, parts, 0, pieces, 1), became)
        while pieces > 1:
            whole = g.node("StringConcat", _sliced(g, whole, 0, pieces, 2), _sliced(g, whole, 1, pieces, 2))
            pieces //= 2
        whole = g.node("Squeeze", whole, g.constant(np.array([2])))
        nothing = g.node("Equal", beyond, g.constant(np.array([""], dtype=object)))
        whole = g.node("Where", nothing, whole, stranger)
        if not self.accents:
            return Tokens(whole, {}, gapped=False)
        # What was mixed into a run parts it into words.
        words = cut(g, whole, f"{a_class(self.rule.inside)}{{{self.rule.least},}}")
        return Tokens(g.node("Reshape", words, g.constant(np.array([0, -1]))), {}, gapped=True)

    def _pieces(self, became: dict[str, str]) -> int:
        """How many pieces are put together: as many as any word may have, a power of two."""
        longest = max(map(len, self.words), default=1)
        needed = longest + _MARKS_BETWEEN
        if not self.accents:
            found = set("".join(became.values()))
            needed = max((min(2 * sum(c in found for c in w) + 2, len(w)) for w in self.words), default=1)
        pieces = 1 << max(needed - 1, 1).bit_length()
        if pieces > MOST_PIECES:
            raise ConversionRefused(
                f"the vocabulary has a word of {longest} letters, which is too long to be put together "
                "letter by letter",
                remedy="leave such words out, with min_df=2 or a token_pattern",
            )
        return pieces


def _turned(g: GraphBuilder, pieces: str, became: dict[str, str]) -> str:
    """Pieces looked up; those that the table does not have as they are."""
    none = "\n\n"
    table = became | {"": ""}
    found = g.node(
        "LabelEncoder",
        pieces,
        domain=ML,
        keys_tensor=np.array(list(table), dtype=object),
        values_tensor=np.array(list(table.values()), dtype=object),
        default_tensor=np.array([none], dtype=object),
    )
    as_is = g.node("Equal", found, g.constant(np.array([none], dtype=object)))
    return g.node("Where", as_is, pieces, found)


def refuse_sigma(letters: Iterable[str]) -> None:
    """Raises `ConversionRefused` where lower case would depend on what stands beside a letter."""
    if not {"σ", "ς"}.isdisjoint(letters):
        raise ConversionRefused(
            "the vocabulary has the Greek letter sigma, whose lower case depends on what stands beside it",
            remedy="write texts in lower case before the model, and fit with lowercase=False",
        )


def cut(g: GraphBuilder, texts: str, pattern: str) -> str:
    """What matches `pattern` in each text, along one more axis, padded with ""."""
    return g.node("Tokenizer", texts, domain=CONTRIB, mark=0, mincharnum=1, pad_value="", tokenexp=pattern)


def _sliced(g: GraphBuilder, tensor: str, start: int, stop: int, step: int) -> str:
    """Along the third axis."""
    ends = (np.array([v], dtype=np.int64) for v in (start, stop, 2, step))
    return g.node("Slice", tensor, *map(g.constant, ends))
