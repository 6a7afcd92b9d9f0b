"""A Parquet file of 20 million rows and 30 columns: read, profiled and checked, with seconds and peak memory.

    python benchmarks/large_table.py FOLDER [--rows 20000000] [--memory 1GiB] [--json results.json]

Makes the file in FOLDER where it is not there yet (about 1.5 GB): flights out of New York in 2013 beside the
hour's weather, drawn with replacement, numbers with a little noise, so that rows differ. The data sets are
those of the folder that MLWRIGHT_DATA names (default: ../shared/data). Every measurement runs in a process
of its own; peak memory is the most that it had resident. Polars' own streaming `describe`, which finds
nothing out about rows and categories, stands beside it as a floor.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

DATA = Path(os.environ.get("MLWRIGHT_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
PART = 1_000_000
STEPS = ("describe", "read", "check")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--memory")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", choices=STEPS)
    parser.add_argument("--step", choices=STEPS, help="run one measurement in this process")
    asked = parser.parse_args()
    path = asked.folder / f"flights-{asked.rows}.parquet"
    if asked.step:
        print(json.dumps(measured(asked.step, path, asked.memory)))
        return
    if not path.exists():
        make(path, asked.rows)
    results = []
    print(f"# {time.strftime('%Y-%m-%d')}, {machine()}, {path.stat().st_size / 1e9:.2f} GB")
    print("| what | rows | columns | seconds | peak memory MiB | |\n|---|---|---|---|---|---|")
    for step in STEPS if asked.only is None else (asked.only,):
        command = [sys.executable, __file__, str(asked.folder), "--rows", str(asked.rows), "--step", step]
        command += ["--memory", asked.memory] if asked.memory else []
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        result = json.loads(done.stdout.splitlines()[-1])
        results.append(result)
        print("| {what} | {rows:,} | {columns} | {seconds:.1f} | {peak_mib:,.0f} | {said} |".format(**result))
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1))


def peak_mib() -> float:
    """The most memory that this process had resident; `getrusage` would tell that of its parent as well."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def measured(step: str, path: Path, memory: str | None) -> dict[str, Any]:
    """What one step took, in this process."""
    began = time.monotonic()
    if step == "describe":
        lazy = pl.scan_parquet(path)
        named = lazy.collect_schema()
        numbers = [n for n, d in named.items() if d.is_numeric()]
        frame = lazy.select(
            pl.len(),
            *[pl.col(n).null_count().name.suffix(":null") for n in named],
            *[
                getattr(pl.col(n), f)().name.suffix(f":{f}")
                for n in numbers
                for f in ("mean", "std", "min", "max")
            ],
        ).collect(engine="streaming")
        rows, columns, said = frame["len"][0], len(named), f"Polars {pl.__version__}, streaming"
    else:
        import mlwright as mw
        from mlwright.sources import ReadOptions

        options = ReadOptions(memory=memory) if memory else ReadOptions()
        data = mw.read(path, options=options, target="late")
        rows, columns, said = len(data), len(data.schema.columns), "no sample: all rows in memory"
        if data.whole is not None:
            rows, said = data.whole.rows, data.whole.said
        if step == "check":
            found = mw.check(data)
            print(found)
            said += f"; {len(found.issues)} issues, {len(found.found)} findings"
    seconds = time.monotonic() - began
    peak = peak_mib()
    return {
        "what": {"describe": "Polars describe", "read": "mw.read", "check": "mw.read and mw.check"}[step],
        "rows": rows,
        "columns": columns,
        "seconds": seconds,
        "peak_mib": peak,
        "said": said,
    }


def make(path: Path, rows: int) -> None:
    """Writes the table in parts of a million rows, each a row group or more; whole or not at all."""
    import pyarrow.parquet as pq

    flights = pl.read_parquet(DATA / "nycflights13" / "flights.parquet")
    weather = pl.read_csv(
        DATA / "nycflights13" / "weather.csv.gz", null_values=["NA"], infer_schema_length=None
    )
    beside = ["origin", "time_hour"]
    weather = weather.drop("year", "month", "day", "hour").unique(beside, keep="first", maintain_order=True)
    real = (
        flights.drop("minute")
        .join(weather, on=beside, how="left")
        .with_columns(
            pl.col("time_hour").str.to_datetime(time_zone="UTC", strict=False).dt.replace_time_zone(None)
        )
    )
    random = np.random.default_rng(0)
    jittered = [
        "temp",
        "dewp",
        "humid",
        "wind_speed",
        "wind_gust",
        "pressure",
        "visib",
        "air_time",
        "distance",
    ]
    temporary = path.with_suffix(".part")
    writer = None
    for start in range(0, rows, PART):
        count = min(PART, rows - start)
        part = real[np.sort(random.integers(len(real), size=count))].with_columns(
            (pl.col(n) + pl.Series(random.normal(0, 0.01, count))).alias(n) for n in jittered
        )
        part = part.with_columns(
            (pl.col("time_hour") + pl.duration(seconds=pl.Series(random.integers(3600, size=count)))),
            pl.Series("fare", np.round(random.lognormal(5, 0.6, count), 2)),
            pl.Series("passengers", random.integers(20, 300, count)),
            (pl.col("arr_delay") > 15).alias("late"),
        )
        table = part.to_arrow()
        writer = writer or pq.ParquetWriter(temporary, table.schema, compression="zstd")
        writer.write_table(table.cast(writer.schema))
    assert writer is not None
    writer.close()
    temporary.rename(path)


def machine() -> str:
    from mlwright.base.machine import cpu_count, cpu_name

    return f"{cpu_name()}, {cpu_count()} CPUs, Python {platform.python_version()}, Polars {pl.__version__}"


if __name__ == "__main__":
    main()
