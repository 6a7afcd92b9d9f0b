"""Overfitting, underfitting and label noise: from figures to diagnoses.

What each calls harm stands here and in docs/fit-report.md. Called by `training`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from mlwright.base import figures
from mlwright.base.evaluation import Score
from mlwright.base.finding import Status
from mlwright.base.fit_report import Diagnosis, Span
from mlwright.evaluation.diagnoses import verdict
from mlwright.statistics.intervals import Interval

EXTREME = 0.8
"""A slope of what happened on what was predicted below it: predictions are too extreme to be chance's."""
TIMID = 1.25
"""A slope above it: predictions stop short of what then happened, as of boosting that ended early."""
CONTRADICTED, HOPELESS, STEEP, FEW = 0.025, 0.25, 1.7, 0.05
"""As for MLW307: labels are wrong where more of the surest predictions than the first share are contradicted,
fewer than the second, and the next surest hardly more often; below the last share, few are wrong."""
OPEN = 0.6
"""An interval of the share that is noise which is wider than this says nothing."""
MOST_OF_IT = 0.5
"""Where so much of the error is noise, models are not what to work on."""


@dataclass(frozen=True)
class Alternative:
    """A candidate's calmer or wilder kin beside it, on the same unseen rows."""

    candidate: str
    kin: str
    gain: Span
    """By how much of the candidate's error the kin's is less."""
    blend_gains: bool
    """Whether the ensemble, too, would gain with the kin in the candidate's place."""

    @property
    def status(self) -> Status:
        """Whether the kin is better by more than chance, and by enough."""
        found = verdict(self.gain)
        return "passed" if found == "found" and not self.blend_gains else found

    @property
    def said(self) -> str:
        return f"{self.kin} lowers the error of {self.candidate} by {self.gain.percent()}"


@dataclass(frozen=True)
class Standing:
    """How what ships does where it learned, and where it did not."""

    seen: Score | None
    """On rows that it was fitted on."""
    unseen: Score | None
    plain: Score | None
    """The plain baseline's, on the unseen rows."""
    slope: Interval
    """Of what happened on what was predicted, before calibration, on unseen rows; NaN where it is unknown."""

    @property
    def gap(self) -> Span | None:
        """By how much the error on unseen rows is larger than on rows learned from."""
        if self.seen is None or self.unseen is None:
            return None
        way = 1.0 if self.seen.greater_is_better else -1.0
        value = way * (self.seen.value - self.unseen.value)
        half = math.hypot(*(s.high - s.low for s in (self.seen, self.unseen))) / 2
        return Span(value=value, low=value - half, high=value + half)

    @property
    def said(self) -> str:
        if self.seen is None or self.unseen is None or self.gap is None:
            return ""
        return (
            f"{self.seen.metric} is {figures.plain(self.seen.value)} on rows it learned from and "
            f"{figures.plain(self.unseen.value)} on unseen ones (a gap of {self.gap.said()})"
        )


def overfitting(
    calm: Alternative | None, why_not: str, standing: Standing, *, calmest: bool = False
) -> Diagnosis:
    """Whether the model follows its rows more than does it good.

    A gap between seen and unseen rows alone is no harm: boosted trees know their rows nearly by heart and are
    right all the same. Harm is a calmer kin that is better on unseen rows, or predictions too extreme for
    what then happened, beside such a gap. `calmest` says that no calmer kin exists.
    """
    slope, gap = standing.slope, standing.gap
    parts = [calm.said if calm else f"no calmer kin was fitted: {why_not}"]
    statuses: list[Status] = [calm.status] if calm else []
    remedies = []
    if calm and calm.status == "found":
        remedies.append("Fewer leaves and stronger penalties: give the search more time, or fewer columns.")
    if math.isfinite(slope.value):
        span = Span(value=slope.value, low=slope.low, high=slope.high)
        parts.append(f"before calibration, what happened has a slope of {span.said()} on what was predicted")
        extreme = slope.high < EXTREME and gap is not None and gap.low > 0
        statuses.append("found" if extreme else "passed" if slope.low > EXTREME else "not_enough_data")
        if extreme:
            remedies.append(
                "Predictions are too extreme: calibration mends probabilities, not ranks. Get more rows, or "
                "leave columns out that say nothing."
            )
    parts += [standing.said] if standing.said else []
    order: tuple[Status, ...] = ("found", "not_enough_data", "passed")
    status = min(statuses, key=order.index) if statuses else "skipped"
    if calm is None and status == "passed" and not calmest:
        status = "not_enough_data"  # a slope alone does not acquit
    return Diagnosis(
        kind="overfitting",
        status=status,
        evidence="; ".join(parts),
        figure=calm.gain if calm else None,
        remedy=" ".join(remedies),
    )


