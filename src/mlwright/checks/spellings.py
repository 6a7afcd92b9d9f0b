"""Checks for one thing written in several ways: categories (MLW107) and labels of the target (MLW305).

Called by `check` through the table of checks. Goes by case, blanks, punctuation and the words for yes and no;
what carries meaning, such as `<`, `+`, or a dot between digits, keeps texts apart.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import polars as pl

from mlwright.base.finding import Severity
from mlwright.checks.outcome import Check, CouldNotLook, Seen, first_rows
from mlwright.checks.table import Table
from mlwright.checks.target import classes_hardly_repeat, target_of
from mlwright.data.text_kind import BOOLEANS

MOST_GROUPS_NAMED = 3
MOST_SPELLINGS_NAMED = 4
LONGEST_NAMED = 40
SHORT = 2
"""Up to so many letters, case may be all that tells two labels apart: the genotypes AA, Aa and aa."""

_YES_OR_NO = (*BOOLEANS, ("1", "0"))
_BY_LETTER = (("yes", "no"), ("true", "false"))
_BLANKS_AT_MARKS = re.compile(r"\s*([^\w\s])\s*")
_BESIDE_LETTERS = re.compile(r"(?<=[^\W\d_])[\s._'’-]+(?=[^\W_])|(?<=[^\W_])[\s._'’-]+(?=[^\W\d_])")
_ENDS = " _,;:!?'\"’`"


@dataclass(frozen=True)
class Spellings:
    """The values of one column that are written in several ways."""

    groups: tuple[tuple[str, ...], ...]
    """Spellings of one thing, most frequent first; the group with the most rows first."""
    values: int
    """Distinct values as they are written."""
    rows: pl.Series
    """Whether each row holds a spelling that is not the most frequent of its group."""

    @property
    def things(self) -> int:
        """Distinct values once each is written in one way."""
        return self.values - sum(len(g) - 1 for g in self.groups)


def categories(table: Table) -> Iterator[Seen]:
    """MLW107."""
    columns = [c for c in table.features if c.kind == "categorical"]
    if not columns:
        raise CouldNotLook("not_applicable", "no feature of categories")
    for column in columns:
        found = spellings_of(table.series(column))
        if found.groups:
            yield Seen(
                f"{found.values:,} categories would be {found.things:,}, each written in one way; "
                f"{int(found.rows.sum()):,} of {len(table):,} rows hold a rarer one",
                "Write each category in one way: a model learns each spelling by itself, from fewer rows.",
                column.name,
                first_rows(found.rows.to_numpy()),
            )


def labels(table: Table) -> Iterator[Seen]:
    """MLW305."""
    target = target_of(table)
    series = table.series(target)
    if table.task == "regression" or series.dtype != pl.String:
        raise CouldNotLook("not_applicable", "the target's values are not texts")
    if classes_hardly_repeat(table):
        raise CouldNotLook("not_applicable", "hardly any class occurs twice")
    found = spellings_of(series)
    if found.groups:
        named = "; ".join(map(_named, found.groups[:MOST_GROUPS_NAMED]))
        more = len(found.groups) - MOST_GROUPS_NAMED
        yield Seen(
            f"{found.values:,} classes would be {found.things:,}, each written in one way: {named}"
            f"{f'; and {more:,} more' if more > 0 else ''}; {int(found.rows.sum()):,} of "
            f"{len(table.labelled):,} rows hold a rarer one",
            "Write each class in one way: a model learns each spelling as a class of its own. Waive this "
            "where they do differ.",
            target.name,
            first_rows(found.rows.to_numpy()),
            severity=_severity(found),
        )


def spellings_of(texts: pl.Series) -> Spellings:
    """Groups of values that differ by spelling alone.

    >>> spellings_of(pl.Series(["Yes", "Yes", "yes", "No", "Y", None])).groups
    (('Yes', 'Y', 'yes'),)
    >>> spellings_of(pl.Series([">50K", "<=50K", "A+", "A-", "A", "1.5", "15"])).groups
    ()
    """
    counts = texts.drop_nulls().alias("text").value_counts(name="count")
    counts = counts.sort(["count", "text"], descending=[True, False])
    written = [t for t in counts["text"].to_list() if t]
    rows_of = dict(counts.iter_rows())
    alike: dict[str, list[str]] = {}
    for text, key in zip(written, _keys(written), strict=True):
        alike.setdefault(key, []).append(text)
    groups = [tuple(g) for g in alike.values() if len(g) > 1]
    groups.sort(key=lambda g: -sum(rows_of[t] for t in g))
    rarer = [t for g in groups for t in g[1:]]
    return Spellings(tuple(groups), len(written), texts.is_in(rarer).fill_null(False))


def _keys(written: Iterable[str]) -> list[str]:
    """What each text says, whatever its spelling."""
    plain = [_plain(t) for t in written]
    means = _yes_or_no(set(plain))
    return [means.get(p, p) for p in plain]


def _yes_or_no(plain: set[str]) -> dict[str, str]:
    """Which of a column's plain texts are spellings of yes and no, and of which.

    Where the column says nothing else, all pairs mean the same; letters alone (`Y`, `N`, `T`) may be codes.
    Beside other texts, only the first letters of a pair's words are spellings of them.
    """
    whole = [pair for pair in _YES_OR_NO if plain >= set(pair)]
    nothing_else = plain <= {word for pair in _YES_OR_NO for word in pair}
    if nothing_else and whole and (len(whole) > 1 or any(len(w) > 1 for w in plain)):
        return {word: side for pair in _YES_OR_NO for word, side in zip(pair, ("yes", "no"), strict=True)}
    return {word[0]: word for pair in whole if pair in _BY_LETTER for word in pair}


def _plain(text: str) -> str:
    """The text without case, and without blanks and punctuation that carry no meaning.

    Kept are marks such as `<` and `+`, a hyphen at an end (`A-`), and all that stands between two digits.
    """
    folded = unicodedata.normalize("NFKC", text).casefold().replace("–", "-").replace("—", "-")
    joined = _BESIDE_LETTERS.sub("", _BLANKS_AT_MARKS.sub(r"\1", folded))
    return joined.strip().lstrip(_ENDS).rstrip(_ENDS + ".") or text


def _named(group: tuple[str, ...]) -> str:
    """A group as it stands in evidence: labels of a target are no secret, they are the model's classes."""
    shown = [repr(t if len(t) <= LONGEST_NAMED else t[: LONGEST_NAMED - 3] + "...") for t in group]
    more = len(group) - MOST_SPELLINGS_NAMED
    return " = ".join(shown[:MOST_SPELLINGS_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _severity(found: Spellings) -> Severity:
    """A tip where all groups are letters in both cases, which may be meant, unless two classes remain."""
    letters = all(len(t) <= SHORT and t.casefold() == g[0].casefold() for g in found.groups for t in g)
    words = any(t.casefold() in ("no", "on") for g in found.groups for t in g)
    return "tip" if letters and not words and found.things != 2 else "issue"


CHECKS: Final[tuple[Check[Table], ...]] = (
    Check(
        "MLW107",
        "one category is written in several ways",
        "tip",
        categories,
        "Found where categories differ only by case, by blanks or punctuation that carry no meaning, or by "
        "the words for yes and no.",
    ),
    Check(
        "MLW305",
        "one class is written in several ways",
        "issue",
        labels,
        "Found where labels differ only by case, by blanks or punctuation that carry no meaning, or by the "
        "words for yes and no (yes, Y, true, 1); a tip where only the case of short labels differs, unless "
        "two classes remain.",
    ),
)
