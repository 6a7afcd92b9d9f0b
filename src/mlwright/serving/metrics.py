"""What the endpoint counts, as Prometheus text.

Counted by the connection and the batch on the loop's thread; read by GET /metrics. Labels come from closed
lists (routes, statuses, columns), never from what a caller sent.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Counters, gauges and one histogram.

    >>> m = Metrics()
    >>> m.answered("/predict", 200, 0.002)
    >>> 'mlwright_requests_total{route="/predict",status="200"} 1' in m.text({})
    True
    """

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        self.refused_by_column: Counter[str] = Counter()
        self.rows = 0
        self.rows_refused = 0
        self.batches = 0
        self.model_failures = 0
        self.in_flight = 0
        self.connections = 0
        self.connections_refused = 0
        self._buckets: dict[str, list[int]] = {}
        self._sums: Counter[str] = Counter()

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Counts one answer, `seconds` after its head was read."""
        self.requests[route, status] += 1
        buckets = self._buckets.get(route)
        if buckets is None:
            buckets = self._buckets[route] = [0] * (len(BUCKETS_S) + 1)
        buckets[bisect_left(BUCKETS_S, seconds)] += 1
        self._sums[route] += seconds  # type: ignore[assignment]  # Counter is typed for whole numbers only

    def text(self, info: dict[str, str]) -> str:
        """Everything in the text format 0.0.4; `info` are labels of the model."""
        lines: list[str] = []
        _family(lines, "mlwright_requests_total", "counter", "Answers by route and status.")
        for (route, status), count in sorted(self.requests.items()):
            lines.append(f'mlwright_requests_total{{route="{escaped(route)}",status="{status}"}} {count}')
        name = "mlwright_request_seconds"
        _family(lines, name, "histogram", "From the end of the head to the answer.")
        for route, buckets in sorted(self._buckets.items()):
            total = 0
            for limit, count in zip((*BUCKETS_S, "+Inf"), buckets, strict=True):
                total += count
                lines.append(f'{name}_bucket{{route="{escaped(route)}",le="{limit}"}} {total}')
            lines.append(f'{name}_sum{{route="{escaped(route)}"}} {self._sums[route]:.9g}')
            lines.append(f'{name}_count{{route="{escaped(route)}"}} {total}')
        _family(
            lines, "mlwright_rows_refused_by_column_total", "counter", "Problems by column of the schema."
        )
        for column, count in sorted(self.refused_by_column.items()):
            lines.append(f'mlwright_rows_refused_by_column_total{{column="{escaped(column)}"}} {count}')
        for key, kind, help_text, value in (
            ("rows_total", "counter", "Rows predicted.", self.rows),
            ("rows_refused_total", "counter", "Rows that broke the schema.", self.rows_refused),
            ("batches_total", "counter", "Runs of the graph.", self.batches),
            ("model_failures_total", "counter", "Requests that the graph failed.", self.model_failures),
            ("requests_in_flight", "gauge", "Requests without an answer yet.", self.in_flight),
            ("connections", "gauge", "Open connections.", self.connections),
            ("connections_refused_total", "counter", "Connections over a cap.", self.connections_refused),
        ):
            _family(lines, f"mlwright_{key}", kind, help_text)
            lines.append(f"mlwright_{key} {value}")
        _family(lines, "mlwright_model_info", "gauge", "The model that answers.")
        labels = ",".join(f'{k}="{escaped(v)}"' for k, v in info.items())
        lines.append(f"mlwright_model_info{{{labels}}} 1")
        return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """`text` as the value of a label.

    >>> escaped('a"b\\n')
    'a\\\\"b\\\\n'
    """
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _family(lines: list[str], name: str, kind: str, help_text: str) -> None:
    lines.append(f"# HELP {name} {help_text}")
    lines.append(f"# TYPE {name} {kind}")
