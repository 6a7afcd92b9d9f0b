"""What serving needs of an opened model, as small protocols.

`artifact.Model` satisfies them; tests may pass anything of this shape. Obligations: `run` is called from one
thread at a time, which need not be the thread that opened the model; it keeps no reference to its arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from mlwright.base.abstaining import Abstaining
from mlwright.base.conformal import Conformal
from mlwright.base.finding import Findings
from mlwright.base.schema import Schema

if TYPE_CHECKING:
    from mlwright.artifact import Ends

Numbers = npt.NDArray[np.float64]
Strings = npt.NDArray[np.object_]


class Outputs(Protocol):
    """Of classification: `probability` [N, K] and `label` [N], in the target's original type; of regression:
    `prediction` [N]."""

    @property
    def probability(self) -> npt.NDArray[Any] | None: ...  # Any: float32 or float64

    @property
    def label(self) -> npt.NDArray[Any] | None: ...  # Any: text, int64 or bool

    @property
    def prediction(self) -> npt.NDArray[Any] | None: ...  # Any: float32 or float64


class Samples(Protocol):
    """Rows as a request would send them."""

    @property
    def rows(self) -> Sequence[Mapping[str, Any]]: ...  # Any: JSON values


class Served(Protocol):
    """An opened model."""

    @property
    def schema(self) -> Schema: ...

    @property
    def digest(self) -> str: ...

    @property
    def samples(self) -> Samples: ...

    def run(self, numbers: Numbers, strings: Strings) -> Outputs:
        """The outputs for `numbers` [N, a] and `strings` [N, b], in the schema's order; a or b may be 0."""
        ...


def issues_of(model: Served) -> list[dict[str, str]]:
    """The grave findings that stand in the model's file, waived ones among them."""
    found: Findings = getattr(model, "findings", None) or Findings()
    grave = [f for f in found if f.severity == "issue" and f.status in ("found", "waived")]
    return [{"code": f.code, "title": f.title, "status": f.status} for f in grave]


def sets_of(model: Served) -> Conformal | None:
    """What sets of labels are made from, where the model offers them."""
    sets: Conformal | None = getattr(getattr(model, "evaluation", None), "sets", None)
    return sets


def abstaining_of(model: Served) -> Abstaining | None:
    """From how sure an answer on it may answer, where the model can abstain."""
    known: Abstaining | None = getattr(getattr(model, "evaluation", None), "abstaining", None)
    return known


def ends_of(model: Served) -> Ends | None:
    """What makes intervals, where the model offers them."""
    ends: Ends | None = getattr(model, "ends", None)
    return ends
