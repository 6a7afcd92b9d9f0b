"""The leaderboard prints and displays well, and is a tuple of entries all the same."""

import re

import msgspec
import pytest

from mlwright.base.canonical import canonical_json
from mlwright.base.evaluation import Entry, Evaluation, Score
from mlwright.base.leaderboard import COMPARED, KEPT, NO_GAIN, Leaderboard, cells, in_brief, remarks

LATENCY = "left out: max_latency is 40 us a row, and it takes 80 us (by estimate)"


def entry(name, reason, value=0.8, weight=0.0, **more):
    score = (
        None
        if value is None
        else Score(
            metric="roc_auc",
            value=value,
            low=value - 0.02,
            high=value + 0.02,
            rows=99,
            greater_is_better=True,
        )
    )
    return Entry(name=name, family=name, score=score, fit_seconds=1.25, weight=weight, reason=reason, **more)


BOARD = Leaderboard(
    [
        entry("lightgbm", KEPT, 0.887, 0.7, cpu_us=45.2, size_bytes=43_000),
        entry("linear", KEPT, 0.88, 0.3, cpu_us=9.0, size_bytes=9_000),
        entry("deep", LATENCY, 0.86, cpu_us=80.0, size_bytes=2_000_000),
        entry("rich", NO_GAIN, 0.85),
        entry("baseline", COMPARED, 0.5),
        entry("broken", "failed: MemoryError: so many rows do not fit", None),
    ]
)


def test_it_is_a_tuple_of_entries_with_parts_that_are_leaderboards():
    assert isinstance(BOARD, tuple) and len(BOARD) == 6 and tuple(BOARD) == BOARD
    assert BOARD[-1].name == "broken" and next(iter(BOARD)).name == "lightgbm"
    assert isinstance(BOARD[:2], Leaderboard) and BOARD[:2] == BOARD.kept
    assert msgspec.json.encode(BOARD) == msgspec.json.encode(tuple(BOARD))
    whole = Evaluation(
        task="binary", metric="roc_auc", scores=(), baseline=(), rows=9, how="", split="random",
        leaderboard=BOARD,
    )  # fmt: skip
    assert msgspec.json.decode(canonical_json(whole), type=Evaluation).leaderboard == tuple(BOARD)


def test_it_prints_every_candidate_with_costs_weight_and_outcome():
    lines = repr(BOARD).splitlines()
    assert re.split(r"  +", lines[0]) == [
        "candidate", "roc_auc", "95 % interval", "weight", "fit", "CPU/row", "size", "outcome",
    ]  # fmt: skip
    assert re.split(r"  +", lines[1]) == [
        "lightgbm", "0.887", "0.867 to 0.907", "70%", "1.2 s", "45 µs", "43 kB", "kept",
    ]  # fmt: skip
    assert [line.rpartition("  ")[2] for line in lines[1:7]] == [
        "kept", "kept", "over max_latency", "adds too little", "for comparison", "failed",
    ]  # fmt: skip
    assert lines[7:] == [
        "over max_latency: it is 40 us a row",
        "adds too little: nothing to the others, or less than it costs to serve",
        "broken: failed: MemoryError: so many rows do not fit",
        "scores are out of fold and chose the weights",
    ]
    assert str(BOARD) == repr(BOARD)


def test_an_empty_one_and_one_without_scores_print_too():
    assert repr(Leaderboard()).startswith("candidate  score")
    assert "failed" in repr(BOARD[-1:]) and "<table>" in Leaderboard()._repr_html_()


def test_it_is_a_table_in_a_notebook_with_each_reason_in_full():
    page = BOARD._repr_html_()
    assert page.count("<tr>") == 7
    for said in ("<b>70%</b>", "45 µs", LATENCY, NO_GAIN, COMPARED, "so many rows do not fit", "out of fold"):
        assert said in page


def test_names_and_reasons_are_shown_as_text_and_nothing_else():
    hostile = Leaderboard([entry("<img src=x>\x1b[2J", "failed: <script>\n")])
    page, printed = hostile._repr_html_(), repr(hostile)
    assert "<img" not in page and "<script" not in page and "&lt;script&gt;" in page
    assert "\x1b" not in page + printed and len(printed.splitlines()) == 4


def test_a_model_that_came_as_it_was_has_neither_rivals_nor_scores_that_chose_it():
    came = Entry(name="a", family="converted", score=None, fit_seconds=0.0, weight=1.0, reason=KEPT)
    board = Leaderboard([came])
    assert not board.was_tried and board.note == "nothing was trained here: the model came as it is"
    assert cells(came)[4] == "-" and Leaderboard([came, came]).was_tried and BOARD[:1].was_tried


def test_less_is_better_where_it_is():
    loss = Score(metric="log_loss", value=0.4, low=0.3, high=0.5, rows=9, greater_is_better=False)
    board = Leaderboard([msgspec.structs.replace(BOARD[0], score=loss)])
    assert board.headings[1] == "log_loss" and board.note.startswith("less is better")


@pytest.mark.parametrize(
    ("reason", "brief"),
    [
        (NO_GAIN, "adds too little"),
        (COMPARED, "for comparison"),
        ("failed: ValueError: max_size is odd", "failed"),
        ("dropped: no time was left to fit it on all rows", "no time to refit"),
        ("dropped: max_memory is 100 bytes, and serving it takes 200", "over max_memory"),
        ("left out after a first look: an error of 9 beside 1", "left out early"),
        ("left out: it cannot keep to monotone constraints", "left out"),
        ("something that nobody has thought of yet", "left out"),
        ("did not converge", "did not converge"),
        ("", ""),
    ],
)
def test_a_reason_is_said_in_two_or_three_words(reason, brief):
    assert in_brief(entry("a", reason)) == brief
    assert in_brief(entry("a", reason, weight=0.1)) == KEPT


def test_candidates_with_the_same_reason_are_named_together():
    assert remarks(BOARD, beside=False) == [
        "deep: left out: max_latency is 40 us a row",
        f"rich: {NO_GAIN}",
        f"baseline: {COMPARED}",
        "broken: failed: MemoryError: so many rows do not fit",
    ]
    slow = (
        entry(f"slow {i}", f"left out: max_latency is 40 us a row, and it takes {50 + i} us")
        for i in range(8)
    )
    assert remarks(slow, beside=False) == [
        "slow 0, slow 1, slow 2, slow 3, slow 4, slow 5 and 2 more: left out: max_latency is 40 us a row"
    ]
    unable = [entry(name, "left out: it cannot keep to monotone constraints") for name in "ab"]
    assert remarks(unable, beside=True) == ["a, b: left out: it cannot keep to monotone constraints"]
    odd = [entry("a", "did not converge"), entry("b", "")]
    assert remarks(odd, beside=True) == [] and remarks(odd, beside=False) == ["a: did not converge"]


def test_what_is_not_known_is_a_dash():
    assert cells(entry("a", "failed: x", None)) == ("a", "-", "", "", "1.2 s", "-", "-")
