"""Overflow: answers that are larger than any number, as of a rate for an exposure of 1e308.

Used by `Model`, `lifecycle` and `serving`, so that each refuses the same rows in the same words.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import RowProblem
from mlwright.base.schema import Schema

Doubles = npt.NDArray[np.float64]


def overflow(prediction: Doubles, numbers: Doubles, schema: Schema) -> list[RowProblem]:
    """A problem for each of the predictions [N] that is infinite; `numbers` [N, a] are those it came from. A
    fault of the graph, which answers no number at all (NaN), is none."""
    names = [c.name for c in schema.numbers]
    exposed = next((i for i, c in enumerate(schema.numbers) if c.role == "exposure"), None)
    target = schema.target.name if schema.target else ""
    return [
        RowProblem(
            row=int(row),
            column=target if exposed is None else names[exposed],
            value=str(prediction[row] if exposed is None else numbers[row, exposed]),
            expected="smaller numbers" if exposed is None else "a smaller number",
            reason="the answer is larger than any number",
        )
        for row in np.flatnonzero(np.isinf(prediction))
    ]
