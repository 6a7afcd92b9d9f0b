"""Running a part of the graph in training: the same nodes and the same engine that will serve, on all
threads.

Called by features, learners and packaging with graphs they have just built; files are opened by `artifact`,
never here.
"""

from __future__ import annotations

from typing import Any


def session(graph: bytes, *, threads: int = 1) -> Any:  # Any: onnxruntime has no types
    """An onnxruntime session over `graph`, with `threads` threads within an operator."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.load_model_format", "ONNX")
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
