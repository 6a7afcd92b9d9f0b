"""What the server counts, as Prometheus text.

Counted by connections and batches; read by GET /metrics. Labels come from closed lists (routes, statuses,
models, columns), never from what a caller sent.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
STAGE_BUCKETS_S = (0.00002, 0.00005, 0.0001, 0.0002, *BUCKETS_S[:10])
STAGES = ("queue", "decode", "run", "write")
"""Of one run of the graph and all requests in it: the longest wait of any, then what is done for all."""


class Histogram:
    """Counts by upper bound.

    >>> h = Histogram((0.1, 1.0))
    >>> h.add(0.1), h.add(0.5), h.add(9.0), h.counts
    (None, None, None, [1, 1, 1])
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Counts one observation."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds

    def lines(self, name: str, labels: str) -> Iterable[str]:
        """Its lines of Prometheus text; `labels` are written already."""
        count = 0
        for bound, n in zip((*self.bounds, "+Inf"), self.counts, strict=True):
            count += n
            yield f'{name}_bucket{{{labels},le="{bound}"}} {count}'
        yield f"{name}_sum{{{labels}}} {self.total:.9g}"
        yield f"{name}_count{{{labels}}} {count}"


class Problem(Protocol):
    """A fault of a row."""

    @property
    def field(self) -> str: ...


class Outcome(Protocol):
    """What became of one request, in counts."""

    @property
    def failed(self) -> bool: ...

    @property
    def bad_rows(self) -> int: ...

    @property
    def problems(self) -> Sequence[Problem]: ...


class ModelMetrics:
    """What is counted of one model."""

    def __init__(self, columns: Iterable[str] = ()) -> None:
        self.columns = frozenset(columns)
        self.info: Mapping[str, str] = {}
        """Labels of the model that answers."""
        self.refused_by_column: Counter[str] = Counter()
        self.stages = {stage: Histogram(STAGE_BUCKETS_S) for stage in STAGES}
        self.rows = 0
        self.rows_refused = 0
        self.rows_explained = 0
        self.batches = 0
        self.model_failures = 0
        self.shed = 0
        self.swaps = 0
        self.swaps_refused = 0
        self.queued_rows = 0

    def count(self, outcomes: Sequence[Outcome], rows: int) -> None:
        """Counts one run of the graph, `rows` of whose rows were predicted."""
        self.rows += rows
        self.batches += 1
        self._count(outcomes)

    def count_explained(self, outcome: Outcome, rows: int) -> None:
        """Counts one request for explanations, `rows` of whose rows were predicted and explained."""
        self.rows += rows
        self.rows_explained += rows
        self._count((outcome,))

    def _count(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            self.model_failures += outcome.failed
            self.rows_refused += outcome.bad_rows
            for problem in outcome.problems:
                column = problem.field if problem.field in self.columns else "(no such column)"
                self.refused_by_column[column] += 1


_OF_MODELS = (
    ("rows_total", "counter", "Rows predicted.", "rows"),
    ("rows_refused_total", "counter", "Rows that broke the schema.", "rows_refused"),
    ("rows_explained_total", "counter", "Rows predicted and explained.", "rows_explained"),
    ("batches_total", "counter", "Runs of the graph.", "batches"),
    ("model_failures_total", "counter", "Requests that the graph failed.", "model_failures"),
    ("shed_total", "counter", "Requests refused because they would have waited too long.", "shed"),
    ("swaps_total", "counter", "Times that another model took over.", "swaps"),
    ("swaps_refused_total", "counter", "Models refused, so that the old one stayed.", "swaps_refused"),
    ("queued_rows", "gauge", "Rows that wait or run.", "queued_rows"),
)  # fmt: skip


class Metrics:
    """Counters, gauges and histograms of the whole server.

    >>> m = Metrics()
    >>> m.answered("/predict", 200, 0.002)
    >>> 'mlwright_requests_total{route="/predict",status="200"} 1' in m.text({})
    True
    """

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        self.in_flight = 0
        self.connections = 0
        self.connections_refused = 0
        self._seconds: dict[str, Histogram] = {}

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Counts one answer, `seconds` after its head was read."""
        self.requests[route, status] += 1
        histogram = self._seconds.get(route)
        if histogram is None:
            histogram = self._seconds[route] = Histogram(BUCKETS_S)
        histogram.add(seconds)

    def text(self, models: Mapping[str, ModelMetrics]) -> str:
        """Everything in the text format 0.0.4, with what each of `models` counts."""
        lines: list[str] = []
        _family(lines, "mlwright_requests_total", "counter", "Answers by route and status.")
        for (route, status), count in sorted(self.requests.items()):
            lines.append(f'mlwright_requests_total{{route="{escaped(route)}",status="{status}"}} {count}')
        name = "mlwright_request_seconds"
        _family(lines, name, "histogram", "From the end of the head to the answer.")
        for route, histogram in sorted(self._seconds.items()):
            lines += histogram.lines(name, f'route="{escaped(route)}"')
        for key, kind, help_text, value in (
            ("requests_in_flight", "gauge", "Requests without an answer yet.", self.in_flight),
            ("connections", "gauge", "Open connections.", self.connections),
            ("connections_refused_total", "counter", "Connections over a cap.", self.connections_refused),
        ):
            _family(lines, f"mlwright_{key}", kind, help_text)
            lines.append(f"mlwright_{key} {value}")
        _of_models(lines, models)
        return "\n".join(lines) + "\n"


def _of_models(lines: list[str], models: Mapping[str, ModelMetrics]) -> None:
    for key, kind, help_text, attribute in _OF_MODELS:
        _family(lines, f"mlwright_{key}", kind, help_text)
        lines += [
            f'mlwright_{key}{{model="{escaped(name)}"}} {getattr(model, attribute)}'
            for name, model in models.items()
        ]
    name = "mlwright_rows_refused_by_column_total"
    _family(lines, name, "counter", "Problems by column of the schema.")
    for of, model in models.items():
        for column, count in sorted(model.refused_by_column.items()):
            lines.append(f'{name}{{model="{escaped(of)}",column="{escaped(column)}"}} {count}')
    name = "mlwright_stage_seconds"
    _family(lines, name, "histogram", "Of one run of the graph: the longest wait, decoding, graph, writing.")
    for of, model in models.items():
        for stage, histogram in model.stages.items():
            lines += histogram.lines(name, f'model="{escaped(of)}",stage="{stage}"')
    _family(lines, "mlwright_model_info", "gauge", "The model that answers.")
    for of, model in models.items():
        labels = ",".join(f'{k}="{escaped(v)}"' for k, v in ({"model": of} | dict(model.info)).items())
        lines.append(f"mlwright_model_info{{{labels}}} 1")


def escaped(text: str) -> str:
    """`text` as the value of a label.

    >>> escaped('a"b\\n')
    'a\\\\"b\\\\n'
    """
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _family(lines: list[str], name: str, kind: str, help_text: str) -> None:
    lines.append(f"# HELP {name} {help_text}")
    lines.append(f"# TYPE {name} {kind}")
