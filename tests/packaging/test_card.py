"""The card: the verdict, what was stated, and each candidate as the leaderboard has it."""

from mlwright.artifact import Spent, Timings
from mlwright.base.evaluation import Entry, Evaluation, Score
from mlwright.base.finding import Findings
from mlwright.base.leaderboard import NO_GAIN
from mlwright.base.purpose import Purpose
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


TIMINGS = Timings(
    created_at="2026-01-02",
    machine="a machine",
    fit_seconds=1.0,
    entries={"linear": Spent(fit_seconds=0.5, cpu_us=12.0)},
)


def evaluation(board):
    return Evaluation(
        task="binary",
        metric="roc_auc",
        scores=(SCORE,),
        baseline=(SCORE,),
        rows=99,
        how="by hand",
        split="random",
        leaderboard=board,
    )


def card(board):
    return render_card(SCHEMA, evaluation(board), Findings(), TIMINGS, {})


def test_each_candidate_stands_in_the_card_with_costs_as_measured_weight_and_reason():
    made_of = card(BOARD).partition("## What it is made of\n\n")[2].partition("\n\n")[0].splitlines()
    assert made_of == [
        "| candidate | roc\\_auc | 95 % interval | weight | fit | CPU/row | size | why |",
        "|---|--:|---|--:|--:|--:|--:|---|",
        "| linear | 0.800 | 0.780 to 0.820 | 100% | 500 ms | 12 µs | 43 kB | kept |",
        f"| rich | 0.800 | 0.780 to 0.820 |  | 2.5 s | 20 µs | 9.1 kB | {NO_GAIN} |",
        "| &lt;b&gt;\\|x | - |  |  | 100 ms | - | - | failed: a\\|b &lt;script&gt;? |",
    ]


def test_the_card_says_what_was_stated_and_escapes_it():
    said = Purpose(intended_use="Rank <b>calls</b>\nweekly", not_for="a|b", owner="*team*")
    text = render_card(SCHEMA, evaluation(()), Findings(), TIMINGS, {}, said)
    assert "**Meant for:** Rank &lt;b&gt;calls&lt;/b&gt; weekly" in text
    assert "**Not for:** a\\|b" in text and "**Who answers for it:** \\*team\\*" in text
    assert "No intended use was stated" not in text


def test_the_card_says_that_no_use_was_stated():
    assert "## What it is for" not in card(()) and "No intended use was stated" in card(())
    only = render_card(SCHEMA, evaluation(()), Findings(), TIMINGS, {}, Purpose(owner="team"))
    assert "No intended use was stated" in only and "**Who answers for it:** team" in only


def test_the_verdict_opens_the_section_of_scores():
    opened = card(BOARD).partition("## How good it is\n\n")[2].splitlines()[0]
    assert opened.startswith(
        "Ranks a row whose y is 'yes' above one whose y is 'no' 80 times of 100 (78 to 82)"
    )
