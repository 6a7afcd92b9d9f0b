"""The page about a model, made from its file alone: old files, real models, and how each is made again."""

import random
import subprocess
from pathlib import Path

import numpy as np
import pytest
from markup import Markup
from small_models import small_model

import mlwright as mw
from mlwright.base import figures
from mlwright.base.errors import EnvironmentProblem, Misuse, ModelFileProblem
from mlwright.base.purpose import Purpose
from mlwright.cli.commands.fit import COMMAND as FIT
from mlwright.cli.commands.fit import Asked
from mlwright.cli.parse import arguments_of
from mlwright.lifecycle.again import again
from mlwright.lifecycle.state import State

OLD = Path(__file__).parents[1] / "fixtures" / "format-1.mlw"


def people():
    """Rows whose target goes with the age, but not always."""
    chance = random.Random(0)
    for k in range(400):
        age = 20 + k % 50
        sick = chance.random() < (age - 15) / 60
        sex, day = chance.choice("mf"), f"2024-{1 + k // 34:02d}-07"
        yield {"age": age, "sex, or so": sex, "day": day, "left": k, "y": "ny"[sick]}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    import polars as pl

    path = tmp_path_factory.mktemp("people") / "people's; old.csv"
    pl.DataFrame(list(people())).write_csv(path, separator=";")
    return path


@pytest.fixture(scope="module")
def model(table):
    return mw.fit(
        table,
        target="y",
        drop=("left",),
        kinds={"sex, or so": "categorical"},
        options=mw.ReadOptions(separator=";", missing=("-", "n/a")),
        costs={"fn": 5, "fp": 1.5},
        monotone={"age": 1},
        max_trials=2,
        seed=3,
        threads=1,
        intended_use="Rank people for a call;\nnobody's fate.",
        not_for="--prices",
        owner="Crew $HOME `team`",
    )


def page_of(model, folder):
    return Markup(mw.report(model, folder / "card.html").read_text(encoding="utf-8"))


def test_a_file_of_the_first_format_still_makes_a_page(tmp_path):
    page = page_of(OLD, tmp_path)
    page.assert_harmless()
    page.assert_accessible()
    assert "Predicts bought with log_loss 0.50 (0.40 to 0.60)" in page.text
    assert page.text.count("not stated") == 3 and "does not hold all settings" in page.text


def test_hostile_names_in_a_model_file_stay_text_and_a_recipe_of_odd_values_does_no_harm(tmp_path):
    page = page_of(mw.load(small_model(2.0, target="<b>price</b>", column='"><script>')), tmp_path)
    page.assert_harmless()
    assert "<b>price</b>" in page.text and '"><script>' in page.text


def test_a_real_model_shows_its_figures_its_purpose_and_where_it_is_from(model, tmp_path):
    page = page_of(model, tmp_path)
    page.assert_harmless()
    page.assert_accessible()
    for score in model.evaluation.scores:
        assert all(text in page.text for text in figures.score(score))
    assert "Rank people for a call; nobody's fate." in page.text and "Crew $HOME `team`" in page.text
    for fact in (model.digest, model.file_digest, model.manifest.recipe["data_sha256"], "people's; old.csv"):
        assert fact in page.text
    assert all(entry.name in page.text for entry in model.leaderboard)
    assert list(tmp_path.iterdir()) == [tmp_path / "card.html"]


def test_what_people_stated_is_in_the_file_and_in_both_cards(model):
    assert Purpose.of(model.manifest.recipe) == Purpose(
        intended_use="Rank people for a call;\nnobody's fate.", not_for="--prices", owner="Crew $HOME `team`"
    )
    assert "**Meant for:** Rank people for a call; nobody's fate." in model.card
    assert "Crew $HOME \\`team\\`" in model.card and "No intended use" not in model.card


def test_the_command_on_the_page_asks_for_the_same_and_makes_the_same_model(
    model, table, tmp_path, monkeypatch
):
    from mlwright.cli import main

    monkeypatch.chdir(table.parent)
    words = typed(again(model).command)
    assert words[:3] == ["mlwright", "fit", table.name]
    words[-1] = str(tmp_path / "again.mlw")
    assert main(words[1:]) == 0
    made = mw.load(tmp_path / "again.mlw")
    assert made.manifest.recipe == model.manifest.recipe
    assert made.digest == model.digest


