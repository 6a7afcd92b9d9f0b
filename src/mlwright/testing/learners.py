"""LearnerContract: what every algorithm family must do, as tests to inherit.

class TestMine(LearnerContract):
    learner = Mine()
    config = Config("mine", "mine", "encoded")

What a family cannot do (`Abilities`: weights, monotone constraints, absolute differences) is not asked of it.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, ClassVar, cast

import numpy as np
import numpy.typing as npt

from mlwright.graph.build import GraphBuilder
from mlwright.graph.running import session
from mlwright.graph.scan import scan
from mlwright.graph.trees import tree_ensemble
from mlwright.learners import Config, Fitted, Job, Learner, Part, abilities_of, answer_of
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

    def test_the_graph_is_of_listed_operators_and_answers_as_the_learner_does_also_at_the_edges(self) -> None:
        for classes in TASKS:
            fitted = self.fitted(classes)
            edges = self.edges(self.table(classes)[0])
            expected = fitted.margin(edges)
            g = GraphBuilder()
            matrix = g.input("numbers", "float64", edges.shape[1])
            g.output("answer", fitted.nodes(g, matrix), "float64", expected.shape[1])
            scan(g.to_bytes())
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

    def test_equal_jobs_without_a_deadline_give_equal_answers(self) -> None:
        for classes in TASKS:
            x, _ = self.table(classes)
            assert np.array_equal(self.fitted(classes).margin(x), self.fitted(classes).margin(x))

    def test_a_passed_deadline_ends_a_fit_after_a_few_rounds_on_a_wide_table_too(self) -> None:
        for classes in TASKS:
            late = self.learner.fit(self.job(classes, deadline=time.monotonic() - 1))
            assert np.isfinite(late.margin(self.table(classes)[0])).all()
        x = np.random.default_rng(3).normal(size=(300, 600))
        y = (x[:, 0] > 0).astype(np.float64)
        parts = Part(x[:200], y[:200]), Part(x[200:], y[200:])
        fitted = self.learner.fit(Job(self.config, 2, *parts, deadline=time.monotonic() - 1))
        assert np.isfinite(fitted.margin(x)).all()
        assert fitted.rounds <= 10, "it went on learning"

    def test_rounds_beyond_its_own_best_may_be_asked_and_a_refit_needs_no_judges(
        self,
    ) -> None:
        for classes in TASKS:
            first = self.fitted(classes)
            x, y = self.table(classes)
            again = self.learner.fit(
                Job(self.config, classes, Part(x, y), rounds=first.rounds or None, settings=first.settled)
            )
            assert np.isfinite(again.margin(x)).all()
        random = np.random.default_rng(5)
        x = random.normal(size=(400, 5))
        for classes in TASKS[:2]:  # where the rows to judge by say nothing, the first rounds are the best
            y = (x[:, 0] > 0).astype(np.float64) if classes else x[:, 0]
            judge = Part(x[300:], random.permutation(y[300:]))
            fitted = self.learner.fit(Job(self.config, classes, Part(x[:300], y[:300]), judge))
            if not fitted.rounds:
                continue
            own, more = (fitted.margin(x, rounds) for rounds in (fitted.rounds, fitted.rounds + 20))
            assert not np.allclose(own, more), "its best round on its own rows rules, which flatters it there"

    def test_constant_columns_and_a_class_with_one_row_are_survived(self) -> None:
        for classes in TASKS:
            x, y = self.table(classes)
            x = x.copy()
            x[:, 1] = 3.0
            if classes:
                y = np.where(y == 0, 1.0, y)
                y[0] = 0.0
            job = Job(self.config, classes, Part(x, y), rounds=20)
            assert np.isfinite(self.learner.fit(job).margin(x)).all()

    def test_a_class_without_rows_is_improbable_and_nothing_worse(self) -> None:
        x, y = self.table(4)
        y = np.where(y == 2, 1.0, y)
        some = y.copy()
        some[390:] = 2.0  # though rows to judge by have it
        train, judge = Part(x[:300], y[:300]), Part(x[300:], some[300:])
        for job in (Job(self.config, 4, train, judge), Job(self.config, 4, train, rounds=20)):
            p = answer_of(self.learner.fit(job).margin(x), 4)
            assert p.shape == (len(x), 4) and np.isfinite(np.log(p[:, [0, 1, 3]])).all()
            assert 1e-5 < p[:, 2].mean() < 0.05

    def test_a_fold_of_one_class_or_of_no_telling_column_gets_the_plain_answer(self) -> None:
        x, y = self.table(2)
        for rows, label in ((x, np.ones_like(y)), (np.full_like(x, 3.0), y)):
            p = answer_of(self.learner.fit(Job(self.config, 2, Part(rows, label), rounds=5)).margin(rows), 2)
            assert np.isfinite(p).all() and np.allclose(p, p[0])
            assert abs(float(p[0, 1]) - float(label.mean())) < 0.01

    def test_few_rows_and_many_classes_are_survived(self) -> None:
        for classes in (0, 2):
            x, y = self.table(classes)
            rows = np.concatenate(
                [np.flatnonzero(y <= np.median(y))[:3], np.flatnonzero(y > np.median(y))[:3]]
            )
            fitted = self.learner.fit(Job(self.config, classes, Part(x[rows], y[rows]), rounds=5))
            assert np.isfinite(fitted.margin(x)).all()
        count = min(60, abilities_of(self.learner).most_classes)
        x, _ = self.table(0)
        y = (np.arange(len(x)) % count).astype(np.float64)
        fitted = self.learner.fit(Job(self.config, count, Part(x, y), rounds=3))
        assert fitted.margin(x).shape == (len(x), count) and np.isfinite(fitted.margin(x)).all()

    def test_targets_of_any_size_are_learned_alike(self) -> None:
        x, y = self.table(0)
        usual, huge = (
            self.learner.fit(Job(self.config, 0, Part(x[:300], t[:300]), Part(x[300:], t[300:]))).margin(x)
            for t in (y, y * 1e150)
        )
        assert np.corrcoef(usual[:, 0], huge[:, 0] / 1e150)[0, 1] > 0.98 or np.ptp(usual) == 0

    def test_rows_of_weight_nothing_are_as_if_absent(self) -> None:
        if not abilities_of(self.learner).weights:
            return
        for classes in TASKS:
            x, y = self.table(classes)
            weights = (np.arange(300) < 240).astype(np.float64)
            spoilt = y[:300].copy()
            spoilt[240:] = spoilt[240:][::-1]
            valid = Part(x[300:], y[300:])
            with_them = self.learner.fit(Job(self.config, classes, Part(x[:300], spoilt, weights), valid))
            without = self.learner.fit(Job(self.config, classes, Part(x[:240], y[:240]), valid))
            assert np.allclose(with_them.margin(x), without.margin(x), rtol=1e-3, atol=1e-3)

    def test_a_row_of_weight_three_counts_as_three(self) -> None:
        if not abilities_of(self.learner).weights:
            return
        x, y = self.table(2)
        weights = np.where(y == 1, 3.0, 1.0)
        thrice = np.repeat(np.arange(300), weights[:300].astype(np.int64))
        judge, heavy = Part(x[300:], y[300:]), Part(x[300:], y[300:], weights[300:])
        jobs = (
            Job(self.config, 2, Part(x[:300], y[:300]), judge),
            Job(self.config, 2, Part(x[:300], y[:300], weights[:300]), heavy),
            Job(self.config, 2, Part(x[thrice], y[thrice]), heavy),
        )
        chances = [answer_of(self.learner.fit(job).margin(x), 2)[:, 1] for job in jobs]
        plain, weighed, repeated = (float(c.mean()) for c in chances)
        assert weighed > plain + 0.02, "weights changed nothing"
        assert abs(weighed - repeated) < 0.06

    def test_a_monotone_column_only_raises_the_margin(self) -> None:
        if not abilities_of(self.learner).monotone:
            return
        rng = np.random.default_rng(5)
        x = np.clip(rng.normal(size=(500, 3)), -3, 3)
        y = np.sin(2.5 * x[:, 0]) + 0.4 * x[:, 0] + 0.5 * x[:, 1] + 0.3 * rng.normal(size=500)
        grid = np.repeat(x[:40], 50, axis=0)
        grid[:, 0] = np.tile(np.linspace(-3, 3, 50), 40)
        for classes, loss in ((0, "squared"), (0, "absolute"), (2, "squared")):
            if loss == "absolute" and not abilities_of(self.learner).absolute:
                continue
            t = (y > 0).astype(np.float64) if classes else y
            parts = Part(x[:400], t[:400]), Part(x[400:], t[400:])
            for way in (1, -1):
                job = Job(self.config, classes, *parts, monotone=(way, 0, 0))
                margin = self.learner.fit(replace(job, loss=cast(Any, loss))).margin(grid)  # a literal
                steps = np.diff(margin.reshape(40, 50), axis=1) * way
                assert steps.min() >= -1e-9, f"it turns back by {-steps.min():.3g}"

    def test_absolute_differences_resist_outliers(self) -> None:
        if not abilities_of(self.learner).absolute:
            return
        x, y = self.table(0)
        spoilt = y.copy()
        spoilt[::10] += 1e4
        parts = Part(x[:300], spoilt[:300]), Part(x[300:], spoilt[300:])
        away = [
            float(np.median(np.abs(self.learner.fit(job).margin(x)[:, 0] - y)))
            for job in (Job(self.config, 0, *parts), Job(self.config, 0, *parts, loss="absolute"))
        ]
        assert away[1] < 3 * float(np.std(y)) and away[1] < away[0] / 10

    def test_what_is_kept_for_a_key_changes_no_answer(self) -> None:
        for classes in (0, 2):
            x, _ = self.table(classes)
            answers = [
                self.learner.fit(replace(self.job(classes), key=key)).margin(x)
                for key in ("", "contract", "contract")
            ]
            assert np.array_equal(answers[0], answers[1]) and np.array_equal(answers[1], answers[2])

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