def underfitting(wild: Alternative | None, why_not: str, standing: Standing, hurried: str) -> Diagnosis:
    """Whether a model with more room would do better; `hurried` says how time cut this one short."""
    parts = [wild.said if wild else f"no wilder kin was fitted: {why_not}"]
    parts += [standing.said] if standing.said else []
    plain, unseen = standing.plain, standing.unseen
    if plain is not None and unseen is not None and unseen.beside(plain) != "better":
        parts.append("it is not clearly better than the plain baseline")
    parts += [hurried] if hurried else []
    status: Status = wild.status if wild else "skipped"
    remedy = ""
    if status == "found":
        remedy = "More leaves, more rounds, weaker penalties: " + (
            "give it more time." if hurried else "search longer, or bring features that say more."
        )
    elif hurried and status != "passed":
        status = "not_enough_data"
        remedy = "Give it more time."
    slope = standing.slope
    if slope.low > TIMID:
        status = "found"
        span = Span(value=slope.value, low=slope.low, high=slope.high)
        parts.append(f"before calibration, what happened has a slope of {span.said()} on what was predicted")
        remedy = remedy or "Predictions are too timid: more rounds, or weaker penalties."
    gap = standing.gap
    if gap is not None and 2 * gap.high < gap.value:
        # Worse by four standard errors: fits on fewer rows beat what ships even on rows that it learned from.
        status = "found"
        remedy = "What ships was cut short when it was fitted on all rows: give it more time."
    return Diagnosis(
        kind="underfitting",
        status=status,
        evidence="; ".join(parts),
        figure=wild.gain if wild else None,
        remedy=remedy,
    )


@dataclass(frozen=True)
class Noise:
    """What is known of the error that no model can avoid."""

    floor: Span | None
    """The least error rate, or the variance of the noise, as a share of the model's; None where rows alike
    are too rare to say."""
    surest: Interval | None = None
    """How often labels contradict the surest predictions; None for numbers."""
    following: Interval | None = None
    factor: float = math.inf
    """How many times more often the next surest are contradicted, at most."""
    blind: float = 0.0
    """The error rate of always saying the most frequent class."""
    why_not: str = ""

    @property
    def wrong_labels(self) -> bool:
        """Whether labels contradict the surest predictions as evenly as wrong labels do."""
        s = self.surest
        return (
            s is not None
            and s.low > CONTRADICTED
            and s.high < min(HOPELESS, self.blind)
            and self.factor < STEEP
        )


def label_noise(noise: Noise, *, trusted: bool = True) -> Diagnosis:
    """Whether most of the error is in the targets rather than in the model.

    What a model is surest of says something of labels only where the model is to be `trusted`: one that
    underfits is contradicted by right labels as evenly as a good one by wrong ones.
    """
    floor, parts, remedies = noise.floor, [_of_alike(noise)], []
    mostly = floor is not None and floor.low >= MOST_OF_IT
    # Of classes the floor is a lower bound, the noise itself at most about twice as much.
    least = MOST_OF_IT if noise.surest is None else MOST_OF_IT / 2
    little = floor is not None and floor.high < least
    wrong = noise.wrong_labels and trusted and not little
    few = noise.surest is not None and noise.surest.high < FEW
    if noise.surest is not None and noise.following is not None:
        spans = (Span(value=i.value, low=i.low, high=i.high) for i in (noise.surest, noise.following))
        first, second = (s.percent() for s in spans)
        parts.append(f"labels contradict {first} of the surest predictions, {second} of the next")
    if wrong:
        remedies.append("Look at the rows that MLW307 of `check` names: labels are wrong.")
    if mostly:
        remedies.append("No model of these columns will do much better: bring others, or cleaner targets.")
    status: Status = "found" if wrong or mostly else "passed" if little or few else "not_enough_data"
    return Diagnosis(
        kind="label noise",
        status=status,
        evidence="; ".join(parts),
        figure=floor,
        remedy=" ".join(remedies),
    )


def _of_alike(noise: Noise) -> str:
    """What rows that are alike say, in words."""
    what = "error rate" if noise.surest is not None else "squared error"
    if noise.floor is None:
        return noise.why_not or "rows are too far apart to say what alike ones differ by"
    if noise.floor.high - noise.floor.low > OPEN:
        return f"rows that are alike leave open how much of the {what} is noise"
    share = noise.floor.percent()
    return f"by rows that are alike, at least {share} of the model's {what} is noise that no column tells"
