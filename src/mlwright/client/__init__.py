"""Asking an endpoint from Python: rows in, typed answers out, from one thread, many, or asyncio.

Light: neither numpy nor onnxruntime is loaded. `Client` needs the standard library alone (and msgspec),
`AsyncClient` the extra `client`.
"""

from mlwright.client.answers import (
    Explanation,
    Health,
    ModelInfo,
    Prediction,
    Predictions,
)
from mlwright.client.async_client import AsyncClient
from mlwright.client.retries import Retries
from mlwright.client.sync_client import Client

__all__ = [
    "AsyncClient",
    "Client",
    "Explanation",
    "Health",
    "ModelInfo",
    "Prediction",
    "Predictions",
    "Retries",
]
