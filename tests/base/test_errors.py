"""Errors say what to do, with a near miss only where something is near."""

import numpy as np

from mlwright.base.errors import Misuse, nearest_file, shown


def test_a_question_keeps_its_mark():
    assert str(Misuse("there is no such file", remedy="did you mean 'a.csv'?")).endswith("'a.csv'?")
    assert str(Misuse("no", remedy="go")).endswith("go.")


def test_the_nearest_file_is_near_by_its_stem(tmp_path):
    for name in ("o5.csv", "loans.tsv", "loans.csv", ".hidden", "bank-2024.csv.gz"):
        (tmp_path / name).touch()
    assert nearest_file("nope.csv", tmp_path) is None
    assert nearest_file("laons.csv", tmp_path) == "loans.csv"
    assert nearest_file("loans.txt", tmp_path) in ("loans.csv", "loans.tsv")
    assert nearest_file("bank_2024.csv", tmp_path) == "bank-2024.csv.gz"
    assert nearest_file("hidden", tmp_path) is None


def test_a_value_of_numpy_is_shown_as_any_other():
    assert [shown(v) for v in (np.float64("inf"), np.str_("a"), np.bool_(True))] == ["inf", "'a'", "True"]
    assert shown(np.arange(2)) == "[0, 1]" and shown(np.datetime64("2020-01-01")).startswith("np.datetime64")
