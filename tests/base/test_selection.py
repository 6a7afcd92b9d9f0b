"""What the choice and the default say of themselves."""

from __future__ import annotations

from mlwright.base.comparison import ALIKE, Gain
from mlwright.base.score import Score
from mlwright.base.selection import Rival, Selection

KNOWN = {"metric": "roc_auc", "rows": 900}


def gain(value: float, reach: float, method: str = "DeLong, paired", p: float = 0.4) -> Gain:
    ends = {"low": value - reach, "high": value + reach}
    return Gain(value=value, p_value=p, rows_to_tell=123_456, method=method, **ends, **KNOWN)


def score(value: float) -> Score:
    return Score(value=value, low=value - 0.1, high=value + 0.1, greater_is_better=True, **KNOWN)


def test_a_default_that_answers_alike_is_said_to_do_as_well():
    same = Rival(name="lightgbm", score=score(0.8), gain=gain(0.0, 0.0, ALIKE, 1.0))
    assert same.said.endswith("the model answers as well as it, and no better")
    near = Rival(name="lightgbm", score=score(0.8), gain=gain(0.01, 0.02))
    assert "not clearly better than it: by 0.01 (-0.01 to 0.03)" in near.said
    far = Rival(name="lightgbm", score=score(0.8), gain=gain(0.05, 0.02, p=0.001))
    assert "the model is better by 0.05 (0.03 to 0.07)" in far.said


def test_a_choice_says_what_it_flatters_and_how_many_rows_would_tell():
    chosen = {"candidates": 7, "best": "a", "runner_up": "b", "seen": score(0.9), "corrected": score(0.88)}
    said = Selection(lead=gain(0.01, 0.02), **chosen).said
    assert "0.9 on the rows that chose it, 0.88 corrected for the choice" in said
    assert "900 rows do not tell it from b; some 120,000 would" in said
    clear = Selection(lead=gain(0.05, 0.02, p=0.001), **chosen)
    assert clear.said.endswith("It is better than b by more than chance.")
    assert round(clear.flattery, 6) == 0.02
