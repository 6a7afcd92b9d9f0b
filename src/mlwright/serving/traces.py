"""Traces for OpenTelemetry: a span for each answer, below the span of whoever asked.

Made by the front where settings ask for it; opentelemetry is imported only then. A span is made once its
answer leaves, so that requests wait for nothing, and sent by a thread of the library, whose variables
(OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_ENDPOINT, ...) say which are sent and where. Spans hold no value of
a row. Sources: W3C Trace Context; OpenTelemetry's semantic conventions for HTTP servers.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any

from mlwright.base.errors import EnvironmentProblem
from mlwright.version import __version__

if TYPE_CHECKING:
    from mlwright.serving.parse import Head
    from mlwright.serving.requests import Exchange

FLUSH_S = 3.0
"""The longest that stopping waits for spans on their way."""
_PARENT = (b"traceparent", b"tracestate")
_FAILURE = 500
_SPOKEN = "http/protobuf"


class Traces:
    """Makes spans, by the provider of this process: of the application around, or an own one."""

    def __init__(self) -> None:
        """Raises `EnvironmentProblem` where the variables ask for a protocol that is not spoken here."""
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        provider: Any = trace.get_tracer_provider()  # Any: the interface has no way to end it
        self._exporter: Any = None  # Any: as above
        if isinstance(provider, trace.ProxyTracerProvider):  # nobody has set one
            self._exporter = _exporter()
            provider = _provider(self._exporter)
        self._provider = provider
        self._tracer = provider.get_tracer("mlwright", __version__)
        self._context = TraceContextTextMapPropagator().extract
        self._kind = trace.SpanKind.SERVER
        self._failed = trace.Status(trace.StatusCode.ERROR)

    def note(self, exchange: Exchange, peer: str, status: int, seconds: float) -> None:
        """One answer that leaves, `seconds` after its head was read."""
        ended = time.time_ns()
        head, target = exchange.head, exchange.target
        method = head.method.decode() if head else "_OTHER"
        route = exchange.route.path if exchange.route else ""
        told: dict[str, str | int] = {
            "http.request.method": method,
            "http.response.status_code": status,
            "client.address": peer,
            "mlwright.request_id": exchange.request_id.decode(),
        }
        if route:
            told["http.route"] = route
        if target is not None:
            if target.caller.identity:
                told["mlwright.token"] = target.caller.identity
            if target.endpoint is not None:
                told["mlwright.model"] = target.endpoint.name
                told["mlwright.model.version"] = target.endpoint.deployed.version
        if status >= _FAILURE:
            told["error.type"] = str(status)
        span = self._tracer.start_span(
            f"{method} {route}".strip(),
            context=self._context(_parent(head)),
            kind=self._kind,
            start_time=ended - int(seconds * 1e9),
            attributes=told,
        )
        if status >= _FAILURE:
            span.set_status(self._failed)
        span.end(ended)

    def close(self) -> None:
        """Sends what waits, for a while; where the provider is the application's, that is its own affair."""
        if self._exporter is not None:
            # Flushing knows no time limit of its own where nobody takes the spans.
            flush = threading.Thread(target=self._provider.force_flush, daemon=True)
            flush.start()
            flush.join(FLUSH_S)
            if flush.is_alive():
                self._exporter.shutdown()  # ends tries that are made again and again
            self._provider.shutdown()


def _parent(head: Head | None) -> dict[str, str]:
    if head is None:
        return {}
    return {name.decode(): head.first(name).decode("ascii", "replace") for name in _PARENT}


def _exporter() -> Any:  # Any: as above
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    for variable in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if os.environ.get(variable, _SPOKEN) != _SPOKEN:
            raise EnvironmentProblem(
                f"traces leave by {_SPOKEN} only", where=variable, remedy=f"say {variable}={_SPOKEN}"
            )
    return OTLPSpanExporter()


def _provider(exporter: Any) -> Any:  # Any: as above
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    told = {"service.version": __version__}
    named = os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    if "OTEL_SERVICE_NAME" not in os.environ and "service.name=" not in named:
        told["service.name"] = "mlwright"
    provider = TracerProvider(resource=Resource.create(told), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider
