"""The OpenAPI 3.1 document of a server: every route that a caller may ask, with schemas made from the models.

Generated on request from the table of routes and the schemas, so that it cannot lie about either.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlwright.base.schema import Schema
from mlwright.serving.describe import describe
from mlwright.serving.explaining import Explains
from mlwright.serving.routes import ROUTES, Route
from mlwright.serving.served import Served, abstaining_of, ends_of, sets_of
from mlwright.version import __version__

Json = dict[str, Any]  # Any: JSON values
_ERROR: Json = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "remedy"],
            "properties": {k: {"type": "string"} for k in ("code", "message", "remedy")},
        }
    },
}
_PLAIN_ERROR: Json = {
    "type": "object", "required": ["error"], "properties": {"error": {"type": "string"}},
}  # fmt: skip
_REFUSALS = {
    "400": "the body or the query is not what it should be",
    "401": "a token is needed",
    "403": "the token lacks the scope",
    "404": "there is no such model",
    "408": "the request came too slowly",
    "413": "the body is too long, or has too many rows",
    "415": "the content type is another",
    "422": "rows break the schema",
    "503": "too busy, or shutting down; see Retry-After",
}
_ARROW = "application/vnd.apache.arrow.stream"
_QUERY = (
    ("partial", "answer the good rows, and say beside each bad one why"),
    ("proba", "write probabilities"),
)


def document(models: Mapping[str, Served], demands_tokens: bool, *, arrow: bool) -> Json:
    """The document for `models` by name; `arrow` where Arrow streams are read."""
    paths: Json = {}
    for route in ROUTES:
        for path, name in _paths(route, models):
            operations = paths.setdefault(path, {})
            for method in route.methods:
                operation = _operation(
                    route, name, models.get(name) if name else None, method.decode().lower()
                )
                operations[method.decode().lower()] = operation
    if not arrow:
        for operation in (o for of_path in paths.values() for o in of_path.values()):
            for body in (operation.get("requestBody", {}), operation["responses"]["200"]):
                body.get("content", {}).pop(_ARROW, None)
    schemas: Json = {"Error": _ERROR, "PlainError": _PLAIN_ERROR}
    for name, model in models.items():
        schemas[_row(name)] = _without_dialect(describe(model.schema, model.samples.rows))
        answer = _answer_schema(
            model.schema,
            has_sets=sets_of(model) is not None,
            has_intervals=ends_of(model) is not None,
            abstains=abstaining_of(model) is not None,
        )
        if isinstance(model, Explains):
            answer["properties"]["explanation"] = _EXPLANATION
        schemas[_answer(name)] = answer
    made: Json = {
        "openapi": "3.1.0",
        "info": {"title": "mlwright", "version": __version__, "description": "Models, served by mlwright."},
        "paths": paths,
        "components": {"schemas": schemas},
    }
    if demands_tokens:
        made["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    return made


def _paths(route: Route, models: Mapping[str, Served]) -> list[tuple[str, str]]:
    """The paths of a route, each with the model that it is about."""
    if "{version}" in route.path:
        paths = [
            (route.path.replace("{name}", n).replace("{version}", m.digest[:12]), n)
            for n, m in models.items()
        ]
        return paths
    if "{name}" in route.path:
        return [(route.path.replace("{name}", n), n) for n in models]
    if route.of_model:
        return [(route.path, next(iter(models)))] if len(models) == 1 else []
    return [(route.path, "")]


def _operation(route: Route, name: str, model: Served | None, method: str) -> Json:
    error = "PlainError" if route.plain_errors else "Error"
    operation: Json = {
        "summary": route.about,
        "operationId": f"{method}{route.path}{f' {name}' if name else ''}",
        "responses": {
            "200": _ok(route, name, method),
            **{status: _json(about, f"#/components/schemas/{error}") for status, about in _REFUSALS.items()},
        },
    }
    if route.permission != "open":
        operation["security"] = [{"token": []}]
    if route.path == "/ready" or route.path.endswith("/ready"):
        operation["responses"]["503"] = {"description": "not ready, and why"}
    if route.command:
        operation["responses"]["409"] = _json("the model stays as it is", f"#/components/schemas/{error}")
        flag: Json = {
            "type": "object",
            "properties": {"force": {"type": "boolean"}},
            "additionalProperties": False,
        }
        operation["requestBody"] = {"required": False, "content": {"application/json": {"schema": flag}}}
    if route.dialects and model is not None:
        operation["requestBody"] = {"required": True, "content": _bodies(route, name, model)}
        asked = [p for p in _QUERY if not (route.plain_errors and p[0] == "partial")]
        further = [] if route.plain_errors else [_rate(*r) for r in _rates_of(model)]
        further += [_EXPLAIN] if isinstance(model, Explains) and not route.plain_errors else []
        operation["parameters"] = [_parameter(*p) for p in asked] + further + [_DEADLINE]
        operation["responses"]["500"] = _json("the model failed", f"#/components/schemas/{error}")
    return operation


_EXPLAIN: Json = {
    "name": "explain",
    "in": "query",
    "description": "write what each column added to the answer; of few rows, and of JSON bodies only",
    "schema": {"type": "boolean"},
}
_DEADLINE: Json = {
    "name": "X-Deadline-Ms",
    "in": "header",
    "description": "refuse at once what would be answered later than this",
    "schema": {"type": "number", "minimum": 1, "maximum": 86_400_000},
}


def _parameter(name: str, about: str) -> Json:
    return {"name": name, "in": "query", "description": about, "schema": {"type": "boolean"}}


def _rates_of(model: Served) -> list[tuple[str, str]]:
    """The parameters by which the model's sets or intervals are asked for."""
    sets = [("set", "write the labels that are plausible at this error rate; of JSON bodies only")]
    told = "write the two ends between which the truth lies but for this error rate; of JSON bodies only"
    left = "label null where it is not sure enough for at most this share to be wrong; of JSON bodies only"
    asked = (sets if sets_of(model) else []) + ([("interval", told)] if ends_of(model) else [])
    return asked + ([("abstain", left)] if abstaining_of(model) else [])


