"""mlwright's own graph in ONNX Runtime, as a user of that file would call it by hand for one row.

For the peers that serve this graph. The folder that BENCHMARK_FOLDER names holds `graph.onnx` and
`columns.json`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime

FOLDER = Path(os.environ["BENCHMARK_FOLDER"])
Cell = float | str | None


class Graph:
    """The graph with one input for each column; one thread, since more of them slow one row down."""

    def __init__(self) -> None:
        columns = json.loads((FOLDER / "columns.json").read_text())
        self._numbers, self._strings = columns["numbers"], columns["strings"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            FOLDER / "graph.onnx", options, providers=["CPUExecutionProvider"]
        )

    def probability(self, row: Mapping[str, Cell]) -> float:
        """That of the positive class; a missing value is None."""
        nan = float("nan")
        feeds = {n: np.array([[nan if row[n] is None else row[n]]], np.float64) for n in self._numbers}
        feeds |= {n: np.array([[row[n] or ""]], object) for n in self._strings}
        return float(self._session.run(["probability"], feeds)[0][0, 1])
