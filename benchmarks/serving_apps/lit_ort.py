"""LitServe in front of ONNX Runtime: `python lit_ort.py PORT`.

Its queue over ZeroMQ (`fast_queue`) made no difference to one worker.
"""

import sys
from typing import Any

import litserve as ls

from graph import Graph


class Scorer(ls.LitAPI):
    def setup(self, device: str) -> None:
        self.graph = Graph()

    def predict(self, row: dict[str, Any]) -> dict[str, float]:
        return {"probability": self.graph.probability(row)}


if __name__ == "__main__":
    server = ls.LitServer(Scorer(), accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[1]),
        num_api_servers=1,
        log_level="warning",
        access_log=False,
        generate_client_file=False,
    )
