"""Exit codes, errors, near misses: what every command shares."""

import inspect
import json
import re

import pytest

from mlwright.base import errors
from mlwright.cli.commands import COMMANDS
from mlwright.cli.entry import EXIT_CODES, exit_code_of


def test_without_a_command_the_help_lists_every_command(mlwright):
    done = mlwright()
    assert done.code == 0
    assert all(re.search(rf"^  {c.name} ", done.out, re.M) for c in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.name)
def test_each_command_explains_every_flag_it_takes(mlwright, command):
    done = mlwright(command.name, "--help")
    assert done.code == 0 and done.err == ""
    assert all(flag.usage.strip("[]") in done.out for flag in command.every_flag)
    assert mlwright("help", command.name).out == done.out


def test_a_mistyped_command_is_a_misuse_with_its_near_miss(mlwright):
    done = mlwright("pedict", "model.mlw")
    assert done.code == 2
    assert done.err == "error: no command 'pedict'; did you mean 'predict'?\n"


def test_a_mistyped_option_names_the_near_miss_and_the_command(mlwright):
    done = mlwright("fit", "loans.csv", "--targt", "y")
    assert done.code == 2
    assert done.err == "error: no option '--targt'; did you mean '--target'?\n  where: mlwright fit\n"


@pytest.mark.parametrize(
    ("strings", "said"),
    [
        (["fit"], "missing: SOURCE"),
        (["fit", "a.csv", "b.csv", "-t", "y"], "one argument too many: 'b.csv'"),
        (["fit", "a.csv", "-t", "y", "--time-limit", "-5s"], "--time-limit -5s is no span of time"),
        (["fit", "a.csv", "--seed", "first"], "needs a whole number, got 'first'"),
        (["fit", "a.csv", "--task", "regresion"], "did you mean 'regression'?"),
        (["fit", "a.csv", "--kind", "zip"], "needs COLUMN=VALUE, got 'zip'"),
        (["fit", "a.csv"], "name it with --target COLUMN"),
        (["predict", "m.mlw", "a.csv"], "name it with -o scored.csv"),
        (["serve", "m.mlw", "--slo-ms", "soon"], "needs a number, got 'soon'"),
        (["--verson"], "did you mean '--version'?"),
    ],
)
def test_misuse_is_exit_code_2_and_says_what_to_do(mlwright, strings, said):
    done = mlwright(*strings)
    assert done.code == 2
    assert said in done.err and done.out == ""


def test_a_pattern_that_the_shell_took_apart_is_to_be_quoted(mlwright, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "parts").mkdir()
    for month in ("jan", "feb", "mar"):
        (tmp_path / "parts" / f"{month}.csv").touch()
    said = mlwright("check", "parts/feb.csv", "parts/jan.csv", "parts/mar.csv").err
    assert "too many: 'parts/jan.csv'" in said and "in quotes" in said and "'parts/*.csv'" in said
    assert "in quotes" not in mlwright("check", "parts/feb.csv", "parts/jan.csv", "typo.csv").err


def test_options_may_stand_between_the_arguments(mlwright, lifecycle):
    assert mlwright("predict", "m.mlw", "-o", "out.csv", "new.csv").code == 0
    assert lifecycle.called("predict_file")[0] == ("m.mlw", "new.csv", "out.csv")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UnknownName("column", "a", ["b"]), 2),
        (errors.ExtraMissing("fit", "train", "polars"), 2),
        (errors.TargetUnusable("constant"), 3),
        (errors.ModelDamaged("digest differs", where="m.mlw"), 3),
        (errors.EnvironmentProblem("port in use"), 3),
        (FileNotFoundError(2, "No such file or directory", "m.mlw"), 3),
        (errors.ParityFailed("1e-3"), 1),
        (errors.LimitUnmet("1 ms"), 1),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("division by zero"), 4),
    ],
)
def test_an_error_becomes_the_exit_code_of_its_kind_and_a_block(mlwright, lifecycle, error, code):
    lifecycle.raises = error
    done = mlwright("show", "m.mlw")
    assert done.code == code
    assert done.err.startswith("error: ") and done.out == ""


def test_an_internal_error_says_how_to_get_the_traceback(mlwright, lifecycle, monkeypatch):
    lifecycle.raises = ZeroDivisionError("division by zero")
    quiet = mlwright("show", "m.mlw").err
    assert "MLWRIGHT_DEBUG=1" in quiet and "Traceback" not in quiet
    monkeypatch.setenv("MLWRIGHT_DEBUG", "1")
    assert "Traceback" in mlwright("show", "m.mlw").err


def test_with_json_an_error_is_an_object_too(mlwright, lifecycle):
    lifecycle.raises = errors.ModelDamaged("digest differs", where="m.mlw", remedy="copy it again")
    told = json.loads(mlwright("show", "m.mlw", "--json").out)["error"]
    assert told == {
        "kind": "ModelDamaged",
        "exit_code": 3,
        "message": "digest differs",
        "where": "m.mlw",
        "what_to_do": "copy it again",
    }


def test_refused_rows_are_counted_and_the_first_ten_told(mlwright, lifecycle):
    problem = errors.RowProblem(row=3, column="age", value="'x'", expected="a number", reason="not a number")
    lifecycle.raises = errors.RowsRefused([problem] * 11)
    err = mlwright("evaluate", "m.mlw", "a.csv").err
    assert "11 values do not fit the schema" in err
    assert err.count("not a number") == 10


def test_control_characters_of_a_file_name_do_not_reach_the_terminal(mlwright, lifecycle):
    lifecycle.raises = errors.NotAModel("another kind of file", where="\x1b[2Jm.mlw")
    assert "\x1b" not in mlwright("show", "\x1b[2Jm.mlw").err


def test_every_kind_of_error_has_an_exit_code():
    kinds = [k for _, k in inspect.getmembers(errors, inspect.isclass) if issubclass(k, errors.MlwrightError)]
    for kind in kinds:
        if kind is not errors.MlwrightError:
            assert any(issubclass(kind, known) for known, _ in EXIT_CODES), kind
    assert exit_code_of(RuntimeError()) == 4
