"""LearnerContract: what every algorithm family must do, as tests to inherit.

class TestMine(LearnerContract):
    learner = Mine()
    config = Config("mine", "mine", "encoded")
"""

from __future__ import annotations

import time
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from mlwright.features.running import session
from mlwright.graph.build import GraphBuilder
from mlwright.graph.scan import scan
from mlwright.graph.trees import tree_ensemble
from mlwright.learners import Config, Fitted, Job, Learner, Part, answer_of
from mlwright.learners.protocol import Settings

Doubles = npt.NDArray[np.float64]

TASKS = (0, 2, 4)
"""Class counts that are tried: regression, two classes, more."""
TOLERANCE = 1e-12


class LearnerContract:
    """Inherit, and set `learner` and `config`; pytest runs the rest on seeded tables of several shapes."""

    learner: ClassVar[Learner]
    config: ClassVar[Config]
    missing_allowed: ClassVar[bool] = True
    """Whether the family's view may hold NaN."""

    def test_margins_are_finite_of_their_shape_and_no_worse_than_guessing(self) -> None:
        for classes in TASKS:
            x, y = self.table(classes)
            margin = self.fitted(classes).margin(x)
            assert np.isfinite(margin).all()
            assert margin.shape == (len(x), classes if classes > 2 else 1)
            answer = answer_of(margin, classes)
            if classes:
                hit = float((answer.argmax(axis=1) == y).mean())
                assert hit >= float(np.bincount(y.astype(np.int64)).max() / len(y)), "worse than guessing"

    def test_the_graph_answers_as_the_learner_does_also_at_the_edges(self) -> None:
        for classes in TASKS:
            fitted = self.fitted(classes)
            edges = self.edges(self.table(classes)[0])
            expected = fitted.margin(edges)
            g = GraphBuilder()
            matrix = g.input("numbers", "float64", edges.shape[1])
            g.output("answer", fitted.nodes(g, matrix), "float64", expected.shape[1])
            run = session(g.to_bytes())
            got = run.run(None, {"numbers": edges})[0]
            scale = np.maximum(np.abs(expected), max(float(np.abs(expected).mean()), 1e-9))
            assert (np.abs(got - expected) / scale).max() < TOLERANCE * 1e3
            alone = np.concatenate(
                [run.run(None, {"numbers": edges[i : i + 1]})[0] for i in range(len(edges))]
            )
            assert np.allclose(alone, got, rtol=TOLERANCE, atol=TOLERANCE)

    def test_trees_where_there_are_any_answer_as_the_learner_does_also_scaled(self) -> None:
        for classes in TASKS:
            fitted = self.fitted(classes)
            trees = fitted.trees()
            if trees is None:
                continue
            edges = self.edges(self.table(classes)[0])
            expected = fitted.margin(edges) * 0.25
            g = GraphBuilder()
            matrix = g.input("numbers", "float64", edges.shape[1])
            g.output("answer", tree_ensemble(g, trees.scaled(0.25), matrix), "float64", expected.shape[1])
            got = session(g.to_bytes()).run(None, {"numbers": edges})[0]
            assert np.allclose(got, expected, rtol=1e-9, atol=1e-12 * max(float(np.abs(expected).max()), 1))

    def test_the_graph_keeps_to_the_closed_list_of_operators(self) -> None:
        for classes in TASKS:
            g = GraphBuilder()
            matrix = g.input("numbers", "float64", 6)
            g.output(
                "answer", self.fitted(classes).nodes(g, matrix), "float64", classes if classes > 2 else 1
            )
            scan(g.to_bytes())

    def test_equal_jobs_without_a_deadline_give_equal_answers(self) -> None:
        for classes in TASKS:
            x, _ = self.table(classes)
            assert np.array_equal(self.fitted(classes).margin(x), self.fitted(classes).margin(x))

    def test_a_passed_deadline_still_gives_a_model_soon(self) -> None:
        for classes in TASKS:
            x, y = self.table(classes)
            job = self.job(classes, deadline=time.monotonic() - 1)
            assert np.isfinite(self.learner.fit(job).margin(x)).all()
            assert len(y) == len(x)

    def test_a_refit_by_rounds_needs_no_validation_rows(self) -> None:
        for classes in TASKS:
            first = self.fitted(classes)
            x, y = self.table(classes)
            again = self.learner.fit(
                Job(self.config, classes, Part(x, y), rounds=first.rounds or None, settings=first.settled)
            )
            assert np.isfinite(again.margin(x)).all()

    def test_constant_columns_and_a_class_with_one_row_are_survived(self) -> None:
        for classes in TASKS:
            x, y = self.table(classes)
            x = x.copy()
            x[:, 1] = 3.0
            if classes:
                y = np.where(y == 0, 1.0, y)
                y[0] = 0.0
            job = Job(self.config, classes, Part(x, y), Part(x[:50], y[:50]))
            assert np.isfinite(self.learner.fit(job).margin(x)).all()

    # What the tests are made of; override what your family cannot take.

    def table(self, classes: int) -> tuple[Doubles, Doubles]:
        """Rows and targets: a signal in few of six columns, one of codes, one of large numbers."""
        rng = np.random.default_rng(7)
        x = rng.normal(size=(400, 6))
        x[:, 3] = rng.integers(0, 12, 400)
        x[:, 4] *= 1e9
        if self.missing_allowed:
            x[rng.random(400) < 0.2, 2] = np.nan
        signal = x[:, 0] + np.sin(x[:, 3]) + np.nan_to_num(x[:, 2])
        if not classes:
            return x, signal
        cuts = np.quantile(signal, np.linspace(0, 1, classes + 1)[1:-1])
        return x, np.digitize(signal, cuts).astype(np.float64)

    def edges(self, x: Doubles) -> Doubles:
        """Real rows, and rows of missing, huge, zero and negative numbers."""
        rows = x[:60].copy()
        rows[0], rows[1], rows[2], rows[3] = 0.0, -1.0, 1e300, -1e300
        if self.missing_allowed:
            rows[4] = np.nan
            for j in range(x.shape[1]):
                rows[5 + j, j] = np.nan
        return rows

    def job(self, classes: int, deadline: float | None = None, settings: Settings | None = None) -> Job:
        """A job on the table, a quarter of it for validation."""
        x, y = self.table(classes)
        train, valid = Part(x[:300], y[:300]), Part(x[300:], y[300:])
        return Job(self.config, classes, train, valid, deadline=deadline, settings=settings or {})

    def fitted(self, classes: int) -> Fitted:
        """The learner fitted on the table."""
        return self.learner.fit(self.job(classes))
