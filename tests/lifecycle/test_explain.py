"""Explanations of models that were fitted: against every coalition, on all kinds of columns and tasks."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from brute_force import interventional

import mlwright as mw
from mlwright.artifact import Model
from mlwright.base.errors import Misuse, RowsRefused, SchemaBroken, UnknownName

ROWS = 400
COLUMNS = ("amount", "member", "since", "city", "note", "noise")
NOTES = ("late payment", "all fine", "asked for more time", "fine and early", "late again")


def table(task: str) -> list[dict[str, Any]]:
    """Amounts, members, dates, cities and notes, some missing, and a target that depends on them together."""
    rng = np.random.default_rng(11)
    rows: list[dict[str, Any]] = []
    for _ in range(ROWS):
        row: dict[str, Any] = {
            "amount": None if rng.random() < 0.1 else round(float(rng.gamma(2, 3000)), 2),
            "member": bool(rng.random() < 0.5),
            "since": (dt.date(2015, 1, 1) + dt.timedelta(days=int(rng.integers(3000)))).isoformat(),
            "city": None if rng.random() < 0.1 else str(rng.choice(["Oslo", "Rome", "Lima", "Bonn"])),
            "note": str(rng.choice(NOTES)),
            "noise": round(float(rng.normal()), 3),
        }
        score = (row["amount"] or 4000) / 4000 * (2 if row["member"] else 0.5) - 1.5 * (row["city"] == "Rome")
        score += 1.5 * ("late" in row["note"]) - (int(row["since"][:4]) - 2019) / 3 + rng.normal() * 0.5
        row["y"] = {
            "binary": "yes" if score > 1.5 else "no",
            "multiclass": ("low", "middle", "high")[int(np.digitize(score, [1.0, 2.5]))],
            "regression": round(float(score), 4),
        }[task]
        rows.append(row)
    return rows


def fitted(task: str, trials: int = 3) -> Model:
    import polars as pl

    frame = pl.DataFrame(table(task)).with_columns(pl.col("since").str.to_date())
    return mw.fit(frame, target="y", task=task, kinds={"note": "text"}, max_trials=trials, time_limit=None)


@pytest.fixture(scope="module")
def models() -> dict[str, Model]:
    return {task: fitted(task) for task in ("binary", "multiclass", "regression")}


def some(count: int, task: str = "binary") -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k != "y"} for row in table(task)[:count]]


def answer_of(model: Model, label: object) -> Any:
    """The log-odds of a class, or the number, by what users are answered."""
    if label is None:
        return model.predict
    k = [model.target.label(i) for i in range(len(model.target.classes))].index(label)

    def log_odds(rows: list[dict[str, Any]]) -> np.ndarray:
        p = model.predict_proba(rows)
        return np.log(p[:, k]) - np.log(np.delete(p, k, axis=1).sum(axis=1))

    return log_odds


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_contributions_are_those_of_every_coalition(models: dict[str, Model], task: str) -> None:
    model, rows = models[task], some(9)
    background = rows[4:]
    found = model.explain(rows[:4], background=background)
    assert found.exact and not found.error.any() and found.names == COLUMNS
    for i in range(4):
        label = found.labels[i] if found.labels else None
        answer = answer_of(model, label)
        expected = interventional(answer, rows[i], background, COLUMNS)
        np.testing.assert_allclose(
            found.contributions[i], expected, atol=1e-9 * max(1, np.abs(expected).max())
        )
        assert found.output[i] == pytest.approx(answer(rows[i : i + 1])[0], rel=1e-9, abs=1e-9)
        assert found.base[i] == pytest.approx(np.mean(answer(background)), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_base_and_contributions_add_up_to_the_answer(models: dict[str, Model], task: str) -> None:
    found = models[task].explain(some(20))
    np.testing.assert_allclose(found.base + found.contributions.sum(axis=1), found.output, atol=1e-10)
    probability = found.probability
    if probability is not None:
        moved = found.base_probability + found.changes.sum(axis=1)
        np.testing.assert_allclose(moved, probability, atol=1e-10)


def test_of_two_classes_the_positive_one_is_explained_and_the_other_is_its_mirror(models) -> None:
    model, rows = models["binary"], some(5)
    yes, same, no = (model.explain(rows, label=label) for label in (None, "yes", "no"))
    assert yes.labels == ("yes",) * 5
    np.testing.assert_array_equal(yes.contributions, same.contributions)
    np.testing.assert_allclose(yes.contributions, -no.contributions, atol=1e-12)


def test_of_more_classes_each_row_is_explained_for_its_likeliest(models) -> None:
    model, rows = models["multiclass"], some(20)
    classes = np.array(model.target.classes)
    found = model.explain(rows)
    assert list(found.labels) == classes[model.predict_proba(rows).argmax(axis=1)].tolist()
    assert set(model.explain(rows, label="high").labels) == {"high"}


def test_a_row_has_the_same_explanation_alone_in_company_and_again(models) -> None:
    model, rows = models["binary"], some(6)
    together, again = model.explain(rows), model.explain(rows)
    assert np.array_equal(together.contributions, again.contributions)
    for i, row in enumerate(rows):
        assert np.array_equal(model.explain(row).contributions[0], together.contributions[i])


def test_rows_come_in_any_shape_and_missing_values_are_said(models) -> None:
    import polars as pl

    model = models["binary"]
    rows = some(8)
    rows[0]["city"] = None
    frame = pl.DataFrame(rows, infer_schema_length=None).with_columns(pl.col("since").str.to_date())
    found = model.explain(rows)
    assert np.array_equal(model.explain(frame).contributions, found.contributions)
    assert found.values[0][COLUMNS.index("city")] is None
    assert found.values[1][COLUMNS.index("since")] == f"{rows[1]['since']}T00:00:00Z"
    assert found.values[1][COLUMNS.index("member")] is rows[1]["member"]


def test_reasons_are_sentences_in_the_units_of_the_rows(models) -> None:
    rows = some(4)
    reasons = models["binary"].explain(rows).reasons(2)
    assert [len(r) for r in reasons] == [2] * 4
    first = reasons[0][0]
    assert first.text.startswith(first.column) and "the probability of yes by 0." in first.text
    assert abs(first.contribution) >= abs(reasons[0][1].contribution)
    assert ("raised" in first.text) == (first.change > 0)
    number = models["regression"].explain(rows).reasons(1)[0][0]
    assert " y by " in number.text and number.change == number.contribution


def test_what_cannot_be_explained_is_refused_with_what_to_do(models) -> None:
    model, rows = models["binary"], some(3)
    with pytest.raises(UnknownName, match="no class 'yess'; did you mean 'yes'"):
        model.explain(rows, label="yess")
    with pytest.raises(Misuse, match="is a number and has no classes"):
        models["regression"].explain(rows, label="yes")
    with pytest.raises(Misuse, match=r"1,001 rows are too many.*up to 1,000 at a time"):
        model.explain(some(1) * 1001)
    with pytest.raises(RowsRefused, match="the background: row 0, 'amount': not a number"):
        model.explain(rows, background=[{**rows[0], "amount": "much"}])
    with pytest.raises(SchemaBroken, match="lacks the column 'amount'"):
        model.explain(rows, background={k: [v] for k, v in rows[0].items() if k != "amount"})
    with pytest.raises(Misuse, match="background has 0 rows"):
        model.explain(rows, background=[])
    with pytest.raises(RowsRefused, match="'member'"):
        model.explain({**rows[0], "member": "perhaps"})
    with pytest.raises(Misuse, match="reasons cannot be given"):
        model.explain(rows).reasons(0)
    assert len(model.explain([])) == 0


def test_names_and_values_are_shown_without_control_characters_and_escaped(models) -> None:
    rows = some(1)
    rows[0]["note"] = "late <b>\x1b[2J" + "x" * 100
    found = models["binary"].explain(rows)
    shown = f"{found!r}{' '.join(r.text for r in found.reasons(6)[0])}"
    assert "\x1b" not in shown and "x" * 50 not in shown
    assert "<b>\x1b" not in found._repr_html_() and "&lt;b&gt;" in found._repr_html_()


def test_a_file_of_the_first_format_is_explained_by_given_rows_and_says_why_not_otherwise() -> None:
    model = mw.load(Path(__file__).parents[1] / "fixtures" / "format-1.mlw")
    rows = list(model.samples.rows)
    with pytest.raises(Misuse, match=r"no background can be drawn.*background=rows"):
        model.explain(rows)
    found = model.explain(rows, background=rows)
    expected = interventional(answer_of(model, "yes"), rows[0], rows, ("age", "member", "city"))
    np.testing.assert_allclose(found.contributions[0], expected, atol=1e-10)
