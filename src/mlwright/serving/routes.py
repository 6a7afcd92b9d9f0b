"""The table of routes: path, methods, permission, and what answers. What is not in it is 404.

Read by the endpoint; the answers here are about the endpoint itself and never touch the model's graph.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mlwright.base.constraints import bound
from mlwright.base.schema import Column, Schema
from mlwright.serving.access import Permission
from mlwright.serving.answers import Answer, json_answer

if TYPE_CHECKING:
    from mlwright.serving.endpoint import Endpoint

TEXT = b"text/plain; version=0.0.4; charset=utf-8"
SMALL_BODY_BYTES = 64 * 1024


class Route(NamedTuple):
    """One path. `answer` is None for the one route that goes to the model."""

    path: str
    methods: tuple[bytes, ...]
    permission: Permission
    answer: Callable[[Endpoint], Answer] | None
    about: str

    @property
    def allow(self) -> bytes:
        return b"Allow: " + b", ".join(self.methods)


def index(endpoint: Endpoint) -> Answer:
    """What there is."""
    routes = {f"{r.methods[0].decode()} {r.path}": r.about for r in ROUTES.values()}
    return json_answer({"name": "mlwright", "model": endpoint.model.digest[:12], "routes": routes})


def health(endpoint: Endpoint) -> Answer:
    """The process lives: its loop turns."""
    return json_answer({"status": "ok"})


def ready(endpoint: Endpoint) -> Answer:
    """Whether requests should be sent here, and if not, why."""
    why = endpoint.why_not_ready
    if why:
        return json_answer({"ready": False, "why": why}, 503)
    return json_answer({"ready": True, "model": endpoint.model.digest[:12]})


def schema(endpoint: Endpoint) -> Answer:
    """What a row holds, as JSON Schema with an example."""
    return json_answer(describe(endpoint.model.schema, endpoint.model.samples.rows))


def metrics(endpoint: Endpoint) -> Answer:
    """Counters for Prometheus."""
    target = endpoint.model.schema.target
    info = {
        "digest": endpoint.model.digest,
        "task": target.task if target else "",
        "target": target.name if target else "",
    }
    return Answer(200, endpoint.metrics.text(info).encode(), TEXT)


_GET = (b"GET", b"HEAD")
ROUTES: Mapping[bytes, Route] = {
    route.path.encode(): route
    for route in (
        Route("/", _GET, "predict", index, "what there is"),
        Route(
            "/predict",
            (b"POST",),
            "predict",
            None,
            'a row, an array of rows or {"rows": [...]} to predictions',
        ),
        Route("/schema", _GET, "predict", schema, "what a row holds, with an example"),
        Route("/health", _GET, "open", health, "whether the process lives"),
        Route("/ready", _GET, "open", ready, "whether requests should be sent here"),
        Route("/metrics", _GET, "metrics", metrics, "counters for Prometheus"),
    )
}

_TYPES = {
    "numeric": ["number"],
    "boolean": ["boolean"],
    "datetime": ["string"],
    "categorical": ["string", "number", "boolean"],
    "text": ["string"],
}


def describe(schema: Schema, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # Any: JSON values
    """The JSON Schema of one row, the target, and an example row.

    >>> described = describe(Schema(columns=(Column(name="age", kind="numeric", nullable=False),)), ())
    >>> described["properties"], described["required"]
    ({'age': {'type': ['number']}}, ['age'])
    """
    features = schema.features
    described: dict[str, Any] = {  # Any: JSON values
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {column.name: _property(column) for column in features},
        "required": [column.name for column in features if not column.optional],
        "additionalProperties": False,
    }
    unused = {c.name: {"description": "not used by the model"} for c in schema.columns if c.unused}
    described["properties"] |= unused
    target = schema.target
    if target is not None:
        classes = [target.label(i) for i in range(len(target.classes))]
        described["x-target"] = {"name": target.name, "task": target.task, "classes": classes}
    if rows:
        described["examples"] = [{c.name: rows[0].get(c.name) for c in features if c.name in rows[0]}]
    return described


def _property(column: Column) -> dict[str, Any]:  # Any: JSON values
    types = _TYPES[column.kind] + (["null"] if column.nullable else [])
    described: dict[str, Any] = {"type": types}  # Any: JSON values
    if column.kind == "datetime":
        described["format"] = "date-time"
    if column.kind == "numeric" and column.minimum is not None and column.maximum is not None:
        described["x-seen"] = [column.minimum, column.maximum]
    if column.categories:
        described["x-seen"] = list(column.categories[:50])
    return described | _rules(column)


def _rules(column: Column) -> dict[str, Any]:  # Any: as above
    """What the column allows, in JSON Schema's words where it has them."""
    rules: dict[str, Any] = {}  # Any: as above
    for end, word in ((column.least, "minimum"), (column.most, "maximum")):
        if end is not None and column.kind == "numeric":
            rules[word] = end
        elif end is not None:
            rules[f"x-{word}"] = bound(end, column.kind)
    if column.allowed:
        rules["enum"] = [*column.allowed, *_typed(column), *([None] if column.nullable else [])]
    if column.pattern:
        rules["pattern"] = f"^(?:{column.pattern.removeprefix('^')})$"
    return rules


def _typed(column: Column) -> list[int | bool]:
    """The allowed categories that a whole number, true or false may stand for."""
    if column.kind != "categorical":
        return []
    whole = [int(t) for t in column.allowed if t.isdecimal() and str(int(t)) == t]
    return [*whole, *(t == "true" for t in column.allowed if t in ("true", "false"))]
