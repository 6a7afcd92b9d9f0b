"""CSV: a table with a header in, a line of answers for each of its lines out.

Answers have the columns prediction_id, label and a probability for each class, or prediction. With
partial=true a refused line keeps its place, with the reason in `error`.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from itertools import islice

from mlwright.serving.answers import Answer, Refused
from mlwright.serving.decode import Decoded
from mlwright.serving.dialects.frames import Frames, columns_of
from mlwright.serving.options import Options
from mlwright.serving.served import Outputs, Served
from mlwright.serving.settings import ServeSettings

KIND = b"text/csv; charset=utf-8"


class Csv:
    """See `Dialect`."""

    def __init__(self, model: Served, settings: ServeSettings, called: str) -> None:
        self._frames, self._most = Frames(model, settings), settings.max_rows

    def decode(self, body: bytes | bytearray, options: Options) -> Decoded:
        try:
            reader = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
            lines = list(islice(reader, self._most + 2))
        except (UnicodeDecodeError, csv.Error) as error:
            raise _refused(f"the body is not CSV in UTF-8: {error}") from error
        header, rows = (lines[0] if lines else []), lines[1:]
        # A blank line is a missing value where there is one column, and nothing elsewhere.
        rows = [line or [""] for line in rows] if len(header) == 1 else [line for line in rows if line]
        twice = next((name for name, n in Counter(header).items() if n > 1), None)
        if twice is not None:
            raise _refused(f"two columns are called {twice!r}")
        for number, line in enumerate(rows):
            if len(line) != len(header):
                raise _refused(f"row {number} has {len(line)} fields, the header {len(header)}")
        columns = dict(zip(header, zip(*rows, strict=True), strict=True)) if rows else {}
        return self._frames.decode(columns, len(rows))

    def run(self, decoded: Sequence[Decoded]) -> Outputs:
        return self._frames.run(decoded)

    def answers(
        self, asked: Sequence[tuple[Decoded, Options]], outputs: Outputs | None, ids: Sequence[str]
    ) -> list[Answer]:
        answers = []
        for (rows, _), part in zip(asked, self._frames.parts(asked, outputs, ids), strict=True):
            table = columns_of(rows, part, self._frames.classes)
            text = io.StringIO(newline="")
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(table)
            writer.writerows(zip(*map(_texts, table.values()), strict=True))
            answers.append(Answer(200, text.getvalue().encode(), KIND))
        return answers

    def refusal(self, answer: Answer) -> Answer:
        return answer


def _texts(values: Sequence[object]) -> list[object]:
    return ["" if v is None else str(v).lower() if isinstance(v, bool) else v for v in values]


def _refused(message: str) -> Refused:
    return Refused(400, "malformed_csv", message, "send a header and lines as RFC 4180 writes them")
