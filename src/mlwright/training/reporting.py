"""The fit report of what ships: figures from the looks and from out-of-fold answers, told as diagnoses.

Called by `training.fit` when it judges. It fits nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.base.evaluation import Score
from mlwright.base.fit_report import Diagnosis, FitReport, LearningCurve, Span
from mlwright.evaluation.diagnoses import (
    Point,
    Reseeded,
    along_time,
    between_groups,
    instability,
    learning_curve,
    too_little_data,
)
from mlwright.evaluation.intervals import score
from mlwright.evaluation.metrics import METRICS, labels_of
from mlwright.evaluation.paired import PairedRows
from mlwright.evaluation.splits import ALONG_TIME
from mlwright.statistics.intervals import mean_interval
from mlwright.training.diagnosing import Looks
from mlwright.training.problem import Problem

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Reported:
    """What a report rests on."""

    problem: Problem
    looks: Looks
    margin: Doubles
    """What the ensemble says out of fold of the rows that folds judge, in their order [n, M]."""

    @property
    def report(self) -> FitReport:
        """All diagnoses."""
        curve, data = self._data()
        return FitReport(diagnoses=(data, self._instability(), self._shift()), curve=curve)

    @property
    def paired(self) -> PairedRows:
        """The rows of the looks."""
        problem, rows = self.problem, self.looks.rows
        return PairedRows(
            metric=problem.metric,
            y=problem.truth[rows],
            answer=lambda margin: problem.answer_of(margin, rows),
            weights=problem.weights_of(rows),
            units=next(iter(problem.dependent(rows).values()), None),
            seed=problem.seed,
        )

    def _data(self) -> tuple[LearningCurve | None, Diagnosis]:
        looks = self.looks
        sizes = sorted({n for n, _ in looks.smaller})
        if "curve" in looks.skipped or len(sizes) < 3:
            why = looks.skipped.get("curve") or looks.why_not("all")
            return None, Diagnosis(
                kind="not enough data", status="skipped", evidence=f"no learning curve: {why}"
            )
        fits = [m for _, m in looks.smaller] + (looks.seeds or [looks.own])
        sizes_of = [n for n, _ in looks.smaller] + [looks.full] * (len(fits) - len(looks.smaller))
        points = [Point(n, tuple(i for i, m in enumerate(sizes_of) if m == n)) for n in sorted(set(sizes_of))]
        errors, drawn = self.paired.errors(fits)
        if not len(drawn):
            return None, Diagnosis(
                kind="not enough data",
                status="not_enough_data",
                evidence=f"{self.problem.metric.name} is undefined on the rows that were compared",
            )
        recent = " of the most recent rows" if self.problem.split.rule in ALONG_TIME else ""
        how = f"fits on parts{recent}, judged on the same {len(looks.rows):,} unseen rows"
        assert looks.trial is not None  # else there were no looks
        name, metric = looks.trial.config.name, self.paired.smooth.name
        curve = learning_curve(name, metric, points, errors, drawn, how, self.problem.seed)
        return curve, too_little_data(curve)

    def _folds(self) -> list[Score]:
        """The ensemble's score of each fold's unseen rows, with its interval."""
        problem, judged = self.problem, self.problem.split.judged
        place = np.full(len(problem.y), -1, dtype=np.int64)
        place[judged] = np.arange(len(judged))
        scores = []
        for fold in problem.split.folds:
            rows = fold.valid
            output = problem.output_of(self.margin[place[rows]], rows)
            scores.append(
                score(
                    problem.metric,
                    problem.truth[rows],
                    output if problem.classes else output[:, 0],
                    weights=problem.weights_of(rows),
                    seed=problem.seed,
                    effort=0.05,
                    **problem.dependent(rows),
                )
            )
        return scores

    def _instability(self) -> Diagnosis:
        rule = self.problem.split.rule
        apart = "time" if rule in ALONG_TIME else "group" if rule == "group" else ""
        return instability(self._folds(), self._reseeded(), self.looks.why_not("seeds"), apart)

    def _reseeded(self) -> Reseeded | None:
        """How much fits by other seeds differ; None where there are none."""
        looks, problem = self.looks, self.problem
        if not looks.seeds or looks.trial is None:
            return None
        fits = [looks.own, *looks.seeds]
        answers = np.stack([problem.answer_of(m, looks.rows) for m in fits])  # [S, n, K]
        weights = problem.weights_of(looks.rows)
        units = self.paired.units
        codes = None if units is None else np.unique(units, return_inverse=True)[1].astype(np.int64)
        middle = answers.mean(axis=0)
        away = ((answers - middle) ** 2).mean(axis=(0, 2))
        if problem.classes:
            labels = np.stack([labels_of(a) for a in answers])
            pairs = [(i, j) for i in range(len(fits)) for j in range(i)]
            apart = np.mean([labels[i] != labels[j] for i, j in pairs], axis=0).astype(np.float64)
            value, low, high = mean_interval(apart, weights, codes)
            differ = Span(value=value, low=max(0.0, low), high=max(high, value))
        else:
            off = float(np.average((middle[:, 0] - problem.y[looks.rows]) ** 2, weights=weights))
            value, low, high = mean_interval(away, weights, codes)
            share = [float(np.sqrt(max(v, 0.0) / off)) if off > 0 else 0.0 for v in (value, low, high)]
            differ = Span(value=share[0], low=share[1], high=share[2])
        smooth = self.paired.smooth
        outputs = [a if smooth.needs != "prediction" else a[:, 0] for a in answers]
        reached = [smooth.function(problem.truth[looks.rows], o, weights) for o in outputs]
        if not np.isfinite([*reached, differ.low, differ.high]).all():
            return None
        return Reseeded(
            candidate=looks.trial.config.name,
            fits=len(fits),
            differ=differ,
            apart=float(np.sqrt(np.average(away, weights=weights))),
            scores=Span(value=float(np.mean(reached)), low=min(reached), high=max(reached)),
            classes=bool(problem.classes),
        )

    def _shift(self) -> Diagnosis:
        problem = self.problem
        judged = problem.split.judged
        if problem.split.rule == "group":
            return between_groups(self._folds())
        metric = METRICS["log_loss" if problem.classes else "mae"]
        answer = problem.answer_of(self.margin, judged)
        assert metric.losses is not None  # both are means of losses
        losses = metric.losses(problem.truth[judged], answer if problem.classes else answer[:, 0])
        stretches = problem.split.stretches(judged) if problem.split.rule in ALONG_TIME else None
        where = None if stretches is None else stretches.astype(np.float64)
        said = "log loss" if problem.classes else "mean absolute error"
        return along_time(losses, problem.weights_of(judged), where, said)
