"""The real tables that benchmarks spoil: read, typed, in random order, without their repeated rows."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import mlwright as mw
from mlwright.sources import read_raw

DATA = Path(os.environ.get("MLWRIGHT_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


def clean_sets(kinds: list[str], names: list[str]) -> list[dict[str, Any]]:
    """The entries of datasets.json of these kinds, or of these names."""
    listed = json.loads((DATA / "datasets.json").read_text())
    return [e for e in listed if (e["name"] in names if names else e["kind"] in kinds)]


def options_of(entry: dict[str, Any]) -> mw.ReadOptions:
    """What datasets.json says about reading, as options; most of it would be found by evidence."""
    said = entry.get("read", {})
    names = said.get("names")
    return mw.ReadOptions(
        header=False if "header" in said and said["header"] is None else None,
        names=tuple(names) if names else None,
        quote="" if said.get("quoting") == 3 else None,
    )


def typed(entry: dict[str, Any], drop: bool = True) -> pl.DataFrame:
    """The table with numbers as numbers and all else as its text; rows without a target are left out."""
    path, options = DATA / entry["file"], options_of(entry)
    dropped = entry["drop"] if drop else []
    data = mw.read(path, target=entry["target"], drop=dropped, options=options)
    raw = read_raw(path, options).frame
    target = raw[entry["target"]]
    known = target.is_not_null() & ((target != "") if target.dtype == pl.String else True)
    raw = raw.filter(known)
    if raw.height != len(data):
        raise ValueError(f"{entry['name']}: {raw.height} rows against {len(data)}")
    columns = []
    for c in data.schema.columns:
        series = raw[c.name]
        if series.dtype == pl.String and c.kind == "numeric":
            series = data.frame[c.name].fill_nan(None)
            known = series.drop_nulls()
            if len(known) and bool((known == known.floor()).all()) and float(known.abs().max()) < 2**53:
                series = series.cast(pl.Int64)
        elif series.dtype == pl.String:
            series = series.replace({"": None, **dict.fromkeys(c.missing)})
        elif series.dtype.is_integer():
            series = series.cast(pl.Int64)
        columns.append(series)
    return pl.DataFrame(columns)


def drawn(frame: pl.DataFrame, rows: int, seed: int, distinct: bool = True) -> pl.DataFrame:
    """At most `rows` of the rows, in random order, each once."""
    order = np.random.default_rng(seed).permutation(frame.height)
    frame = frame[order]
    return (frame.unique(maintain_order=True) if distinct else frame).head(rows)
