"""The card's table of candidates: score, weight, costs and reason of each, as the leaderboard has them."""

from mlwright.artifact import Spent, Timings
from mlwright.base.evaluation import Entry, Evaluation, Score
from mlwright.base.finding import Findings
from mlwright.base.leaderboard import NO_GAIN
from mlwright.base.schema import Column, Schema, Target
from mlwright.packaging.card import render_card

SCHEMA = Schema(
    columns=(Column(name="age", kind="numeric"), Column(name="y", kind="categorical", role="target")),
    target=Target(name="y", task="binary", classes=("no", "yes"), positive="yes"),
)
SCORE = Score(metric="roc_auc", value=0.8, low=0.78, high=0.82, rows=99, greater_is_better=True)
BOARD = (
    Entry(
        name="linear",
        family="linear",
        score=SCORE,
        fit_seconds=9.0,
        cpu_us=99.0,
        size_bytes=43_000,
        weight=1.0,
        reason="kept",
    ),
    Entry(
        name="rich",
        family="linear",
        score=SCORE,
        fit_seconds=2.5,
        cpu_us=20.0,
        size_bytes=9_100,
        reason=NO_GAIN,
    ),
    Entry(name="<b>|x", family="odd", score=None, fit_seconds=0.1, reason="failed: a|b <script>\n"),
)


def card(board):
    evaluation = Evaluation(
        task="binary",
        metric="roc_auc",
        scores=(SCORE,),
        baseline=(SCORE,),
        rows=99,
        how="by hand",
        split="random",
        leaderboard=board,
    )
    measured = {"linear": Spent(fit_seconds=0.5, cpu_us=12.0)}
    timings = Timings(created_at="2026-01-02", machine="a machine", fit_seconds=1.0, entries=measured)
    return render_card(SCHEMA, evaluation, Findings(), timings, {})


def test_each_candidate_stands_in_the_card_with_costs_as_measured_weight_and_reason():
    made_of = card(BOARD).partition("## What it is made of\n\n")[2].partition("\n\n")[0].splitlines()
    assert made_of == [
        "| candidate | roc\\_auc | 95 % interval | weight | fit | CPU/row | size | why |",
        "|---|--:|---|--:|--:|--:|--:|---|",
        "| linear | 0.800 | 0.780 to 0.820 | 100% | 500 ms | 12 µs | 43 kB | kept |",
        f"| rich | 0.800 | 0.780 to 0.820 |  | 2.5 s | 20 µs | 9.1 kB | {NO_GAIN} |",
        "| &lt;b&gt;\\|x | - |  |  | 100 ms | - | - | failed: a\\|b &lt;script&gt;? |",
    ]
