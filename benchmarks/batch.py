"""Batch prediction beside onnxruntime itself: the rate of `predict_file` over the rate of the bare graph.

    python benchmarks/batch.py [--rows 2000000] [--model FILE]

The rows of a real table (adult, with its categoricals and missing values), repeated to a file that is read in
parts. The floor is the model's own graph in onnxruntime on as many threads, on decoded tensors that lie in
memory ready: what is left of it is the share that reading, decoding and writing leave. Runs alternate.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl
from tabular_sets import listed, prepared

import mlwright as mw
from mlwright.base.machine import cpu_count, cpu_name
from mlwright.graph.running import session
from mlwright.lifecycle import predict_file

ROUNDS, FLOOR_ROWS, SLICE = 3, 200_000, 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--model", type=Path, help="default: one of adult, fitted for 20 s")
    parser.add_argument("--one", nargs=3, metavar=("MODEL", "SOURCE", "OUT"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        report = predict_file(*asked.one)
        print(report.rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
        return
    facts = prepared(listed(["adult"])[0])
    table = Path(facts.folder) / "train.parquet"
    model = mw.load(asked.model) if asked.model else mw.fit(table, target=facts.target, time_limit=20)
    rows = pl.read_parquet(table).drop(facts.target)
    print(f"{cpu_name()}, {cpu_count()} CPUs; {asked.rows:,} rows; graph {model.timings.cpu_us_p50:.0f} us")
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        file = model.save(folder / "model.mlw")
        sources = []
        for ending in ("parquet", "csv"):
            many = pl.concat([rows] * -(-asked.rows // rows.height)).head(asked.rows)
            source = folder / f"source.{ending}"
            many.write_parquet(source) if ending == "parquet" else many.write_csv(source)
            sources.append(source)
        compare(model, rows, file, sources, asked.rows)


def compare(model: mw.Model, rows: pl.DataFrame, file: Path, sources: list[Path], count: int) -> None:
    """Prints a line each of the floor and the two formats."""
    names = ["onnxruntime", *(f"predict {s.suffix[1:]}" for s in sources)]
    rates: dict[str, list[float]] = {name: [] for name in names}
    memory = dict.fromkeys(names, 0)
    for _ in range(ROUNDS):
        rates["onnxruntime"].append(floor(model, rows))
        for source in sources:
            began = time.monotonic()
            command = [sys.executable, __file__, "--one", str(file), str(source), str(source) + ".out.csv"]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
            name = f"predict {source.suffix[1:]}"
            rates[name].append(count / (time.monotonic() - began))
            memory[name] = max(memory[name], int(said[1]))
    whole = statistics.median(rates["onnxruntime"])
    for name in names:
        rate = statistics.median(rates[name])
        print(f"{name:16} {rate:12,.0f} rows/s   {rate / whole:6.1%} of onnxruntime   {memory[name]:,} MiB")


def floor(model: mw.Model, rows: pl.DataFrame) -> float:
    """Rows a second of the graph alone, in slices of the size that predictions take, a thread each CPU."""
    from concurrent.futures import ThreadPoolExecutor

    decoded = model.decode(rows.head(FLOOR_ROWS))
    run = session(model.to_onnx())
    wanted = {i.name for i in run.get_inputs()}
    feeds = {k: v for k, v in (("numbers", decoded.numbers), ("strings", decoded.strings)) if k in wanted}

    def one(at: int) -> None:
        run.run(None, {k: v[at : at + SLICE] for k, v in feeds.items()})

    with ThreadPoolExecutor(cpu_count()) as pool:
        began = time.monotonic()
        list(pool.map(one, list(range(0, len(decoded), SLICE)) * 8))
        return 8 * len(decoded) / (time.monotonic() - began)


if __name__ == "__main__":
    main()
