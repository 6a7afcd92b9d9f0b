"""Mixed columns and damage by encodings are found; codes, scales and honest accents are not."""

from __future__ import annotations

import numpy as np
import pytest

from mlwright.checks.writing import damage_of

RANDOM = np.random.default_rng(5)


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ([f"{x:.2f}" for x in RANDOM.random(90)] + [f"about {w}" for w in "abcdefghij"], True),
        (["red", "blue", "green"] * 30 + ["12", "7.5"] * 5, True),
        ([str(i) for i in range(90)] + ["12 kg"] * 10, True),
        (["2021-03-04"] * 50 + ["red"] * 50, True),
        ([f"A{i}" for i in range(60)] + [str(i) for i in range(40)], False),
        (["1", "2", "3", "4 or more"] * 25, False),
        (["red", "blue"] * 49 + ["12"] * 2, False),
        (["E46", "C23"] * 50, False),
    ],
)
def test_kinds_in_one_column_are_told_apart(seen, texts, found):
    [finding] = seen("MLW108", {"what": texts, "y": RANDOM.random(len(texts))})
    assert (finding.status == "found") == found


@pytest.mark.parametrize(
    ("text", "damage"),
    [
        ("café".encode().decode("cp1252"), "UTF-8 read as Windows-1252"),
        ("10 €".encode().decode("cp1252"), "UTF-8 read as Windows-1252"),
        ("日本".encode().decode("latin-1"), "UTF-8 read as Windows-1252"),
        ("“quoted”".encode("cp1252").decode("latin-1"), "Windows-1252 read as Latin-1"),
        ("caf\ufffd", "characters lost (U+FFFD)"),
        ("Fish &amp; chips", "HTML entities"),
        ("a\x00b", "control characters"),
    ],
)
def test_damage_is_named(text, damage):
    assert damage_of(text) == {damage}


@pytest.mark.parametrize(
    "text",
    ["café", "Größe", "Ãrvore", "DÉJÀ VU", "日本語", "Привет", "AT&T; more", "R&D", "10 °C – «ok»", "tab\t"],
)
def test_honest_texts_are_not_damaged(text):
    assert not damage_of(text)


def test_damaged_rows_are_counted_with_the_remedy(seen):
    texts = ["Zürich"] * 95 + ["ZÃ¼rich"] * 5
    [found] = seen("MLW113", {"city": texts, "y": RANDOM.random(100)})
    assert found.rows == (95, 96, 97, 98, 99) and "5 rows" in found.evidence
    assert found.remedy.startswith("Read a text file again with encoding='utf-8'; mend any other source")
    assert "Ã" not in found.evidence
