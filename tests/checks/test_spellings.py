"""One thing written in several ways: labels are an issue, categories a tip; marks with meaning count."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from mlwright.checks import check
from mlwright.checks.spellings import spellings_of
from mlwright.sources import Roles, read

RANDOM = np.random.default_rng(4)


def labelled(*counts: tuple[str, int]) -> dict[str, object]:
    y = [label for label, count in counts for _ in range(count)]
    return {"x": RANDOM.random(len(y)), "y": y}


def test_labels_that_spell_yes_and_no_in_many_ways_are_an_issue_that_names_them(seen):
    table = labelled(("Yes", 40), ("No", 90), ("yes", 6), ("no", 7), ("Y", 4), ("N", 3))
    [found] = seen("MLW305", table)
    assert (found.status, found.severity, found.column) == ("found", "issue", "y")
    assert (
        "6 classes would be 2, each written in one way: 'No' = 'no' = 'N'; 'Yes' = 'yes' = 'Y';"
        in found.evidence
    )
    assert "20 of 150 rows hold a rarer one" in found.evidence
    assert found.rows[0] == 130


def test_the_issue_stands_for_a_file_as_it_was_read():
    churned = ["Yes", "No", "yes", "no ", "Y", "N"] * 20
    data = read({"x": list(range(120)), "Churned": churned}, Roles(target="Churned"))
    assert ("MLW305", "Churned") in {(f.code, f.column) for f in check(data).issues}


@pytest.mark.parametrize(
    "same",
    [
        ("lung cancer", "Lung Cancer", "lung_cancer", "lung-cancer", "Lung cancer."),
        ("Grade 1", "grade1", "Grade-1"),
        (">50K", "> 50k"),
        ("U.S.", "US", "us"),
        ("true", "T", "false", "F", "1", "0"),
        ("Yes", "Y", "No", "Maybe"),
    ],
)
def test_case_blanks_and_marks_without_meaning_are_seen_through(same):
    assert spellings_of(pl.Series(same)).groups


@pytest.mark.parametrize(
    "different",
    [
        (">50K", "<=50K", "<50K"),
        ("A", "A+", "A-", "-A"),
        ("C", "C++", "C#"),
        ("1.5", "15", "-15", "1-5", "1,5", ".15"),
        ("10 20", "1020", "10-20"),
        ("Y", "N", "T", "F", "A"),
        ("N", "F", "T"),
        ("M", "F"),
        ("0", "1", "yes", "2"),
        ("?", "!", "..."),
        ("No", "No phone service", "Yes"),
    ],
)
def test_what_carries_meaning_keeps_texts_apart(different):
    assert spellings_of(pl.Series(different)).groups == ()


@pytest.mark.parametrize(
    ("labels", "severity"),
    [(("AA", "Aa", "aa"), "tip"), (("a", "A", "b", "B", "c", "C"), "tip"), (("M", "m", "F", "f"), "issue")],
)
def test_letters_in_both_cases_may_be_meant_unless_two_classes_remain(seen, labels, severity):
    [found] = seen("MLW305", labelled(*((label, 30) for label in labels)))
    assert (found.status, found.severity) == ("found", severity)


def test_labels_that_hardly_repeat_are_never_named(seen):
    names = [f"Person {i}" for i in range(100)]
    [finding] = seen("MLW305", labelled(*((n, 1) for n in [*names, *map(str.lower, names)])))
    assert (finding.status, finding.evidence) == ("not_applicable", "hardly any class occurs twice")


def test_a_feature_in_several_spellings_is_a_tip_without_values(seen, clean):
    city = ["Paris"] * 300 + ["paris"] * 20 + ["PARIS "] * 5 + ["Rome"] * 275
    [found] = seen("MLW107", clean | {"c": city})
    assert (found.severity, found.column, found.rows[0]) == ("tip", "c", 300)
    assert "4 categories would be 2, each written in one way; 25 of 600 rows" in found.evidence
    assert "aris" not in found.evidence
