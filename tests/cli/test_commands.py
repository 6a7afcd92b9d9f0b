"""Each command: what it asks of the lifecycle, what it shows, what it returns."""

import json
import re

import pytest
from msgspec.structs import replace
from tests.cli.conftest import score

from mlwright.base.errors import RowProblem
from mlwright.base.finding import Finding, Findings
from mlwright.base.schema import Column, Target


def test_check_passes_the_roles_on_and_fails_on_an_issue(mlwright, lifecycle):
    done = mlwright(
        "check", "a.csv", "-t", "y", "--time", "at", "--drop", "x", "--drop", "z", "--kind", "zip=categorical"
    )
    assert done.code == 1
    named = lifecycle.called("read")[1]
    assert (named["target"], named["time"], named["drop"]) == ("y", "at", ("x", "z"))
    assert named["kinds"] == {"zip": "categorical"}
    assert "issue  MLW201  duration: predicts the target alone" in done.out
    assert "1 issue, 1 tip" in done.out
    assert "1 check passed; not enough data: MLW107" in done.out


@pytest.mark.parametrize(("least", "code"), [("issue", 0), ("tip", 1), ("nothing", 0)])
def test_check_fails_on_as_little_as_it_is_told(mlwright, lifecycle, least, code):
    lifecycle.findings = Findings.of(f for f in lifecycle.findings if f.severity == "tip")
    assert mlwright("check", "a.csv", "--fail-on", least).code == code


def test_check_shows_columns_with_the_same_finding_together(mlwright, lifecycle):
    alike = [
        Finding(
            code="MLW103",
            title="is mostly missing",
            severity="tip",
            status="found",
            column=f"c{i}",
            evidence=f"9{i} %",
            remedy="Ask why",
        )
        for i in range(8)
    ]
    lifecycle.findings = Findings.of([*alike, alike[0]])
    out = mlwright("check", "a.csv").out
    assert "tip  MLW103  is mostly missing, 8 columns" in out
    assert "c5 (95 %)" in out and "c6" not in out and "and 2 more" in out
    assert out.count("Ask why") == 1
    assert "0 issues, 8 tips of 1 kind" in out


def test_check_as_json_is_one_object(mlwright, lifecycle):
    told = json.loads(mlwright("check", "a.csv", "--json").out)
    assert told["passed"] is False and told["rows"] == 10_297
    assert told["findings"][0]["code"] == "MLW201"


@pytest.mark.parametrize(
    ("table", "output"),
    [("a.txt", "scored.csv"), ("a.tsv.gz", "scored.csv"), ("a.jsonl", "scored.csv"), ("a.pq", "scored.pq")],
)
def test_fit_proposes_an_output_that_predict_can_write(mlwright, lifecycle, table, output):
    assert f"new.csv -o {output}\n" in mlwright("fit", table, "-t", "y").out


def test_check_finds_nothing_and_says_so(mlwright, lifecycle):
    passed = Finding(code="MLW104", title="duplicates", severity="issue", status="passed")
    lifecycle.findings = Findings.of([passed])
    done = mlwright("check", "a.csv")
    assert done.code == 0 and "nothing found" in done.out
    lifecycle.findings = Findings()
    assert "No check looked at its data" in mlwright("check", "a.csv").out


def test_fit_writes_the_model_beside_the_name_of_the_table(mlwright, lifecycle, tmp_path):
    done = mlwright("fit", "data/loans.csv.gz", "-t", "y", "--time-limit", "5m", "--seed", "7")
    assert done.code == 0
    assert (tmp_path / "loans.mlw").read_bytes() == b"model"
    named = lifecycle.called("fit")[1]
    assert (named["settings"].seed, named["settings"].threads, named["findings"]) == (
        7,
        None,
        lifecycle.findings,
    )
    assert named["settings"].time_limit == "5m" and "time_limit" not in named
    assert 0 < named["spent_s"] < 300  # on reading and checking


def test_fit_shows_scores_with_intervals_beside_the_baseline_and_the_next_commands(mlwright, lifecycle):
    out = mlwright("fit", "loans.csv", "-t", "y").out
    assert re.search(r"roc_auc +0\.791 +0\.771 to 0\.811 +0\.500 +better", out)
    assert re.search(r"log_loss +0\.281 +0\.271 to 0\.291 +0\.354 +better", out)
    assert re.search(r"lightgbm 2 +0\.790 .* 70% +3\.1 s +14 µs", out)
    assert "did not converge" in out
    assert "mlwright predict loans.mlw new.csv -o scored.csv" in out


