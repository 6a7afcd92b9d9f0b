"""check: a Dataset becomes Findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from mlwright.lifecycle.extras import need
from mlwright.lifecycle.read import RoleNames, read

if TYPE_CHECKING:
    from mlwright.base.finding import Findings


def check(
    data: object, *, seed: int = 0, waive: tuple[str, ...] = (), **roles: Unpack[RoleNames]
) -> Findings:
    """What is wrong with a table, worst first: what reading noticed and what the checks found.

    `data` is a Dataset, or anything that `read` takes. A check that could not look says so; none raises.
    `waive` names codes that are known and borne.
    """
    need("train", "checking data")
    from mlwright.checks import check as run_checks
    from mlwright.data.dataset import Dataset

    dataset = data if isinstance(data, Dataset) else read(data, **roles)
    return run_checks(dataset, seed=seed, waive=waive)
