"""The table of routes: path, methods, permission, and what answers. What is not in it is 404.

Read by the front; the answers here are about the server and its models and never touch a graph.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from mlwright.serving.access import Permission
from mlwright.serving.answers import Answer, json_answer, plain
from mlwright.serving.describe import describe
from mlwright.serving.served import issues_of
from mlwright.version import __version__

if TYPE_CHECKING:
    from mlwright.serving.endpoint import Endpoint
    from mlwright.serving.front import Front, Target

TEXT = b"text/plain; version=0.0.4; charset=utf-8"
SMALL_BODY_BYTES = 64 * 1024
_JSON, _CSV, _ARROW = b"application/json", b"text/csv", b"application/vnd.apache.arrow.stream"


class Route(NamedTuple):
    """One path. Just one of `answer`, `dialects` and `command` says what is done."""

    path: str
    """`{name}` stands for a model's name, `{version}` for the first digits of its digest."""
    methods: tuple[bytes, ...]
    permission: Permission
    about: str
    answer: Callable[[Front, Target], Answer] | None = None
    dialects: Mapping[bytes, str] = {}
    """By content type, how rows are read and answers written."""
    command: str = ""
    of_model: bool = False
    """Whether it is about one model: that of the path, or the only one."""
    whose: str | None = ""
    """Otherwise: "" where the permission must be for all models, None where for any."""
    plain_errors: bool = False
    """Errors are {"error": "text"}, as other servers' clients expect."""

    @property
    def allow(self) -> bytes:
        return b"Allow: " + b", ".join(self.methods)

    @property
    def of_version(self) -> bool:
        """Whether it names a version, which a swap may end."""
        return "{version}" in self.path

    @property
    def kinds(self) -> tuple[bytes, ...]:
        """The content types that a body may have."""
        return tuple(self.dialects) or (_JSON,)

    def worded(self, answer: Answer) -> Answer:
        """An error as the clients of this route expect it."""
        return plain(answer) if self.plain_errors else answer


def index(front: Front, target: Target) -> Answer:
    """What there is."""
    routes = {f"{r.methods[0].decode()} {r.path}": r.about for r in ROUTES}
    return json_answer({"name": "mlwright", "version": __version__, "routes": routes})


def health(front: Front, target: Target) -> Answer:
    """The process lives: its loop turns."""
    return json_answer({"status": "ok"})


def ready(front: Front, target: Target) -> Answer:
    """Whether requests should be sent here, and if not, why."""
    why = front.why_not_ready
    if front.access.demands_tokens:  # which models there are is nobody's business
        told = {"why": "not yet, or no longer"} if why else {}
        return json_answer({"ready": not why} | told, 503 if why else 200)
    if why:
        return json_answer({"ready": False, "why": why}, 503)
    versions = {e.name: e.deployed.version for e in front.endpoints.values()}
    return json_answer({"ready": True, "models": versions})


def models(front: Front, target: Target) -> Answer:
    """The caller's models."""
    mine = [_of(e) for e in front.endpoints.values() if front.access.may("predict", target.caller, e.name)]
    return json_answer({"models": mine})


def model(front: Front, target: Target) -> Answer:
    """One model."""
    return json_answer(_of(_asked(target)))


def schema(front: Front, target: Target) -> Answer:
    """What a row holds, as JSON Schema with an example."""
    asked = _asked(target).model
    return json_answer(describe(asked.schema, asked.samples.rows))


def openapi(front: Front, target: Target) -> Answer:
    """All that the caller may ask for, as OpenAPI 3.1."""
    from mlwright.serving.openapi import document

    mine = [e for e in front.endpoints.values() if front.access.may("predict", target.caller, e.name)]
    models = {e.name: e.model for e in mine}
    return json_answer(document(models, front.access.demands_tokens, arrow=front.settings.arrow))


def metrics(front: Front, target: Target) -> Answer:
    """Counters for Prometheus, of this process alone."""
    return Answer(200, front.text().encode(), TEXT)


def v2_server(front: Front, target: Target) -> Answer:
    """What the server is."""
    return json_answer({"name": "mlwright", "version": __version__, "extensions": []})


def v2_live(front: Front, target: Target) -> Answer:
    """The process lives."""
    return json_answer({"live": True})


def v2_ready(front: Front, target: Target) -> Answer:
    """Whether requests should be sent here."""
    is_ready = not front.why_not_ready
    return json_answer({"ready": is_ready}, 200 if is_ready else 503)


def v2_model(front: Front, target: Target) -> Answer:
    """A model's tensors."""
    from mlwright.serving.dialects.oip import metadata

    endpoint = _asked(target)
    return json_answer(metadata(endpoint.name, endpoint.deployed.version, endpoint.model.schema))


def v2_model_ready(front: Front, target: Target) -> Answer:
    """Whether a model answers."""
    endpoint = _asked(target)
    is_ready = endpoint.is_warm and not front.is_draining
    return json_answer({"name": endpoint.name, "ready": is_ready}, 200 if is_ready else 503)


