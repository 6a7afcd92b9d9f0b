"""Beginning from an earlier model: what it was made of is in its file, and is tried first on new data.

Asked by `fit`. What a file says is data from a stranger: only families that are installed, views that exist
and settings within the family's zone are used, and what is left out is said.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from mlwright.base.errors import Misuse, shown
from mlwright.lifecycle.load import load

if TYPE_CHECKING:
    from mlwright.artifact import Model
    from mlwright.learners import Config
    from mlwright.packaging.blend import Blend
    from mlwright.training import Problem

MOST = 12
"""So many candidates of an earlier model are tried: one has seldom more than half of it."""


class Kept(msgspec.Struct, frozen=True):
    """One member of an ensemble as its file tells it."""

    family: str
    view: str
    settings: dict[str, float | int | str | bool] = {}
    rounds: int = 0
    """What it ran on all rows; 0 for what knows no rounds."""
    weight: float = 0.0


def members_of(blend: Blend) -> list[dict[str, Any]]:  # Any: JSON values
    """The members of `blend` for a model file, heaviest first."""
    members = sorted(blend.members, key=lambda m: -m.weight)
    kept = (
        Kept(m.config.family, m.config.view, dict(m.config.settings), m.fitted.rounds, m.weight)
        for m in members
    )
    return [msgspec.to_builtins(one) for one in kept]


def opened(earlier: Model | str | os.PathLike[str]) -> Model:
    """The model to begin from, known to tell its members. Raises `Misuse`, and what `load` raises."""
    from mlwright.artifact import Model

    model = earlier if isinstance(earlier, Model) else load(earlier)
    if not model.manifest.recipe.get("members"):
        raise Misuse(
            "this model does not tell what it was made of, so that nothing can begin from it",
            where="" if isinstance(earlier, Model) else str(earlier),
            remedy="leave warm_start= out; models that fit makes from now on tell it",
        )
    return model


def begun_from(problem: Problem, model: Model, note: Callable[[str], None]) -> Problem:
    """`problem` with the members of `model` tried first, right after the plain baseline."""
    try:
        told = msgspec.convert(model.manifest.recipe["members"], list[Kept])
    except msgspec.ValidationError as damage:
        note(f"the earlier model's candidates are not tried: {damage}")
        return problem
    earlier = []
    for i, one in enumerate(told[:MOST], 1):
        refused = _refused(one)
        if refused:
            note(f"the earlier model's {shown(one.family)} is not tried: {refused}")
        elif one.family != "baseline":
            earlier.append(_config(one, i))
    if not earlier:
        note("nothing of the earlier model could be tried")
    plain = tuple(c for c in problem.portfolio if c.family == "baseline")
    rest = tuple(c for c in problem.portfolio if c.family != "baseline")
    return replace(problem, portfolio=(*plain, *earlier, *rest))


def _config(one: Kept, i: int) -> Config:
    from mlwright.learners import Config

    return Config(f"{one.family}-earlier-{i}", one.family, one.view, dict(one.settings))


def _refused(one: Kept) -> str:
    """Why `one` cannot be tried, in words; "" where it can."""
    from mlwright.features import VIEWS
    from mlwright.learners import families
    from mlwright.learners.zone import outside, zone_of

    known = families()
    if one.family not in known:
        return "its family is not installed"
    if one.view not in VIEWS:
        return f"there is no view {shown(one.view)}"
    return outside(one.settings, zone_of(known[one.family]))
