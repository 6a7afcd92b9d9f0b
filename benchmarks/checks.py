"""Checks, measured: defects with a known position are put into real tables; what is found, what is missed,
what is said without cause, how long it takes and what memory; beside peers that have such a check.

    python benchmarks/checks.py --quick                     two minutes: few sets, one seed, no peers
    python benchmarks/checks.py --peers --json checks.json  everything
    python benchmarks/checks.py --only MLW106,label_errors  one code or one defect

Data sets come from datasets.json in the folder that MLWRIGHT_DATA names (default: ../shared/data). Each is
put into random order and its repeated rows are left out, so that order and copies are the injector's alone;
of large sets `--rows` rows are drawn. Strengths, and what they mean, are those of `mlwright.testing.DEFECTS`.

Parts: `detection` (defect x strength x set x seed), `alarms` (untouched sets, and tables in which by
construction nothing is to be found: shuffled rows, permuted targets, two random halves), `cost` (each set
in a process of its own). `--parts` picks some.
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

from alarms import alarm_table, alarms
from cases import Case, Table, outcome
from cost import cost_table, costs
from tables import clean_sets

from mlwright.base.errors import Misuse
from mlwright.base.machine import cpu_count, cpu_name
from mlwright.testing import DEFECTS, STRENGTHS

QUICK_SETS = "titanic,telco_churn,wdbc,insurance,california_housing,penguins_raw"
KINDS = "tabular,tabular with free text"


def main() -> None:
    asked = arguments()
    names = [n for n in asked.sets.split(",") if n]
    entries = clean_sets(KINDS.split(","), names)
    defects = wanted(asked.only)
    parts = asked.parts.split(",")
    machine = f"{cpu_name()}, {cpu_count()} CPUs, Python {platform.python_version()}"
    print(f"# {time.strftime('%Y-%m-%d')}, {machine}, mlwright {version('mlwright')}; "
          f"up to {asked.rows:,} rows, {asked.seeds} seeds, {len(entries)} sets")  # fmt: skip
    results: dict[str, Any] = {}
    began = time.monotonic()
    if "detection" in parts:
        results["detection"] = detection(entries, defects, asked)
        print(detection_table(results["detection"]))
        print(missed(results["detection"]))
        if asked.peers:
            from peers import peer_table

            print(peer_table(results["detection"]))
    if "alarms" in parts:
        results["alarms"] = alarms(entries, asked.rows, asked.resamples, asked.workers)
        print(alarm_table(results["alarms"]))
    if "cost" in parts:
        results["cost"] = costs(entries, asked.peers)
        print(cost_table(results["cost"]))
    print(f"\n{time.monotonic() - began:.0f} s in all")
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few sets, one seed, medium strength alone")
    parser.add_argument("--only", default="", help="codes or defects, with commas between them")
    parser.add_argument("--sets", default="", help="names of data sets")
    parser.add_argument("--parts", default="", help="of detection, alarms, cost")
    parser.add_argument("--strengths", default=",".join(STRENGTHS))
    parser.add_argument("--rows", type=int, default=5_000, help="drawn of each set where it has more")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--resamples", type=int, default=10)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--narrow", action="store_true", help="run the defect's own checks alone")
    parser.add_argument("--peers", action="store_true", help="installs peers into a folder of their own")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    if asked.quick:
        asked.sets, asked.seeds, asked.strengths = asked.sets or QUICK_SETS, 1, "medium"
        asked.rows, asked.resamples, asked.parts = (
            min(asked.rows, 2_000),
            2,
            asked.parts or "detection,alarms",
        )
    asked.parts = asked.parts or "detection,alarms,cost"
    return asked


def wanted(only: str) -> list[str]:
    """Names of the defects that were asked for, by name or code; all where nothing was."""
    asked = {o for o in only.split(",") if o}
    unknown = asked - set(DEFECTS) - {c for d in DEFECTS.values() for c in d.codes}
    if unknown:
        raise SystemExit(f"no defect and no code of one: {', '.join(sorted(unknown))}")
    return [n for n, d in DEFECTS.items() if not asked or n in asked or asked & set(d.codes)]


# Detection: every defect, in every set that can have it.


def detection(
    entries: list[dict[str, Any]], defects: list[str], asked: argparse.Namespace
) -> list[dict[str, Any]]:
    jobs = [
        (e, defects, asked.strengths.split(","), asked.rows, asked.seeds, asked.peers, asked.narrow)
        for e in entries
    ]
    if asked.workers == 1:
        return [r for job in jobs for r in _set(job)]
    with ProcessPoolExecutor(asked.workers) as pool:
        return [r for rows in pool.map(_set, jobs) for r in rows]


def _set(job: tuple[dict[str, Any], list[str], list[str], int, int, bool, bool]) -> list[dict[str, Any]]:
    """All cases of one data set."""
    entry, defects, strengths, rows, seeds, with_peers, narrow = job
    began = time.monotonic()
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(seeds):
            table = Table.of(entry, rows, seed, Path(folder))
            for case in _cases(defects, strengths, seed):
                results.append({"set": entry["name"], **_one(table, case, with_peers, narrow)})
    print(f"  {entry['name']}: {len(results)} cases, {time.monotonic() - began:.0f} s", flush=True)
    return results


def _cases(defects: list[str], strengths: list[str], seed: int) -> Iterator[Case]:
    for defect in defects:
        for strength in strengths:
            yield Case(defect, strength, seed)


def _one(table: Table, case: Case, with_peers: bool, narrow: bool) -> dict[str, Any]:
    result: dict[str, Any] = {"defect": case.defect, "strength": case.strength, "seed": case.seed}
    try:
        spoilt = table.spoilt(case)
    except Misuse as e:
        return {**result, "outcome": "cannot be had", "why": str(e).splitlines()[0]}
    files = table.written(spoilt)
    result |= outcome(table, case, spoilt, files, narrow)
    if with_peers:
        from peers import judged

        result["peers"] = judged(table, case, spoilt, files)
    return result


def detection_table(results: list[dict[str, Any]]) -> str:
    """One line a defect: found of those looked at, by strength, rows located, and what else was said."""
    lines = ["", "| defect | codes | weak | medium | strong | rows right | rows found | could not look "
             "| further issues |", "|---" * 9 + "|"]  # fmt: skip
    for name in dict.fromkeys(r["defect"] for r in results):
        mine = [r for r in results if r["defect"] == name]
        cells = [_share([r for r in mine if r["strength"] == s]) for s in STRENGTHS]
        located = [r["located"] for r in mine if r.get("located") is not None and r["strength"] == "medium"]
        reached = [r["reached"] for r in mine if r.get("reached") is not None and r["strength"] == "medium"]
        blind = sum(r["outcome"] == "could not look" for r in mine)
        further = sum(r.get("further", 0) for r in mine)
        lines.append(
            f"| {name} | {', '.join(DEFECTS[name].codes)} | {' | '.join(cells)} | {_mean(located)} "
            f"| {_mean(reached)} | {blind or ''} | {further or ''} |"
        )
    looked = [r for r in results if r["strength"] == "medium"]
    return "\n".join([*lines, f"| **all, medium** | | | {_share(looked)} | | | | | |", ""])


def _share(results: list[dict[str, Any]]) -> str:
    found = sum(r["outcome"] == "found" for r in results)
    of = found + sum(r["outcome"] == "missed" for r in results)
    return f"{found}/{of} ({100 * found / of:.0f} %)" if of else ""


def _mean(values: list[float]) -> str:
    return f"{sum(values) / len(values):.2f}" if values else ""


def missed(results: list[dict[str, Any]]) -> str:
    """At medium strength: what was missed, by defect and set, and what could not be looked at."""
    lines = []
    for name in dict.fromkeys(r["defect"] for r in results):
        for what in ("missed", "could not look", "failed", "there before"):
            sets = [
                f"{r['set']}[{','.join(r.get('columns', ()))}]"
                for r in results
                if r["defect"] == name and r["strength"] == "medium" and r["outcome"] == what
            ]
            if sets:
                lines.append(f"{name}: {what} {len(sets)}: {'; '.join(sets[:12])}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