def v1_model(front: Front, target: Target) -> Answer:
    """A model's state, as TensorFlow Serving tells it."""
    endpoint = _asked(target)
    state = "AVAILABLE" if endpoint.is_warm and not front.is_draining else "LOADING"
    of_version = {
        "version": endpoint.deployed.version,
        "state": state,
        "status": {"error_code": "OK", "error_message": ""},
    }
    is_ready = state == "AVAILABLE"
    return json_answer({"name": endpoint.name, "ready": is_ready, "model_version_status": [of_version]})


def _asked(target: Target) -> Endpoint:
    assert target.endpoint is not None
    return target.endpoint


def _of(endpoint: Endpoint) -> dict[str, Any]:  # Any: JSON values
    target, before = endpoint.model.schema.target, endpoint.previous
    return {
        "name": endpoint.name,
        "version": endpoint.deployed.version,
        "digest": endpoint.model.digest,
        "task": target.task if target else None,
        "target": target.name if target else None,
        "ready": endpoint.is_warm,
        "previous": before.version if before else None,
        "issues": issues_of(endpoint.model),
    }


_GET, _POST = (b"GET", b"HEAD"), (b"POST",)
_ROWS = {_JSON: "rows", _CSV: "csv", _ARROW: "arrow"}
_PREDICT = 'rows (a JSON object, array or {"rows": [...]}; CSV; an Arrow stream) to predictions'
_OIP: dict[str, Any] = {"of_model": True, "plain_errors": True}  # Any: arguments of Route
_V2 = "/v2/models/{name}"

ROUTES: tuple[Route, ...] = (
    Route("/", _GET, "predict", "what there is", index, whose=None),
    Route("/predict", _POST, "predict", _PREDICT, dialects=_ROWS, of_model=True),
    Route("/schema", _GET, "predict", "what a row holds, with an example", schema, of_model=True),
    Route("/models", _GET, "predict", "the models that you may ask", models, whose=None),
    Route("/models/{name}", _GET, "predict", "one model", model, of_model=True),
    Route("/models/{name}/predict", _POST, "predict", _PREDICT, dialects=_ROWS, of_model=True),
    Route("/models/{name}/schema", _GET, "predict", "what a row holds", schema, of_model=True),
    Route("/models/{name}/reload", _POST, "admin", "its file is read anew", command="reload", of_model=True),
    Route(
        "/models/{name}/rollback", _POST, "admin", "the one before answers", command="rollback", of_model=True
    ),
    Route("/openapi.json", _GET, "predict", "all this, as OpenAPI", openapi, whose=None),
    Route("/health", _GET, "open", "whether the process lives", health),
    Route("/ready", _GET, "open", "whether requests should be sent here", ready),
    Route("/metrics", _GET, "metrics", "counters for Prometheus", metrics),
    Route("/v2", _GET, "predict", "Open Inference Protocol: the server", v2_server, whose=None),
    Route("/v2/health/live", _GET, "open", "whether the process lives", v2_live),
    Route("/v2/health/ready", _GET, "open", "whether requests should be sent here", v2_ready),
    *(
        route
        for base in (_V2, f"{_V2}/versions/{{version}}")
        for route in (
            Route(base, _GET, "predict", "a model's tensors", v2_model, **_OIP),
            Route(f"{base}/ready", _GET, "predict", "whether a model answers", v2_model_ready, **_OIP),
            Route(f"{base}/infer", _POST, "predict", "tensors to tensors", dialects={_JSON: "oip"}, **_OIP),
        )
    ),
    Route("/v1/models/{name}", _GET, "predict", "a model's state", v1_model, **_OIP),
    Route(
        "/v1/models/{name}:predict", _POST, "predict", "instances to predictions",
        dialects={_JSON: "instances"}, **_OIP,
    ),
)  # fmt: skip


def find(path: bytes) -> tuple[Route, str, str] | None:
    """The route of a path, with the model's name and the version in it ("" where it has none).

    >>> find(b"/v1/models/loans:predict")[1:], find(b"/nowhere")
    (('loans', ''), None)
    """
    route = _EXACT.get(path)
    if route is not None:
        return route, "", ""
    for pattern, route in _PATTERNS:
        match = pattern.fullmatch(path)
        if match is not None:
            said = {k: v.decode() for k, v in match.groupdict().items()}
            return route, said["name"], said.get("version", "")
    return None


def _pattern(path: str) -> re.Pattern[bytes]:
    """A name is read as far as it can be one; whether there is such a model is asked later."""
    text = re.escape(path).replace(r"\{name\}", "(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{0,63})")
    return re.compile(text.replace(r"\{version\}", "(?P<version>[A-Za-z0-9._-]{1,64})").encode())


_EXACT = {route.path.encode(): route for route in ROUTES if "{" not in route.path}
_PATTERNS = [(_pattern(route.path), route) for route in ROUTES if "{" in route.path]
