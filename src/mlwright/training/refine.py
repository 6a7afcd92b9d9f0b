"""Refinement: configurations near the best ones, for the time after the portfolio.

Asked by `search` for one at a time. What is proposed follows from the seed and from what was found, so that
equal searches go on alike. Each family's zone says what may be varied; a family without one is left as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from mlwright.base.canonical import canonical_json
from mlwright.learners import Config, Learner
from mlwright.learners.zone import varied, zone_of
from mlwright.training.trial import Trial

NEAR, FAR = 0.12, 0.35
"""How much of a setting's range it moves by: mostly little, now and then far."""
FAR_SHARE, VIEW_SHARE = 0.25, 0.2
"""How often a proposal goes far, and how often it changes the view."""
PARENTS = 3
"""Of a family, the best so many are varied."""
DRAWS = 20
"""So many draws may turn out to be known already, before there is nothing more to propose."""


def propose(
    finished: Sequence[Trial], known: Mapping[str, Learner], tried: Collection[bytes], seed: int
) -> Config | None:
    """The next configuration, or None where nothing can be varied. `tried` holds the `marks` of all before.

    A family is drawn the more often the better its best is, one of its best is varied, and mostly by little.
    """
    able = [t for t in finished if zone_of(known[t.config.family])]
    if not able:
        return None
    ranked: dict[str, list[Trial]] = {}
    for trial in sorted(able, key=lambda t: t.error):
        ranked.setdefault(trial.config.family, []).append(trial)
    families = list(ranked)  # the family of the best trial first
    odds = 0.5 ** np.arange(len(families))
    rng = np.random.default_rng([seed, len(tried)])
    for _ in range(DRAWS):
        family = families[int(rng.choice(len(families), p=odds / odds.sum()))]
        parents = ranked[family][:PARENTS]
        parent = parents[min(int(rng.geometric(0.6)) - 1, len(parents) - 1)].config
        spread = FAR if rng.random() < FAR_SHARE else NEAR
        settings = varied(parent.settings, zone_of(known[family]), spread, rng)
        views = sorted({t.config.view for t in ranked[family]})
        view = views[int(rng.integers(len(views)))] if rng.random() < VIEW_SHARE else parent.view
        made = Config(f"{family}-refined-{len(tried)}", family, view, settings)
        if mark(made) not in tried:
            return made
    return None


def mark(config: Config) -> bytes:
    """What configurations have in common that differ in name alone."""
    return canonical_json([config.family, config.view, config.settings])