@pytest.mark.parametrize("command", [("fit", "a.csv", "-t", "y"), ("show", "m.mlw")])
def test_a_model_no_better_than_guessing_is_said_to_be_that(mlwright, lifecycle, tmp_path, command):
    (tmp_path / "m.mlw").write_bytes(b"x")
    assert "guessing" not in mlwright(*command).out
    lifecycle.evaluation = replace(lifecycle.evaluation, scores=(score("roc_auc", 0.43, 0.12),))
    done = mlwright(*command)
    assert done.code == 0
    assert "Not clearly better than guessing: roc_auc 0.43 (0.31 to 0.55) beside 0.5." in done.out


def test_candidates_are_shown_with_metric_and_direction(mlwright, lifecycle):
    assert re.search(r"candidate +roc_auc +95 %", out := mlwright("fit", "a.csv", "-t", "y").out)
    assert "less is better" not in out and "chose the model and may flatter" not in out
    loss = replace(lifecycle.evaluation.leaderboard[0], score=score("log_loss", 0.28, greater=False))
    held_back = "on a holdout of 2,060 rows that nothing touched"
    lifecycle.evaluation = replace(lifecycle.evaluation, leaderboard=(loss,), how=held_back)
    out = mlwright("fit", "a.csv", "-t", "y").out
    assert re.search(r"candidate +log_loss +95 %", out) and "less is better" in out
    assert "chose the model and may flatter" in out


def test_fit_as_json_says_what_was_written(mlwright, lifecycle):
    done = mlwright("fit", "loans.csv", "-t", "y", "-o", "m.mlw", "--json")
    told = json.loads(done.out)
    assert told["model"] == "m.mlw" and told["evaluation"]["metric"] == "roc_auc"


def test_fit_refuses_an_unwritable_output_before_it_trains(mlwright, lifecycle):
    done = mlwright("fit", "loans.csv", "-t", "y", "-o", "nowhere/m.mlw")
    assert done.code == 3 and "mkdir -p nowhere" in done.err
    assert lifecycle.calls == []
    assert mlwright("fit", "loans.csv", "-t", "y", "-o", ".").code == 2


def test_fit_refuses_another_ending_than_that_of_models(mlwright, lifecycle):
    done = mlwright("fit", "loans.csv", "-t", "y", "-o", "m.pkl")
    assert done.code == 2 and "-o m.mlw" in done.err and lifecycle.calls == []


@pytest.mark.parametrize("width", ["50", "80", "100"])
def test_show_fits_the_terminal_without_breaking_a_line(mlwright, lifecycle, monkeypatch, tmp_path, width):
    (tmp_path / "m.mlw").write_bytes(b"x" * 48_000)
    monkeypatch.setenv("COLUMNS", width)
    out = mlwright("show", "m.mlw").out
    assert max(len(line) for line in out.splitlines()) <= int(width)
    for said in (
        "intact, not authenticated",
        "yes (positive)",
        "0.791",
        "admin.",
        "2008-01-10",
        "mlwright serve",
    ):
        assert said in out


