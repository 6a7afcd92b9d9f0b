"""Dialect: how one kind of body becomes rows, and outputs become an answer.

Made for one model by `dialect_of`, used by `Batch` on the loop's thread or its worker. A dialect knows bodies
and the schema; it must not know connections, routes or other requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Protocol

from mlwright.serving.answers import Answer
from mlwright.serving.decode import Decoded
from mlwright.serving.options import Options
from mlwright.serving.served import Outputs, Served
from mlwright.serving.settings import ServeSettings


class Dialect(Protocol):
    """Obligations: nothing is kept from one call to the next but caches; calls come from one thread at a
    time, which may change."""

    def decode(self, body: bytes | bytearray, options: Options) -> Decoded:
        """The rows in `body`. Raises `Refused` where it holds no rows."""
        ...

    def run(self, decoded: Sequence[Decoded]) -> Outputs:
        """The graph's outputs for the good rows of all requests, in their order."""
        ...

    def answers(
        self, asked: Sequence[tuple[Decoded, Options]], outputs: Outputs | None, ids: Sequence[str]
    ) -> list[Answer]:
        """An answer for each request; `outputs` (None for no rows) and `ids` hold their good rows in order.

        Raises ValueError for outputs that are not finite, or not of so many rows.
        """
        ...

    def refusal(self, answer: Answer) -> Answer:
        """An error of ours as this dialect writes errors."""
        ...


_HOMES = {
    "rows": "mlwright.serving.dialects.rows:Rows",
    "intervals": "mlwright.serving.dialects.intervals:RowsBetween",
    "oip": "mlwright.serving.dialects.oip:OpenInference",
    "instances": "mlwright.serving.dialects.instances:Instances",
    "csv": "mlwright.serving.dialects.csv_tables:Csv",
    "arrow": "mlwright.serving.dialects.arrow:Arrow",
}


def dialect_of(name: str, model: Served, settings: ServeSettings, called: str) -> Dialect:
    """The dialect called `name`, for `model`, which is served as `called`; its file is imported only now."""
    module, _, of_class = _HOMES[name].partition(":")
    made: Dialect = getattr(import_module(module), of_class)(model, settings, called)
    return made
