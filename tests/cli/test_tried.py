"""The leaderboard on a terminal and as JSON: costs, weights, and why each candidate was kept or dropped."""

import json

import pytest
from msgspec.structs import replace
from tests.cli.conftest import score

from mlwright.base.evaluation import Entry
from mlwright.base.leaderboard import COMPARED, NO_GAIN

LATENCY = "left out: max_latency is 40 us a row, and it takes 63 us (by estimate)"
CRASH = "failed: its process ended by itself (exit status 139)"


def entry(name, reason, value=0.8, **more):
    judged = None if value is None else score("roc_auc", value)
    return Entry(
        name=name, family=name.partition("-")[0], score=judged, fit_seconds=1.2, reason=reason, **more
    )


BOARD = (
    entry("lightgbm-random-rich", "kept", weight=0.7, cpu_us=45.0, size_bytes=43_000),
    entry("linear", "kept", 0.79, weight=0.3, cpu_us=9.0, size_bytes=9_100),
    entry("catboost-deep", LATENCY, 0.78, cpu_us=63.0, size_bytes=2_000_000),
    entry("linear-rich", NO_GAIN, 0.77, cpu_us=54.0, size_bytes=78_000),
    entry("baseline", COMPARED, 0.5, cpu_us=11.0, size_bytes=23_000),
    entry("xgboost", CRASH, None),
)


@pytest.fixture
def board(lifecycle, tmp_path):
    (tmp_path / "m.mlw").write_bytes(b"x")
    lifecycle.evaluation = replace(lifecycle.evaluation, leaderboard=BOARD)
    return lifecycle


@pytest.fixture
def tried(mlwright, board, monkeypatch):
    def at(width, *command):
        monkeypatch.setenv("COLUMNS", str(width))
        out = mlwright(*(command or ("show", "m.mlw"))).out
        drawn = out.partition("\nTried\n")[2].partition("\n\n")[0].splitlines()
        assert max(map(len, drawn)) <= width and all(line.startswith("  ") for line in drawn)
        return [line.strip() for line in drawn]

    return at


@pytest.mark.parametrize("width", [100, 140])
@pytest.mark.parametrize("command", [("show", "m.mlw"), ("fit", "a.csv", "-t", "y")])
def test_what_became_of_each_candidate_stands_in_its_row_where_there_is_room(tried, width, command):
    assert [" ".join(line.split()) for line in tried(width, *command)] == [
        "candidate roc_auc 95 % interval weight fit CPU/row size outcome",
        "lightgbm-random-rich 0.800 0.780 to 0.820 70% 1.2 s 45 µs 43 kB kept",
        "linear 0.790 0.770 to 0.810 30% 1.2 s 9 µs 9.1 kB kept",
        "catboost-deep 0.780 0.760 to 0.800 1.2 s 63 µs 2.0 MB over max_latency",
        "linear-rich 0.770 0.750 to 0.790 1.2 s 54 µs 78 kB adds too little",
        "baseline 0.500 0.480 to 0.520 1.2 s 11 µs 23 kB for comparison",
        "xgboost - 1.2 s - - failed",
        "over max_latency: it is 40 us a row",
        "adds too little: nothing to the others, or less than it costs to serve",
        f"xgboost: {CRASH}",
        "scores are out of fold and chose the weights",
    ]


def test_on_eighty_columns_it_stands_below_and_nothing_else_is_missing(tried):
    lines = tried(80)
    assert "lightgbm-random-rich    0.800  0.780 to 0.820     70%  1.2 s    45 µs   43 kB" in lines
    assert "outcome" not in lines[0] and all(f" {cost}" in lines[0] for cost in ("fit", "CPU/row", "size"))
    assert " ".join(lines[7:]) == (
        f"catboost-deep: left out: max_latency is 40 us a row linear-rich: {NO_GAIN} "
        f"baseline: {COMPARED} xgboost: {CRASH} scores are out of fold and chose the weights"
    )


@pytest.mark.parametrize("width", [40, 50, 60, 70])
def test_on_a_narrow_terminal_scores_and_weights_stay(tried, width):
    lines = tried(width)
    assert any("0.800" in line and "70%" in line for line in lines)
    assert "over" not in lines[0] and "failed" in " ".join(lines)


def test_long_names_lose_their_middle_and_a_long_metric_its_place_in_the_heading(tried, board):
    long = tuple(
        replace(e, name=f"a-family-from-elsewhere-{i}", score=score("average_precision", 0.8))
        for i, e in enumerate(BOARD)
    )
    board.evaluation = replace(board.evaluation, leaderboard=long)
    lines = tried(80)
    assert lines[0].split()[:2] == ["candidate", "score"] and "…-elsewhere-0 " in lines[1]
    assert lines[-1].startswith("score: average_precision; scores are out of fold")


def test_what_was_kept_is_shown_however_far_down_and_the_rest_is_counted(tried, board):
    many = tuple(entry(f"linear-{i}", NO_GAIN, 0.8 - i / 100) for i in range(20))
    board.evaluation = replace(board.evaluation, leaderboard=(*many, BOARD[1], BOARD[-1]))
    lines = tried(100, "fit", "a.csv", "-t", "y")
    assert lines[13].endswith("kept") and lines[14] == "and 9 more candidates"
    assert f"xgboost: {CRASH}" in lines


@pytest.mark.parametrize("command", [("show", "m.mlw"), ("fit", "a.csv", "-t", "y")])
def test_json_holds_every_field_of_kept_left_out_and_failed_candidates(mlwright, board, command):
    told = json.loads(mlwright(*command, "--json").out)["evaluation"]["leaderboard"]
    by_name = {e.pop("name"): e for e in told}
    judged = {"metric": "roc_auc", "rows": 2060, "greater_is_better": True}
    assert by_name["lightgbm-random-rich"] == {
        "family": "lightgbm",
        "score": {**judged, "value": 0.8, "low": 0.8 - 0.02, "high": 0.8 + 0.02},
        "fit_seconds": 1.2,
        "cpu_us": 45.0,
        "size_bytes": 43_000,
        "weight": 0.7,
        "reason": "kept",
    }
    assert by_name["catboost-deep"] == {
        "family": "catboost",
        "score": {**judged, "value": 0.78, "low": 0.78 - 0.02, "high": 0.78 + 0.02},
        "fit_seconds": 1.2,
        "cpu_us": 63.0,
        "size_bytes": 2_000_000,
        "weight": 0.0,
        "reason": LATENCY,
    }
    assert by_name["xgboost"] == {
        "family": "xgboost",
        "score": None,
        "fit_seconds": 1.2,
        "cpu_us": None,
        "size_bytes": None,
        "weight": 0.0,
        "reason": CRASH,
    }