def test_what_is_there_to_be_copied_is_never_broken(mlwright, lifecycle, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    name = f"{'long-' * 20}name.mlw"
    out = mlwright("fit", "a.csv", "-t", "y", "-o", name).out
    assert f"\n  {name}   5 B\n" in out and f"\n  mlwright predict {name} new.csv -o scored.csv\n" in out


def test_show_counts_right_and_wrong_labels_of_a_few_classes(mlwright, lifecycle, tmp_path):
    (tmp_path / "m.mlw").write_bytes(b"x")
    out = mlwright("show", "m.mlw").out
    assert re.search(r"truly no +1,700 +120\n +truly yes +90 +150\n", out)


@pytest.mark.parametrize(("width", "headings"), [("80", True), ("60", False)])
def test_labels_of_several_classes_are_counted_without_losing_a_name(
    mlwright, lifecycle, monkeypatch, tmp_path, width, headings
):
    (tmp_path / "m.mlw").write_bytes(b"x")
    classes = ("setosa", "versicolor", "virginica", "some other flower")
    target = Target(name="y", task="multiclass", classes=classes)
    lifecycle.schema = replace(lifecycle.schema, target=target)
    counts = ((50, 0, 0, 0), (0, 47, 3, 0), (0, 1, 1_049, 0), (0, 0, 12, 0))
    lifecycle.evaluation = replace(lifecycle.evaluation, confusion=counts)
    monkeypatch.setenv("COLUMNS", width)
    out = mlwright("show", "m.mlw").out
    if headings:
        assert re.search(r"predicted +setosa +versicolor +virginica +some other flower\n", out)
        assert re.search(r"truly some other flower +0 +0 +12 +0\n", out)
    else:
        assert "1,146 of 1,162 right; the most frequent mistakes:\n" in out
        assert "12 of 12 truly some other flower, predicted" in out


def test_show_spells_yes_and_no_as_the_table_does(mlwright, lifecycle, tmp_path):
    (tmp_path / "m.mlw").write_bytes(b"x")
    column = Column(name="paid", kind="boolean", true=("yes", "y"), false=("no",))
    lifecycle.schema = replace(lifecycle.schema, columns=(column,))
    assert re.search(r"paid +boolean +yes or y; no\n", mlwright("show", "m.mlw").out)


def test_show_is_plain_text_where_colour_is_not_wanted(mlwright, lifecycle, monkeypatch, tmp_path):
    (tmp_path / "m.mlw").write_bytes(b"x")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in mlwright("show", "m.mlw").out


def test_show_prints_the_card_without_control_characters(mlwright, lifecycle, tmp_path):
    (tmp_path / "m.mlw").write_bytes(b"x")
    assert mlwright("show", "m.mlw", "--card").out == "# Card\nfor people?[2J\n"


def test_show_as_json_holds_schema_evaluation_and_digests(mlwright, lifecycle, tmp_path):
    (tmp_path / "m.mlw").write_bytes(b"x")
    told = json.loads(mlwright("show", "m.mlw", "--json").out)
    assert told["digest"] == "ab" * 32 and told["schema"]["target"]["positive"] == "yes"


def test_predict_tells_the_refused_rows_and_is_strict_on_request(mlwright, lifecycle):
    lifecycle.problems = (
        RowProblem(row=3, column="age", value="'x'", expected="a number", reason="not a number"),
    )
    done = mlwright("predict", "m.mlw", "a.csv", "-o", "s.csv")
    assert done.code == 0
    assert "11 rows predicted" in done.out and "age: not a number, 1 time" in done.out
    assert mlwright("predict", "m.mlw", "a.csv", "-o", "s.csv", "--strict").code == 1
    told = json.loads(mlwright("predict", "m.mlw", "a.csv", "-o", "s.csv", "--json").out)
    assert (told["rows"], told["refused"]) == (12, 1)


def test_predict_fails_where_no_row_could_be_predicted_and_counts_the_reasons(mlwright, lifecycle):
    lifecycle.problems = tuple(
        RowProblem(row=i, column="price", value=f"'1.200,{i}'", expected="a number", reason="not a number")
        for i in range(12)
    )
    done = mlwright("predict", "m.mlw", "a.csv", "-o", "s.csv")
    assert done.code == 3 and "0 rows predicted" in done.out
    assert done.out.count("price: not a number, 12 times") == 1 and "--decimal ," in done.out
    told = mlwright("predict", "m.mlw", "a.csv", "-o", "s.csv", "--json", "--strict")
    assert told.code == 3 and json.loads(told.out)["refusals"][0]["values"] == 12


def test_predict_asks_for_sets_and_intervals_at_the_rate_that_was_said(mlwright, lifecycle):
    mlwright("predict", "m.mlw", "a.csv", "-o", "s.csv", "--set", "0.05", "--interval", "0.2")
    named = lifecycle.called("predict_file")[1]
    assert (named["sets"], named["interval"]) == (0.05, 0.2)
    assert mlwright("predict", "m.mlw", "a.csv", "-o", "s.csv", "--interval", "wide").code == 2


@pytest.mark.parametrize(("required", "code"), [("0.75", 0), ("0.8", 1)])
def test_evaluate_is_a_gate(mlwright, lifecycle, required, code):
    done = mlwright("evaluate", "m.mlw", "march.csv", "--require", required)
    assert done.code == code
    assert ("not passed" in done.out) == (code == 1)


def test_evaluate_warns_of_rows_that_were_left_out_however_it_is_called(mlwright, lifecycle):
    left_out = "2 rows were left out: 2 without 'y'"
    lifecycle.evaluation = replace(lifecycle.evaluation, how=f"on 98 rows of march.csv; {left_out}")
    for more in ([], ["--require", "0.75"], ["--quiet"], ["--json"]):
        done = mlwright("evaluate", "m.mlw", "march.csv", *more)
        assert done.code == 0 and done.err == f"warning: {left_out}\n"
    assert json.loads(done.out)["warnings"] == [left_out]


def test_serve_says_where_it_listens_and_passes_its_limits_on(mlwright, lifecycle):
    done = mlwright("serve", "m.mlw", "--port", "0", "--max-rows", "5", "--trusted-proxy", "10.0.0.1")
    assert done.code == 0 and "POST http://127.0.0.1:8080/predict" in done.out
    named = lifecycle.called("serve")[1]
    assert (named["host"], named["port"]) == ("127.0.0.1", 0)
    assert (named["settings"].max_rows, named["settings"].trusted_proxies) == (5, ("10.0.0.1",))


def test_serve_takes_several_models_by_name_or_called_as_their_files(mlwright, lifecycle):
    done = mlwright("serve", "a/loans.mlw", "fraud=v7.mlw", "--workers", "2", "--access-log", "0.5")
    assert done.code == 0 and "POST http://127.0.0.1:8080/models/NAME/predict" in done.out
    given, named = lifecycle.called("serve")
    assert given[0] == {"loans": "a/loans.mlw", "fraud": "v7.mlw"}
    assert (named["settings"].workers, named["settings"].access_log) == (2, 0.5)


@pytest.mark.parametrize(
    ("strings", "part"),
    [
        (["a/x.mlw", "b/x.mlw"], "two models are called 'x'"),
        (["x.mlw", "--workers", "0"], "workers must be above 0"),
        (["x.mlw", "--tls-key", "k.pem"], "a certificate and its key"),
        (["x.mlw", "--access-log", "2"], "a share from 0 to 1"),
        ([], "missing: MODEL"),
    ],
)
def test_serve_refuses_what_cannot_be_meant(mlwright, lifecycle, strings, part):
    done = mlwright("serve", *strings)
    assert done.code == 2 and part in done.err


def test_serve_flags_have_the_defaults_of_the_settings():
    from mlwright.cli.commands.serve import COMMAND
    from mlwright.serving.settings import ServeSettings

    declared = {f.key: f.default for f in COMMAND.flags}
    for key in ("slo_ms", "max_rows", "max_body_bytes", "max_connections", "workers", "access_log"):
        assert declared[key] == getattr(ServeSettings(), key)


def test_doctor_finds_this_machine_fit_and_says_it_as_json(mlwright):
    done = mlwright("doctor")
    assert done.code == 0 and "all that is needed is there" in done.out
    told = json.loads(mlwright("doctor", "--json").out)
    assert told["healthy"] and {one["name"] for one in told["looks"]} >= {
        "Python",
        "onnxruntime",
        "memory",
        "disk",
    }


def test_doctor_says_what_to_do_about_a_library_that_is_missing_or_old(mlwright, monkeypatch):
    from mlwright.cli.commands import doctor

    real = doctor._version
    monkeypatch.setattr(
        doctor, "_version", lambda n: {"onnxruntime": "1.20.0", "catboost": ""}.get(n, real(n))
    )
    done = mlwright("doctor")
    assert done.code == 3
    words = " ".join(done.out.split())
    assert "pip install 'onnxruntime>=1.31.1'" in words and "pip install 'mlwright[train]'" in words


def test_the_demo_can_write_its_tables_only(mlwright, tmp_path):
    done = mlwright("demo", "--data-only", "--folder", str(tmp_path / "d"))
    assert done.code == 0
    lines = (tmp_path / "d" / "bank.csv").read_text().splitlines()
    assert len(lines) == 10_298 and lines[0].endswith('"y"')
    new = (tmp_path / "d" / "new_customers.csv").read_text().splitlines()
    assert len(new) == 13 and not set(new[1:]) & set(lines)
