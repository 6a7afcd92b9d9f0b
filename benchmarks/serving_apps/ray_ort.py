"""Ray Serve in front of ONNX Runtime: `python ray_ort.py PORT`, until SIGTERM.

No request waits for others to end (`max_ongoing_requests`) and nothing is logged. Who starts it sets
RAY_SERVE_THROUGHPUT_OPTIMIZED, as Ray advises for throughput: up to a tenth more of it here.
"""

import signal
import sys
import threading

import ray
from ray import serve
from ray.serve.config import HTTPOptions
from ray.serve.schema import LoggingConfig
from starlette.requests import Request

from graph import Graph


@serve.deployment(num_replicas=1, max_ongoing_requests=1000)
class Scorer:
    def __init__(self) -> None:
        self.graph = Graph()

    async def __call__(self, request: Request) -> dict[str, float]:
        return {"probability": self.graph.probability(await request.json())}


if __name__ == "__main__":
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stopped.set())
    quiet = LoggingConfig(log_level="WARNING", enable_access_log=False)
    ray.init(_node_ip_address="127.0.0.1", num_cpus=2, include_dashboard=False, log_to_driver=False)
    serve.start(http_options=HTTPOptions(host="127.0.0.1", port=int(sys.argv[1])), logging_config=quiet)
    serve.run(Scorer.options(logging_config=quiet).bind(), route_prefix="/predict")
    stopped.wait()
    serve.shutdown()
    ray.shutdown()
