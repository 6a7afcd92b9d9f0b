"""Every tabular data set, no special case for any: fit, file, reload, predict; what it scored and what it
cost.

    python benchmarks/every_table.py --time-limit 60 [--only adult,titanic] [--json results.json]

Data sets, their targets, tasks, metrics and the columns that must not be used come from datasets.json in
the folder that
MLWRIGHT_DATA names (default: ../shared/data). Prints one line a set: the score with its interval beside the
plain baseline's, seconds
against the limit, the parity difference, CPU time per one-row call, the file's size.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import mlwright as mw
from mlwright.base.machine import cpu_count, cpu_name
from mlwright.evaluation.metrics import METRICS
from mlwright.sources import read_raw

COLUMNS = ("data set", "rows", "metric", "model (95 %)", "baseline", "seconds", "parity", "us/row", "KiB")
DATA = Path(os.environ.get("MLWRIGHT_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--time-limit", type=float, default=60.0)
    parser.add_argument("--only", default="")
    parser.add_argument("--kinds", default="tabular,tabular with free text")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    sets = [
        s for s in json.loads((DATA / "datasets.json").read_text()) if s["kind"] in asked.kinds.split(",")
    ]
    if asked.only:
        sets = [s for s in sets if s["name"] in asked.only.split(",")]
    machine = f"{cpu_name()}, {cpu_count()} CPUs, Python {platform.python_version()}"
    print(f"# {time.strftime('%Y-%m-%d')}, {machine}, limit {asked.time_limit:g} s")
    print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|")
    results = []
    for entry in sets:
        result = run(entry, asked.time_limit)
        results.append(result)
        print(line(result), flush=True)
        if asked.json:
            asked.json.write_text(json.dumps(results, indent=1))
    done = [r for r in results if "failure" not in r]
    over = [r["name"] for r in done if r["seconds"] > max(asked.time_limit * 1.05, asked.time_limit + 3)]
    print(f"\n{len(done)} of {len(results)} with a result; over the limit (5 % or 3 s): {over or 'none'}; "
          f"median CPU time per row {statistics.median(r['cpu_us'] for r in done):.0f} us, "
          f"median file {statistics.median(r['bytes'] for r in done) / 1024:.0f} KiB")  # fmt: skip


def run(entry: dict[str, Any], limit: float) -> dict[str, Any]:
    """One data set the whole way."""
    path = DATA / entry["file"]
    metric = entry["metric"].split(" ")[0]
    metric = metric if metric in METRICS else None
    try:
        began = time.monotonic()
        data = mw.read(path, target=entry["target"], drop=entry["drop"], options=options_of(entry))
        model = mw.fit(data, task=entry["task"], metric=metric, time_limit=limit - (time.monotonic() - began))
        seconds = time.monotonic() - began
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.mlw"
            model.save(file)
            again = mw.load(file)
            rows = read_raw(path, options_of(entry)).frame.drop(entry["target"]).head(1000)
            first, second = model.predict(rows), again.predict(rows)
            assert (first == second).all(), "reloaded model answers otherwise"
            size = file.stat().st_size
        e = model.evaluation
        baseline = next(s.value for s in e.baseline if s.metric == e.metric)
        return {
            "name": entry["name"],
            "rows": len(data),
            "metric": e.metric,
            "value": e.score.value,
            "low": e.score.low,
            "high": e.score.high,
            "baseline": baseline,
            "seconds": seconds,
            "parity": e.parity.largest,
            "cpu_us": model.timings.cpu_us_p50,
            "bytes": size,
            "members": {x.name: round(x.weight, 2) for x in e.leaderboard if x.weight},
        }
    except Exception as problem:  # one failing set must not end the run
        traceback.print_exc()
        return {"name": entry["name"], "failure": f"{type(problem).__name__}: {problem}"}


def options_of(entry: dict[str, Any]) -> mw.ReadOptions:
    """What datasets.json says about reading, as options; most of it would be found by evidence."""
    said = entry.get("read", {})
    names = said.get("names")
    return mw.ReadOptions(
        header=False if "header" in said and said["header"] is None else None,
        names=tuple(names) if names else None,
        quote="" if said.get("quoting") == 3 else None,
    )


def line(r: dict[str, Any]) -> str:
    if "failure" in r:
        return f"| {r['name']} | | FAILED: {r['failure'][:200]} |"
    scored = f"{r['value']:.4g} ({r['low']:.4g} to {r['high']:.4g})"
    return (
        f"| {r['name']} | {r['rows']:,} | {r['metric']} | {scored} | {r['baseline']:.4g} "
        f"| {r['seconds']:.1f} | {r['parity']:.0e} | {r['cpu_us']:.0f} | {r['bytes'] / 1024:.0f} |"
    )


if __name__ == "__main__":
    main()
