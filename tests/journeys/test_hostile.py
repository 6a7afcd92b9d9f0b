"""Tables no time limit was made for: thousands of columns, a hundred classes, half a million rows, fifty.

Each is fitted in a limit that is too short for it. What is promised is a model that was judged and predicts;
how long it took is printed and held to nothing, for a busy machine fails no test.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import mlwright as mw
from mlwright.base.progress import Progress

DATA = Path(os.environ.get("MLWRIGHT_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason="MLWRIGHT_DATA names no folder of data sets"),
]
LIMIT_S = 20.0


class Heard(Progress):
    """When each stage and step began, in seconds: to be shown where a limit is passed."""

    def __init__(self) -> None:
        self.began, self.said = time.monotonic(), list[str]()

    def stage(self, name: str) -> None:
        self.said.append(f"{time.monotonic() - self.began:5.1f} s {name}")

    def step(self, message: str, fraction: float, seconds_left: float | None) -> None:
        self.said.append(f"{time.monotonic() - self.began:5.1f} s   {message}")


def fitted(frame: pl.DataFrame, target: str) -> mw.Model:
    """A model of the table within the limit, held to what is promised of any."""
    heard = Heard()
    model = mw.fit(frame, target=target, time_limit=LIMIT_S, progress=heard)
    took = time.monotonic() - heard.began
    print(f"\n{frame.height:,} rows, {frame.width:,} columns: {took:.1f} s of {LIMIT_S:.0f} s")
    print("\n".join(heard.said))
    rows = frame.head(7).drop(target)
    assert len(model.predict(rows)) == 7
    plain = {s.metric: s for s in model.evaluation.baseline}
    assert model.evaluation.scores and all(s.metric in plain for s in model.evaluation.scores)
    assert model.manifest.recipe["time_limit"] == LIMIT_S
    assert sum(e.weight for e in model.leaderboard) == pytest.approx(1)
    return model


def ended(model: mw.Model) -> str:
    """Why the search ended, by the card."""
    return next(line for line in model.card.splitlines() if line.startswith("- Search:"))


def best(model: mw.Model) -> str:
    """How the model's first score stands beside the baseline's."""
    score = model.evaluation.scores[0]
    return score.beside(next(s for s in model.evaluation.baseline if s.metric == score.metric))


def ames(columns: int, rows: int) -> pl.DataFrame:
    """Houses whose columns come again and again, with their rows in another order: columns of chance."""
    whole = pl.read_csv(DATA / "ames_housing.csv", infer_schema_length=None, null_values=["NA"])
    whole = whole.sample(rows, seed=0)
    features = whole.drop("Order", "PID", "SalePrice")

    def more() -> Iterator[pl.Series]:
        rng = np.random.default_rng(0)
        yield from features
        for time_ in range(1, 1 + columns // features.width):
            order = rng.permutation(rows)
            yield from (s.gather(order).alias(f"{s.name} {time_}") for s in features)

    made = [column for column, _ in zip(more(), range(columns), strict=False)]
    return pl.DataFrame([*made, whole["SalePrice"]])


def test_five_thousand_columns_of_three_hundred_rows():
    model = fitted(ames(5_000, 300), "SalePrice")
    assert "time limit" in ended(model) or any("time limit" in f.evidence for f in model.findings)
    assert len(model.to_bytes()) < 16_000_000


def test_a_hundred_classes():
    letters = pl.read_csv(DATA / "letter_recognition.csv")
    parity = (pl.col(c).cast(pl.Int64) % 2 for c in ("x.box", "onpix"))
    letters = letters.with_columns(pl.format("{}{}{}", "lettr", *parity).alias("made")).drop("lettr")
    common = letters["made"].value_counts(sort=True).head(100)["made"]
    model = fitted(letters.filter(pl.col("made").is_in(common.implode())), "made")
    assert len(model.target.classes) == 100 and best(model) == "better"
    assert "time limit" in ended(model) or "on all rows" in ended(model)


def test_six_hundred_thousand_rows():
    cover = pl.read_parquet(DATA / "covertype.parquet")
    cover = pl.concat([cover, cover.head(600_000 - cover.height)])
    model = fitted(cover, "Cover_Type")
    assert best(model) == "better" and "holdout" in model.evaluation.how
    assert "for want of time" in model.evaluation.how or "fitted again on all" in model.evaluation.how


def test_fifty_rows():
    pima = pl.read_csv(DATA / "pima_diabetes.csv").sample(50, seed=0)
    model = fitted(pima, "outcome")
    assert "cross-fitted" in model.evaluation.how and model.evaluation.rows == 50
    assert "search ended because" in ended(model)
