"""Coded: a model whose dictionaries are looked up outside of its graph, for who decodes row by row.

Made by `Model.coded` for `serving`. It is given only where it answers the model's own samples as the whole
graph does, to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.artifact.decode import Decoded
from mlwright.artifact.session import Outputs, Session
from mlwright.graph.lifted import CODES, Lifted, lifted
from mlwright.graph.scan import scan

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Coded:
    """The rest of a graph, and the dictionaries that were lifted out of it."""

    tables: tuple[dict[str, float], ...]
    """Of each of the schema's strings, the texts that are known and their codes."""
    unseen: float
    """The code of every other text."""
    run: Callable[[Doubles, Doubles], Outputs]
    """The outputs, without margins, for `numbers` [N, a] and `codes` [N, b]."""

    def codes(self, strings: npt.NDArray[np.object_]) -> Doubles:
        """The codes [N, b] of decoded texts [N, b]."""
        found = [
            [t.get(text, self.unseen) for text, t in zip(row, self.tables, strict=True)] for row in strings
        ]
        return np.array(found, dtype=np.float64).reshape(len(strings), len(self.tables))


def coded_of(graph: bytes, width: int, decoded: Decoded, whole: Outputs) -> Coded | None:
    """`graph` with its dictionaries lifted out, where `decoded` rows are answered exactly as `whole` says;
    `width` is that of `strings`."""
    parts: Lifted | None = lifted(graph, width) if width else None
    if parts is None or parts.columns != tuple(range(width)):
        return None
    session = Session(parts.graph, scan(parts.graph), second=CODES, less="margin")
    coded = Coded(parts.tables, parts.unseen, session.run)
    outputs = coded.run(decoded.numbers, coded.codes(decoded.strings))
    pairs = [(getattr(outputs, n), getattr(whole, n)) for n in ("probability", "label", "prediction")]
    if all(a is b or (a is not None and b is not None and np.array_equal(a, b)) for a, b in pairs):
        return coded
    return None
