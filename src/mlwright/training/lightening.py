"""What becomes of a model that was measured to break a limit: the same with less in it, judged anew.

Called by `lifecycle.bounded`, which measures and looks at the clock. How much goes at a time depends on how
many rounds of judging, packaging and measuring there is still time for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mlwright.base.cost import Cost
from mlwright.learners import Job, families
from mlwright.packaging.blend import Member
from mlwright.training.fit import Run, Trained, judged
from mlwright.training.limits import Pricing, price_of
from mlwright.training.prepared import part_of
from mlwright.training.refit import Shipped
from mlwright.training.trial import Trial

FEW = 2.0
"""With fewer rounds than this the next model should be the last."""
COSTLIER = "left out: it costs more than what was measured to break a limit"


def lighter(trained: Trained, measured: Cost, rounds: float) -> Trained | None:
    """`trained` without what makes it break a limit; None where nothing cheaper is left.

    With a round for each member the one goes that costs most for its share; with fewer as many as the
    measurement says; with hardly any all but the lightest, or the plain baseline takes its place.
    """
    broken = f"dropped: {trained.run.price.limits.broken_by(measured)}"
    members = [t for t in trained.run.found.finished if id(t) in trained.shipped.shares]
    run = replace(trained.run, price=trained.run.price.corrected(measured, members))
    kept = remaining(run.price, trained.shipped.shares, members, rounds)
    gone = {id(t): broken for t in members if t not in kept}
    if kept:
        return judged(run.without(gone), trained.shipped.without(*gone))
    least = min(run.price.strain([t]) for t in members)
    real = (t for t in run.choice.trials if t.config.family != "baseline")
    costlier = {id(t): COSTLIER for t in real if run.price.strain([t]) >= least}
    run = run.without(costlier | gone)
    return _others(run, trained.shipped, rounds)


def remaining(
    price: Pricing, shares: Mapping[int, float], members: Sequence[Trial], rounds: float
) -> list[Trial]:
    """The members that stay: one less at least, none where not one of them alone would do.

    `shares` go by the trials' identities.
    """
    kept = sorted(members, key=lambda t: price_of(price.alone(t)) / shares[id(t)])[:-1]
    if rounds >= len(members):
        return kept
    if rounds < FEW:
        kept = sorted(members, key=lambda t: price.strain([t]))[:1] if kept else []
    while kept and price.strain(kept) > 1:
        kept = kept[:-1]
    return kept


def _others(run: Run, shipped: Shipped, rounds: float) -> Trained | None:
    """What else there is: a choice among the rest, fitted on all rows, or the baseline for want of time."""
    choice = run.choice
    if rounds >= FEW:
        weights = run.weights()
        if weights.any() and run.has_time(choice.trials, weights):
            return judged(run, run.refitted(choice.trials, weights))
    plain = next((t for t in choice.trials if t.config.family == "baseline"), None)
    return None if plain is None else judged(run, _plain(run, shipped, plain))


def _plain(run: Run, shipped: Shipped, trial: Trial) -> Shipped:
    """The plain baseline over the plan that there is: it looks at no feature."""
    problem = run.problem
    every = np.arange(len(problem.y))
    job = Job(
        config=trial.config,
        classes=problem.classes,
        train=part_of(problem, np.zeros((len(every), 0)), every),
        loss=problem.loss,
        seed=problem.seed,
    )
    member = Member(trial.config, families()[trial.config.family].fit(job), 1.0)
    return Shipped(shipped.plan, (member,), {id(trial): 1.0}, ())
