"""JSON lines (one object a line) to a raw table.

Used by `reading`. Keys that a line lacks are missing there; nested values are left out.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec

from mlwright.base.errors import SourceUnreadable
from mlwright.sources.encoding import utf8_of
from mlwright.sources.files import open_file, refuse_foreign
from mlwright.sources.frames import from_rows
from mlwright.sources.options import ReadOptions
from mlwright.sources.raw import Raw


def read_json_lines(path: Path, options: ReadOptions) -> Raw:
    """Read a file with one JSON object a line. Raises `SourceUnreadable` naming the line."""
    file = open_file(path)
    refuse_foreign(file)
    data, found = utf8_of(file.data, file.name, options.encoding)
    decoder = msgspec.json.Decoder(dict[str, object])
    rows: list[dict[str, object]] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        if number <= options.skip_rows or not line.strip():
            continue
        try:
            rows.append(decoder.decode(line))
        except msgspec.DecodeError as e:
            array = line.lstrip().startswith(b"[")
            remedy = "write one object a line, without brackets around" if array else "mend the line"
            raise SourceUnreadable(
                f"not a JSON object: {e}", where=f"{file.name}, line {number}", remedy=remedy
            ) from None
    if not rows:
        raise SourceUnreadable("the file holds no rows", where=file.name, remedy="look at how it was written")
    raw = from_rows(rows, options, file.name)
    return replace(raw, sha256=file.sha256, findings=(*found, *raw.findings))
