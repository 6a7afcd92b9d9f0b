"""Labels with None where a model is not sure enough of them.

Used by `Model`, `lifecycle` and `serving`, so that each leaves out the same ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.base.abstaining import Abstaining, Step
from mlwright.base.errors import Misuse
from mlwright.base.rates import refuse_no_rate
from mlwright.base.schema import Target


def step_of(known: Abstaining | None, target: Target, error: float) -> Step:
    """From how sure a label on `known` answers. Raises `Misuse` where it cannot abstain, for no rate, and for
    a rate that cannot be kept to."""
    refuse_no_rate("abstain", error)
    if known is None:
        is_number = target.task == "regression"
        what = "a regression abstains from nothing" if is_number else "this file holds no rates to abstain by"
        raise Misuse(
            what, remedy="ask for intervals" if is_number else "fit again with this version of mlwright"
        )
    return known.step(error)


def sure_labels(
    label: npt.NDArray[Any],
    probability: npt.NDArray[Any],
    target: Target,
    least: float | npt.NDArray[np.float64],
) -> npt.NDArray[Any]:  # Any: labels, or None; float32 or float64
    """The labels [N] whose probability (of [N, K]) is `least` or more, a number or one for each row [N]; None
    in place of the others."""
    number = {target.label(k): k for k in range(len(target.classes))}
    places = np.array([number[one] for one in label.tolist()], dtype=np.int64)
    answer = label.astype(object)
    answer[probability[np.arange(len(places)), places] < least] = None
    return answer
