"""top: what a running server does, from the difference of two looks at its metrics."""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from mlwright.base.errors import EnvironmentProblem, Misuse

_SERIES = re.compile(r"([a-z_]+)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
_MOST_BYTES = 16 << 20
_WITHIN_S = 10.0

Series = Mapping[str, Mapping[tuple[tuple[str, str], ...], float]]
"""By name, then by labels."""


@dataclass(frozen=True)
class ModelTraffic:
    """What one model did between two looks."""

    name: str
    version: str
    """The first digits of the digest of the model that answers."""
    rows_per_s: float
    rows_a_run: float
    run_us_a_row: float
    """Time in the graph for each row, on the wall."""
    refused_per_s: float
    """Rows that broke the schema."""
    shed_per_s: float
    """Requests that would have waited too long."""
    failed_per_s: float
    queued_rows: int


@dataclass(frozen=True)
class Traffic:
    """What a server did between two looks, `seconds` apart."""

    seconds: float
    requests_per_s: float
    errors_per_s: float
    """Answers of 5xx, but for 503."""
    p50_s: float | None
    """Upper bound of the bucket that holds the median of requests to models; None where there were none."""
    p99_s: float | None
    in_flight: int
    connections: int
    models: tuple[ModelTraffic, ...]


def top(
    url: str, *, token: str = "", every_s: float = 2.0, wait: Callable[[float], None] = time.sleep
) -> Iterator[Traffic]:
    """What the server at `url` does, again and again, every `every_s` seconds.

    `token` needs the scope metrics, where the server asks for one.
    Raises `Misuse` for what is no URL of a server, `EnvironmentProblem` where it does not answer.
    """
    if not url.startswith(("http://", "https://")) or every_s <= 0:
        raise Misuse(f"{url!r} is no URL of a server", remedy="give such as http://127.0.0.1:8080")
    before, at = series_of(_metrics(url, token)), time.monotonic()
    while True:
        wait(every_s)
        after, now = series_of(_metrics(url, token)), time.monotonic()
        yield between(before, after, max(now - at, 1e-9))
        before, at = after, now


def series_of(text: str) -> Series:
    """The series of Prometheus text.

    >>> series_of('# TYPE a counter\\na{x="1"} 2\\n')
    {'a': {(('x', '1'),): 2.0}}
    """
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for line in text.splitlines():
        match = None if line.startswith("#") else _SERIES.fullmatch(line)
        if match is not None:
            labels = tuple(_LABEL.findall(match[2] or ""))
            found.setdefault(match[1], {})[labels] = float(match[3])
    return found


def between(before: Series, after: Series, seconds: float) -> Traffic:
    """What happened between two looks. Counters that fell began anew: the server was started again."""

    def rate(name: str, **wanted: str) -> float:
        return _risen(before, after, name, wanted) / seconds

    requests = after.get("mlwright_requests_total", {})
    failed = {dict(labels)["status"] for labels in requests} - {"503"}
    models = sorted(dict(labels)["model"] for labels in after.get("mlwright_model_info", {}))
    return Traffic(
        seconds=seconds,
        requests_per_s=rate("mlwright_requests_total"),
        errors_per_s=sum(rate("mlwright_requests_total", status=s) for s in failed if s.startswith("5")),
        p50_s=_quantile(before, after, 0.5),
        p99_s=_quantile(before, after, 0.99),
        in_flight=int(_now(after, "mlwright_requests_in_flight")),
        connections=int(_now(after, "mlwright_connections")),
        models=tuple(_of_model(before, after, name, seconds) for name in models),
    )


def _of_model(before: Series, after: Series, name: str, seconds: float) -> ModelTraffic:
    def risen(series: str, **more: str) -> float:
        return _risen(before, after, series, {"model": name} | more)

    rows, runs = risen("mlwright_rows_total"), risen("mlwright_batches_total")
    info = next(d for d in map(dict, after["mlwright_model_info"]) if d["model"] == name)
    return ModelTraffic(
        name=name,
        version=info.get("digest", "")[:12],
        rows_per_s=rows / seconds,
        rows_a_run=rows / runs if runs else 0.0,
        run_us_a_row=risen("mlwright_stage_seconds_sum", stage="run") / rows * 1e6 if rows else 0.0,
        refused_per_s=risen("mlwright_rows_refused_total") / seconds,
        shed_per_s=risen("mlwright_shed_total") / seconds,
        failed_per_s=risen("mlwright_model_failures_total") / seconds,
        queued_rows=int(_now(after, "mlwright_queued_rows", model=name)),
    )


def _risen(before: Series, after: Series, name: str, wanted: Mapping[str, str]) -> float:
    known, total = before.get(name, {}), 0.0
    for labels, value in after.get(name, {}).items():
        if wanted.items() <= dict(labels).items():
            was = known.get(labels, 0.0)
            total += value - was if value >= was else value
    return total


def _now(series: Series, name: str, **wanted: str) -> float:
    return sum(v for labels, v in series.get(name, {}).items() if wanted.items() <= dict(labels).items())


def _quantile(before: Series, after: Series, share: float) -> float | None:
    """The upper bound of the bucket of the quantile, of all routes that ask a model."""
    name = "mlwright_request_seconds_bucket"
    counts: dict[float, float] = {}
    for labels in after.get(name, {}):
        told = dict(labels)
        if told["route"].endswith(("predict", "infer")):
            bound = float(told["le"].replace("+Inf", "inf"))
            counts[bound] = counts.get(bound, 0.0) + _risen(before, after, name, told)
    total = max(counts.values(), default=0.0)
    return next((b for b in sorted(counts) if total and counts[b] >= share * total), None)


def _metrics(url: str, token: str) -> str:
    asked = urllib.request.Request(f"{url.rstrip('/')}/metrics")
    if token:
        asked.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(asked, timeout=_WITHIN_S) as answer:
            data: bytes = answer.read(_MOST_BYTES)
            return data.decode()
    except urllib.error.HTTPError as error:
        remedy = "give a token with the scope metrics" if error.code in (401, 403) else "look at the server"
        raise EnvironmentProblem(f"the server answered {error.code}", where=url, remedy=remedy) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise EnvironmentProblem(
            f"no server answers: {reason}", where=url, remedy="mlwright serve FILE starts one"
        ) from error
