"""The fit report of what ships: figures from the looks and from out-of-fold answers, told as diagnoses.

Called by `training.fit` when it judges. It fits nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mlwright.base.evaluation import Score
from mlwright.base.finding import Finding
from mlwright.base.fit_report import Diagnosis, FitReport, LearningCurve, Span, weak_slices
from mlwright.evaluation.diagnoses import (
    Point,
    Reseeded,
    along_time,
    between_groups,
    instability,
    learning_curve,
    too_little_data,
)
from mlwright.evaluation.fitting import Alternative, Standing, label_noise, overfitting, underfitting
from mlwright.evaluation.intervals import score
from mlwright.evaluation.metrics import METRICS, Answered, error_of, labels_of, seen_by
from mlwright.evaluation.paired_rows import PairedRows, span_of
from mlwright.evaluation.splits import ALONG_TIME
from mlwright.learners import Config
from mlwright.statistics.intervals import mean_interval
from mlwright.statistics.learning_curve import curve_draws, refit_spread
from mlwright.training.diagnosing import Looks
from mlwright.training.problem import Problem
from mlwright.training.standing import noise_of, units_of
from mlwright.training.unseen import labels_unseen
from mlwright.training.variants import calmer

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


HURRIED = 1.5
"""A learning rate raised by more than this for want of time is told."""


@dataclass(frozen=True)
class Reported:
    """What a report rests on."""

    problem: Problem
    looks: Looks
    margin: Doubles
    """What the ensemble says out of fold of the rows that folds judge, in their order [n, M]."""
    standing: Standing
    slices: tuple[Finding, ...] = ()
    """What slices of the evaluation show; none where they were not searched."""
    weight: float = 1.0
    """The share of the candidate that was looked at in what ships."""

    @property
    def report(self) -> FitReport:
        """All diagnoses."""
        curve, data = self._data()
        looks = self.looks
        calm, wild = self._beside(looks.calm), self._beside(looks.wild)
        under = underfitting(wild, looks.why_not("wild"), self.standing, self._hurried)
        trusted = under.status != "found"
        return FitReport(
            diagnoses=(
                overfitting(calm, looks.why_not("calm"), self.standing, calmest=self._calmest),
                under,
                data,
                label_noise(noise_of(self.problem, self.margin), trusted=trusted),
                self._instability(),
                self._shift(),
                weak_slices(self.slices),
            ),
            curve=curve,
        )

    @cached_property
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
        if len(sizes) < 3:
            why = looks.skipped.get("curve") or looks.why_not("all")
            return None, Diagnosis(
                kind="not enough data", status="skipped", evidence=f"no learning curve: {why}"
            )
        points, errors, drawn = self._sized
        if not len(drawn):
            return None, Diagnosis(
                kind="not enough data",
                status="not_enough_data",
                evidence=f"{self.problem.metric.name} is undefined on the rows that were compared",
            )
        if (errors < 0).any():  # as a metric of the user's own may be
            said = f"1 less {self.problem.metric.name} falls below 0, where errors follow no power law"
            return None, Diagnosis(kind="not enough data", status="not_applicable", evidence=said)
        recent = " of the most recent rows" if self.problem.split.rule in ALONG_TIME else ""
        how = f"fits on parts{recent}, judged on the same {len(looks.rows):,} unseen rows"
        assert looks.trial is not None  # else there were no looks
        name, metric = looks.trial.config.name, self.paired.smooth.name
        curve = learning_curve(name, metric, points, errors, drawn, how, self.problem.seed)
        plain = self.standing.plain
        known = plain is not None and plain.metric == metric
        gap = error_of(self.paired.smooth, plain.value) - curve.errors[-1].value if plain and known else None
        return curve, too_little_data(curve, gap)

    @cached_property
    def _sized(self) -> tuple[list[Point], Doubles, Doubles]:
        """The fits by the rows they learned from, their errors [F], and draws of those [B, F]."""
        looks = self.looks
        fits = [m for _, m in looks.smaller] + (looks.seeds or [looks.own])
        sizes = [n for n, _ in looks.smaller] + [looks.full] * (len(fits) - len(looks.smaller))
        points = [Point(n, tuple(i for i, m in enumerate(sizes) if m == n)) for n in sorted(set(sizes))]
        return points, *self.paired.errors(fits)

    def _beside(self, kin: tuple[Config, Doubles] | None) -> Alternative | None:
        """A kin of the candidate beside it; None where it was not fitted, or no error is defined."""
        looks = self.looks
        if kin is None or looks.trial is None:
            return None
        base = looks.seeds or [looks.own]
        within = self.margin[np.searchsorted(self.problem.split.judged, looks.rows)]
        fits = [*base, kin[1], within, within + self.weight * (kin[1] - looks.own)]
        errors, drawn = self.paired.errors(fits)
        level = float(errors[: len(base)].mean())
        if not len(drawn) or not level > 0:
            return None
        gain = drawn[:, : len(base)].mean(axis=1) - drawn[:, len(base)]
        points, sized, _ = self._sized
        rows = np.array([p.rows for p in points], dtype=np.float64)
        share, freedom = refit_spread([sized[list(p.fits)] for p in points], rows)
        # Beside the rows that judge, the luck of each fit.
        luck = share * level * float(np.sqrt(rows[0] / rows[-1] * (1 + 1 / len(base))))
        gain = curve_draws(gain[:, None], np.array([luck]), freedom, self.problem.seed)[:, 0]
        value = level - float(errors[len(base)])
        return Alternative(
            candidate=looks.trial.config.name,
            kin=kin[0].name,
            gain=span_of(value / level, gain / level),
            blend_gains=bool(errors[-1] < errors[-2]) or self.weight == 0,
        )

    @property
    def _calmest(self) -> bool:
        trial = self.looks.trial
        return trial is not None and trial.config.family == "linear" and calmer(trial.config) is None

    @property
    def _hurried(self) -> str:
        """How time cut the candidate short, in words; empty where it did not."""
        trial = self.looks.trial
        if trial is None:
            return ""
        for name in ("learning_rate", "eta"):
            asked, had = trial.config.settings.get(name), trial.settled.get(name)
            if asked is not None and had is not None and float(had) > HURRIED * float(asked):
                name = trial.config.name
                return f"for want of time, {name} learned at a rate of {had:.2g} instead of {asked:.2g}"
        return ""

    @cached_property
    def _folds(self) -> list[Score]:
        """The ensemble's score of each fold's unseen rows, with its interval; labels by a line that was drawn
        without them."""
        problem, judged = self.problem, self.problem.split.judged
        margins = np.full((len(problem.y), self.margin.shape[1]), np.nan)
        margins[judged] = self.margin
        labels = labels_unseen(problem, margins)
        scores = []
        for fold in problem.split.folds:
            rows = fold.valid
            answer = problem.answer_of(margins[rows], rows)
            answered = Answered(answer, labels[rows]) if problem.classes else answer[:, 0]
            scores.append(
                score(
                    problem.metric,
                    problem.truth[rows],
                    seen_by(problem.metric, answered),
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
        return instability(self._folds, self._reseeded(), self.looks.why_not("seeds"), apart)

    def _reseeded(self) -> Reseeded | None:
        """How much fits by other seeds differ; None where there are none."""
        looks, problem = self.looks, self.problem
        if not looks.seeds or looks.trial is None:
            return None
        fits = [looks.own, *looks.seeds]
        answers = np.stack([problem.answer_of(m, looks.rows) for m in fits])  # [S, n, K]
        weights = problem.weights_of(looks.rows)
        codes = units_of(problem, looks.rows)
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
            return between_groups(self._folds)
        metric = METRICS["log_loss" if problem.classes else "mae"]
        answer = problem.answer_of(self.margin, judged)
        assert metric.losses is not None  # both are means of losses
        losses = metric.losses(problem.truth[judged], answer if problem.classes else answer[:, 0])
        stretches = problem.split.stretches(judged) if problem.split.rule in ALONG_TIME else None
        where = None if stretches is None else stretches.astype(np.float64)
        said = "log loss" if problem.classes else "mean absolute error"
        return along_time(losses, problem.weights_of(judged), where, said)
