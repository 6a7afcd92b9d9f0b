"""Patterns match as Python's own do, in steps that grow with the text alone, and say what they cannot be."""

from __future__ import annotations

import re
import signal
import warnings

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlwright.base.errors import Misuse
from mlwright.base.pattern import LONGEST_TEXT, MOST_KEPT, Pattern

LITERALS = st.sampled_from(
    ["a", "b", "c", "0", "7", "_", " ", "-", "é", "Ω", r"\.", r"\\", r"\[", r"\t", r"\n"]
)
CLASSES = st.sampled_from(
    [".", r"\d", r"\w", r"\s", r"\D", r"\W", r"\S", "[ab]", "[^ab]", "[a-c0-9]", r"[\d_-]", r"[^\w ]", "[]a]",
     "[a-]", r"[\]\[]", "[^]]", r"[\s\S]"]
)  # fmt: skip
COUNTS = st.sampled_from(["", "?", "*", "+", "{2}", "{0,2}", "{1,}", "{,3}", "{2,4}", "{0}"])


def longer(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(parts, COUNTS).map(lambda p: f"({p[0]}){p[1]}"),
        st.tuples(parts, COUNTS).map(lambda p: f"(?:{p[0]}){p[1]}"),
        st.tuples(parts, parts).map("".join),
        st.tuples(parts, parts).map("|".join),
    )


PATTERNS = st.recursive(st.tuples(st.one_of(LITERALS, CLASSES), COUNTS).map("".join), longer, max_leaves=8)
TEXTS = st.text(alphabet="abc07_ -éΩ.\\[]\t\nx٣", max_size=12)


def in_python(pattern: re.Pattern[str], text: str) -> bool | None:
    """What Python says, or None where it backtracks for more than a second: it might for years."""

    def give_up(number: int, frame: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    try:
        return bool(pattern.fullmatch(text))
    except TimeoutError:
        return None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def test_a_pattern_that_python_cannot_match_in_time_is_matched_by_ours() -> None:
    pattern = "((a|aa)+)+b"
    assert in_python(re.compile(pattern), "a" * 60) is None
    assert not Pattern(pattern).matches("a" * 60)


@settings(max_examples=600, deadline=None, database=None)
@given(PATTERNS, st.lists(TEXTS, min_size=1, max_size=8))
@example("^(a|b)+$", ["ab", "a\n", "^ab$"])
@example("a|", ["", "a", "|"])
@example("()|(|a)*", ["", "aa"])
def test_whole_texts_match_as_they_do_in_python(pattern: str, texts: list[str]) -> None:
    try:
        ours = Pattern(pattern)
    except Misuse as wrong:
        assert "written out" in str(wrong) or "nested too often" in str(wrong)
        return
    theirs = re.compile(pattern, re.ASCII)
    for text in [*texts, ours.shortest()]:
        said = in_python(theirs, text)
        assert said is None or ours.matches(text) == said, text
    assert ours.matches(ours.shortest())


@settings(max_examples=300, deadline=None, database=None)
@given(st.text(alphabet=r"ab|()[]{}?*+,^$\.-09dwsx", max_size=12))
def test_whatever_is_taken_for_a_pattern_python_takes_as_the_same(pattern: str) -> None:
    try:
        ours = Pattern(pattern)
    except Misuse:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of sets in sets, which are literal still
        theirs = re.compile(pattern, re.ASCII)
    for text in ("", "a", "ab", "ba", "0", "d", "a0", "-", "{", ours.shortest()):
        assert in_python(theirs, text) in (None, ours.matches(text)), text


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|a)*b", "(a|aa)+b", "(.*)*b", "(a?){100}a{100}"])
def test_no_pattern_makes_a_text_cost_more_than_a_step_a_character(pattern: str) -> None:
    one = Pattern(pattern)
    for length in (10, 100, LONGEST_TEXT):
        before = one.steps
        one.matches("a" * length)
        assert one.steps - before <= length


def test_what_is_remembered_stays_within_its_limit() -> None:
    one = Pattern("[^a]*")
    for start in range(0x4E00, 0x4E00 + 3 * MOST_KEPT, LONGEST_TEXT):
        assert one.matches("".join(chr(start + i) for i in range(LONGEST_TEXT)))
    assert sum(map(len, one._known.values())) <= MOST_KEPT


def test_a_text_too_long_for_a_code_matches_nothing() -> None:
    assert Pattern("a*").matches("a" * LONGEST_TEXT)
    assert not Pattern("a*").matches("a" * (LONGEST_TEXT + 1))


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("", "it is empty"),
        ("(a", "this ( is not closed (at character 1)"),
        ("a)", "there is no ( for this ) (at character 2)"),
        ("ab[c", "this [ is not closed (at character 3)"),
        ("a**", "a repetition of a repetition"),
        ("*a", "* repeats nothing; write \\* for the sign itself"),
        ("a{", "{ begins a count such as {2} or {2,5}; write \\{ for the sign itself"),
        ("a{5,2}", "a count from 5 to 2"),
        ("a{501}", "a count of more than 500"),
        ("[z-a]", "a range that goes backwards"),
        (r"[\d-z]", "a range goes from one character to another"),
        ("[[:alpha:]]", "[ inside a class"),
        (r"[^\d\D]", "a class that holds no character"),
        ("(?=a)", "only (?: is"),
        ("(?P<x>a)", "only (?: is"),
        (r"(a)\1", r"\1 is not understood here (at character 5)"),
        (r"\bword", r"\b is not understood here"),
        ("a$b", "$ means nothing here"),
        ("a^", "^ means nothing here"),
        ("a\\", "a backslash before nothing"),
        ("x" * 501, "it has 501 characters; 500 are allowed"),
        ("(a{30}){30}", "more than 500 characters with its repetitions written out"),
        ("(" * 21 + "a" + ")" * 21, "groups more than 20 deep"),
        ("((((((){99}){99}){99}){99}){99}){99}", "nested too often"),
    ],
)
def test_what_cannot_be_a_pattern_is_refused_with_its_place(pattern: str, why: str) -> None:
    with pytest.raises(Misuse) as refused:
        Pattern(pattern)
    assert why in str(refused.value) and "What to do: a pattern holds" in str(refused.value)