def _rate(name: str, about: str) -> Json:
    rate: Json = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
    return {"name": name, "in": "query", "description": about, "schema": rate}


def _bodies(route: Route, name: str, model: Served) -> Json:
    row = {"$ref": f"#/components/schemas/{_row(name)}"}
    rows = {"type": "array", "minItems": 1, "items": row}
    bodies: Json = {}
    for kind, dialect in route.dialects.items():
        if dialect == "rows":
            schema: Json = {"anyOf": [row, rows, _object({"rows": rows})]}
        elif dialect == "instances":
            schema = _object({"instances": rows})
        elif dialect == "oip":
            schema = _object({"inputs": {"type": "array", "minItems": 1, "items": _TENSOR}}, further=True)
        else:
            schema = {"type": "string", "contentMediaType": kind.decode()}
        bodies[kind.decode()] = {"schema": schema}
    return bodies


_TENSOR: Json = {
    "type": "object",
    "required": ["name", "shape", "datatype", "data"],
    "properties": {
        "name": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1, "maxItems": 2},
        "datatype": {"type": "string"},
        "data": {"type": "array"},
    },
}


def _object(properties: Json, *, further: bool = False) -> Json:
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": further,
    }


def _ok(route: Route, name: str, method: str) -> Json:
    if method == "head":
        return {"description": "as GET, without the body"}
    if set(route.dialects.values()) >= {"rows"}:
        answer = {"$ref": f"#/components/schemas/{_answer(name)}"}
        many = _object(
            {"model": {"type": "string"}, "predictions": {"type": "array", "items": _either(answer)}}
        )
        content: Json = {"application/json": {"schema": {"anyOf": [answer, many]}}}
        for kind in ("text/csv", _ARROW):
            content[kind] = {"schema": {"type": "string"}}
        return {"description": "predictions, in the order of the rows", "content": content}
    if route.path == "/metrics":
        return {"description": route.about, "content": {"text/plain": {"schema": {"type": "string"}}}}
    return {"description": route.about, "content": {"application/json": {"schema": {"type": "object"}}}}


_NUMBERS: Json = {"type": "object", "additionalProperties": {"type": "number"}}
_EXPLANATION: Json = {
    "type": "object",
    "required": ["output", "base", "contributions", "error", "exact", "reasons"],
    "properties": {
        "label": {"type": ["string", "integer", "boolean"]},
        "probability": {"type": "number"},
        "base_probability": {"type": "number"},
        "output": {"type": "number"},
        "base": {"type": "number"},
        "contributions": _NUMBERS,
        "error": _NUMBERS,
        "exact": {"type": "boolean"},
        "reasons": {"type": "array", "items": {"type": "string"}},
    },
}


def _either(answer: Json) -> Json:
    return {"anyOf": [answer, {"$ref": "#/components/schemas/Error"}]}


def _json(about: str, schema: str) -> Json:
    return {"description": about, "content": {"application/json": {"schema": {"$ref": schema}}}}


def _answer_schema(schema: Schema, *, has_sets: bool, has_intervals: bool, abstains: bool) -> Json:
    target = schema.target
    ids: Json = {"prediction_id": {"type": "string", "format": "uuid"}}
    if target is None or target.task == "regression":
        properties = ids | {"prediction": {"type": "number"}}
        required = list(properties)
        if has_intervals:
            ends: Json = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
            properties["interval"] = ends
        return {"type": "object", "required": required, "properties": properties}
    of_label = {"integer": "integer", "boolean": "boolean"}.get(target.label_type, "string")
    one: Json = {"type": "number", "minimum": 0, "maximum": 1}
    probability = _object(dict.fromkeys(target.classes, one))
    label: Json = {"type": [of_label, "null"] if abstains else of_label}
    properties = ids | {"label": label, "probability": probability}
    if has_sets:
        properties["set"] = {"type": "array", "items": {"type": of_label}}
    return {"type": "object", "required": ["prediction_id", "label"], "properties": properties}


def _without_dialect(described: Json) -> Json:
    return {k: v for k, v in described.items() if k != "$schema"}


def _row(name: str) -> str:
    return f"{name}.row"


def _answer(name: str) -> str:
    return f"{name}.answer"
