"""A stand-in for the lifecycle, so that tests of the command line train nothing."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

import mlwright.lifecycle as lifecycle_package
from mlwright.artifact.manifest import Manifest, Timings
from mlwright.base.errors import RowProblem
from mlwright.base.evaluation import Entry, Evaluation, Score
from mlwright.base.finding import Finding, Findings
from mlwright.base.fit_report import FitReport
from mlwright.base.profile import ColumnProfile, Profile
from mlwright.base.schema import Column, Schema, Target
from mlwright.cli import main
from mlwright.data.dataset import Dataset, Provenance
from mlwright.lifecycle.predict import PredictReport, counted_refusals


def score(metric: str, value: float, width: float = 0.02, greater: bool = True) -> Score:
    return Score(
        metric=metric,
        value=value,
        low=value - width,
        high=value + width,
        rows=2060,
        greater_is_better=greater,
    )


SCHEMA = Schema(
    columns=(
        Column(name="age", kind="numeric", minimum=17.0, maximum=98.0),
        Column(name="job", kind="categorical", categories=("admin.", "technician", "services")),
        Column(name="called_at", kind="datetime", minimum=1.2e9, maximum=1.29e9),
        Column(name="y", kind="categorical", role="target"),
    ),
    target=Target(name="y", task="binary", classes=("no", "yes"), positive="yes"),
)
PROFILE = Profile(rows=10_297, columns=(ColumnProfile(name="job", rows=10_297, missing=82),))
EVALUATION = Evaluation(
    task="binary",
    metric="roc_auc",
    scores=(score("roc_auc", 0.791), score("log_loss", 0.281, 0.01, greater=False)),
    baseline=(score("roc_auc", 0.5, 0.0), score("log_loss", 0.354, 0.01, greater=False)),
    rows=2060,
    how="2,060 rows were held back by time and used once.",
    split="random",
    confusion=((1700, 120), (90, 150)),
    leaderboard=(
        Entry(
            name="lightgbm 2",
            family="lightgbm",
            score=score("roc_auc", 0.79),
            fit_seconds=3.1,
            cpu_us=14.0,
            weight=0.7,
        ),
        Entry(name="baseline", family="baseline", score=score("roc_auc", 0.5), fit_seconds=0.01),
        Entry(name="linear", family="linear", score=None, fit_seconds=1.0, reason="did not converge"),
    ),
)
FINDINGS = Findings.of(
    [
        Finding(
            code="MLW201",
            title="predicts the target alone",
            severity="issue",
            status="found",
            column="duration",
        ),
        Finding(
            code="MLW101",
            title="is nearly constant",
            severity="tip",
            status="found",
            column="pdays",
            remedy="drop",
        ),
        Finding(code="MLW104", title="duplicates", severity="issue", status="passed"),
        Finding(code="MLW107", title="rare classes", severity="tip", status="not_enough_data"),
    ]
)


@dataclass
class FakeLifecycle:
    """Records calls; its answers may be changed by a test."""

    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)
    findings: Findings = FINDINGS
    problems: tuple[RowProblem, ...] = ()
    raises: BaseException | None = None
    evaluation: Evaluation = EVALUATION
    schema: Schema = SCHEMA

    def verb(self, name: str, answer: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self.calls.append((name, arguments, named))
            if self.raises is not None:
                raise self.raises
            return answer(*arguments, **named)

        return call

    def called(self, name: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return next((a, n) for verb, a, n in self.calls if verb == name)


def table() -> Dataset:
    """10,297 rows that fit the schema."""
    rows = np.arange(10_297)
    frame = pl.DataFrame({"age": 17.0 + rows % 82, "called_at": 1.2e9 + rows}).with_columns(
        job=pl.Series(np.array(["admin.", "technician", "services"])[rows % 3]),
        y=pl.Series(np.array(["no", "yes"])[(rows % 9 == 0).astype(np.int64)]),
    )
    return Dataset(frame, SCHEMA, Provenance("loans.csv", rows_read=len(rows)))


def fake_model(evaluation: Evaluation = EVALUATION, schema: Schema = SCHEMA) -> SimpleNamespace:
    return SimpleNamespace(
        schema=schema,
        evaluation=evaluation,
        fit_report=evaluation.fit_report or FitReport(),
        leaderboard=evaluation.leaderboard,
        findings=FINDINGS,
        card="# Card\nfor people\x1b[2J\n",
        manifest=Manifest(format=1, kind="tabular", members={}, versions={}, recipe={}),
        profile=PROFILE,
        digest="ab" * 32,
        file_digest="cd" * 32,
        task="binary",
        timings=Timings(
            created_at="2026-11-22T13:00:00Z",
            machine="AMD",
            fit_seconds=25.3,
            cpu_us_p50=21.0,
            cpu_us_p99=40.0,
        ),
        save=lambda path: Path(path).write_bytes(b"model"),
    )


@pytest.fixture(autouse=True)
def on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """The console script is found, whether or not its environment was activated."""
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)


@pytest.fixture
def lifecycle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeLifecycle:
    fake = FakeLifecycle()
    report = lambda m, s, out, **_: PredictReport(  # noqa: E731
        12, len({p.row for p in fake.problems}), Path(out), fake.problems, counted_refusals(fake.problems)
    )
    verbs: dict[str, Callable[..., Any]] = {
        "read": lambda source, **_: table(),
        "check": lambda dataset, **named: fake.findings,
        "fit": lambda dataset, **_: fake_model(fake.evaluation, fake.schema),
        "load": lambda path: fake_model(fake.evaluation, fake.schema),
        "predict_file": report,
        "evaluate": lambda model, source, **_: fake.evaluation,
        "serve": lambda model, *, started, **_: started("http://127.0.0.1:8080"),
    }
    for name, answer in verbs.items():
        monkeypatch.setattr(lifecycle_package, name, fake.verb(name, answer))
    monkeypatch.chdir(tmp_path)
    return fake


@dataclass
class Done:
    code: int
    out: str
    err: str


@pytest.fixture
def mlwright(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    def run(*strings: str) -> Done:
        code = main(strings)
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return run