def test_the_call_on_the_page_makes_the_same_model(model, table, monkeypatch):
    monkeypatch.chdir(table.parent)
    names = {}
    exec(again(model).call, names)  # noqa: S102 - that it runs is what is promised
    assert names["model"].digest == model.digest


def typed(command):
    """The words that a shell makes of a command."""
    done = subprocess.run(
        ["sh", "-c", f"printf '%s\\0' {command}"], capture_output=True, check=True, text=True
    )
    return done.stdout.split("\0")[:-1]


def asked(model):
    """The settings that the command of a model's page is understood as."""
    arguments = arguments_of(FIT, typed(again(model).command)[2:])
    return Asked(arguments, 0.0, None, State(Path("x"), False))._settings


def test_every_setting_comes_back_from_the_command(table):
    limits = {"time_limit": "5s", "max_latency": "1ms", "max_size": "3MB", "max_memory": "500MB"}
    made = mw.fit(
        table, target="y", time="day", options=mw.ReadOptions(separator=";"), gap="2d", split="time",
        drop="left", alerts="5%", metric="average_precision", threads=1, waive="MLW206", simpler=True,
        **limits
    )  # fmt: skip
    settings = asked(made)
    for name, value in {**limits, "gap": "2d", "split": "time", "alerts": "5%", "waive": ("MLW206",)}.items():
        assert getattr(settings, name) == value
    assert (settings.metric, settings.seed, settings.threads) == ("average_precision", 0, 1)
    assert settings.simpler is True and "simpler=True" in again(made).call
    assert "--time day" in again(made).command and "--drop left" in again(made).command
    assert any("ended by the clock" in note for note in again(made).notes)


def test_a_metric_of_ones_own_is_left_to_be_given_again(table):
    def profit(truth, answer):
        return float(np.mean(truth == answer))

    own = mw.metric(profit, name="profit")
    made = mw.fit(
        table, target="y", drop="left", options=mw.ReadOptions(separator=";"), metric=own, max_trials=2
    )
    told = again(made)
    assert "metric" not in told.call and any("Its metric, profit," in note for note in told.notes)


def test_what_the_recipe_does_not_hold_is_said(tmp_path):
    told = again(mw.load(OLD))
    assert "mlwright fit TABLE" in told.command and "put its path for TABLE" in told.notes[0]


def test_a_model_takes_no_findings_and_no_roles_and_its_page_must_be_one(model, tmp_path):
    with pytest.raises(Misuse, match="no findings and no roles"):
        mw.report(model, tmp_path / "card.html", target="y")
    with pytest.raises(Misuse, match=r"end its name with \.html"):
        mw.report(model, tmp_path / "card.pdf")
    with pytest.raises(EnvironmentProblem, match="no such folder"):
        mw.report(model, tmp_path / "nowhere" / "card.html")
    broken = tmp_path / "broken.mlw"
    broken.write_bytes(OLD.read_bytes()[:-9])
    with pytest.raises(ModelFileProblem):
        mw.report(broken, tmp_path / "card.html")
    assert not (tmp_path / "card.html").exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"intended_use": "x" * 1001}, "takes 1,000"),
        ({"owner": 7}, "takes a text, not int"),
        ({"not_for": "a\x1b[31m"}, "control characters"),
        ({"intended": "x"}, "did you mean 'intended_use'"),
    ],
)
def test_what_cannot_stand_on_a_card_is_refused_before_anything_is_read(wrong, said):
    with pytest.raises(Misuse, match=said):
        mw.fit("no such table.csv", target="y", **wrong)


def test_show_writes_the_page_and_says_where(model, tmp_path, capsys):
    from mlwright.cli import main

    model.save(tmp_path / "people.mlw")
    page = tmp_path / "people.html"
    assert main(["show", str(tmp_path / "people.mlw"), "--html", str(page)]) == 0
    assert "people.html" in capsys.readouterr().out
    Markup(page.read_text(encoding="utf-8")).assert_harmless()
    assert main(["show", str(tmp_path / "people.mlw"), "--html", str(tmp_path / "people.mlw")]) == 2
    assert main(["show", str(tmp_path / "people.mlw"), "--html", str(tmp_path / "people.pdf")]) == 2
    assert main(["show", str(tmp_path / "people.mlw"), "--json", "--html", str(page)]) == 0
    assert f'"page":"{page}"' in capsys.readouterr().out.replace(": ", ":")


def test_a_value_that_begins_with_a_dash_is_no_flag(model):
    assert asked(model).not_for == "--prices"
