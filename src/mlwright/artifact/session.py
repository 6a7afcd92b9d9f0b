"""onnxruntime sessions as mlwright wants them: CPU, few threads, no spinning, graphs from bytes only.

Called by `artifact` to answer and by `features` to compute training matrices. onnxruntime is imported here,
at the first session, so that `import mlwright` stays light.
"""

from __future__ import annotations

from typing import Any


def session(graph: bytes, *, threads: int = 1) -> Any:  # Any: onnxruntime has no types
    """An InferenceSession over the ONNX model `graph`, with `threads` threads within an operator."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.load_model_format", "ONNX")
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
