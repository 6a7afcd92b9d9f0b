"""mlwright and its peers on the same tables: the same rows, the same limit, judged by one function.

    python benchmarks/tabular.py SYSTEM --time-limit 60 [--only adult,titanic] [--json FILE] [--again]
    python benchmarks/tabular.py campaign --time-limit 60 [--systems mlwright,flaml] [--only ...]
    python benchmarks/tabular.py report --time-limit 60 [--against 240] [--systems ...] [--only ...]

Each run is a process of its own in the system's own environment (`peers_tabular.py`), made on first use; one
that takes more than five times the limit is ended. Results are added to the JSON file at once and not
measured again unless `--again` is said, so that a campaign goes on where it stopped; it takes table after
table, all systems on each. Tables come from the folder that MLWRIGHT_DATA names (default: ../shared/data).
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import tabular_report as kept
from peers_tabular import python
from tabular_report import Result
from tabular_sets import Facts, listed, prepared, scored
from tabular_systems import SYSTEMS
from watched import Watched, watch

from mlwright.base.machine import cpu_count, cpu_name

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "tabular.json"
PATIENCE, STARTING_S = 5, 60.0
"""Times the limit that a run may take, and seconds to start in."""


def main() -> None:
    asked = arguments()
    names = _split(asked.systems) or [asked.what]
    if asked.what == "report":
        chosen = kept.compared(kept.read(asked.json), asked.time_limit, asked.against)
        only = _split(asked.only)
        chosen = [
            r for r in chosen
            if (not only or r.set in only) and (not asked.systems or r.system in names)
        ]  # fmt: skip
        print(kept.report(chosen) if chosen else f"no results within {asked.time_limit:g} s in {asked.json}")
        return
    if asked.what == "campaign":
        names = _split(asked.systems) or list(SYSTEMS)
    unknown = set(names) - set(SYSTEMS)
    if unknown:
        raise SystemExit(f"no such system: {', '.join(sorted(unknown))}; there are {', '.join(SYSTEMS)}")
    campaign(names, asked)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=[*SYSTEMS, "campaign", "report"])
    parser.add_argument("--time-limit", type=float, default=60.0)
    parser.add_argument("--against", type=float, help="the limit of the peers, if another")
    parser.add_argument("--systems", default="", help="for campaign and report; default: all")
    parser.add_argument("--only", default="", help="names of sets; default: all")
    parser.add_argument("--json", type=Path, default=RESULTS)
    parser.add_argument("--again", action="store_true", help="measure also what is there already")
    parser.add_argument(
        "--quieter", type=float, default=float("inf"),
        help="measure also again what was measured while other work took more CPUs than this",
    )  # fmt: skip
    return parser.parse_args()


def campaign(names: list[str], asked: argparse.Namespace) -> None:
    """Runs what is not there yet."""
    there = {r.key for r in kept.read(asked.json) if not (asked.again or r.others > asked.quieter)}
    todo = [
        (entry, name)
        for entry in listed(_split(asked.only))
        for name in names
        if (entry["name"], asked.time_limit, name) not in there
    ]
    if shutil.which("java") is None and any(name == "h2o" for _, name in todo):
        print("left out: h2o needs Java, which is not here")  # no result, for it would count as lost
        todo = [(entry, name) for entry, name in todo if name != "h2o"]
        names = [name for name in names if name != "h2o"]
    pythons = {name: python(SYSTEMS[name].environment) for name in names}
    for i, (entry, name) in enumerate(todo, 1):
        print(f"[{i}/{len(todo)}] {name} on {entry['name']}, {asked.time_limit:g} s", flush=True)
        result = run(name, pythons[name], prepared(entry), asked.time_limit)
        kept.keep(asked.json, result)
        print(f"    {_line(result)}", flush=True)


def run(name: str, interpreter: Path, facts: Facts, limit_s: float) -> Result:
    """One system on one table, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="tabular-") as work:
        folder = Path(work)
        request = folder / "request.json"
        request.write_text(
            json.dumps({"system": name, "facts": asdict(facts), "limit_s": limit_s, "folder": work})
        )
        command = [str(interpreter), "-W", "ignore", str(HERE / "tabular_systems.py"), str(request)]
        ran = watch(command, folder / "log.txt", PATIENCE * limit_s + STARTING_S)
        said = _said(folder)
        judged = _judged(facts, folder, said, ran, limit_s)
        if judged.get("failure"):
            _keep_log(folder / "log.txt", name, facts.name, limit_s)
    return Result(
        set=facts.name, kind=facts.kind, system=name, limit_s=limit_s, metric=facts.metric,
        versions=said.get("versions", {}), note=without_paths(said.get("note", "")), peak_mib=ran.peak_mib,
        others=ran.others, load=ran.load, date=time.strftime("%Y-%m-%d"),
        commit=None if SYSTEMS[name].environment else commit(),
        machine=f"{cpu_name()}, {cpu_count()} CPUs, Python {platform.python_version()}", **judged,
    )  # fmt: skip


def _judged(facts: Facts, folder: Path, said: dict[str, Any], ran: Watched, limit_s: float) -> dict[str, Any]:
    """The numbers, or why there are none; a system killed while being measured keeps its score."""
    numbers = {k: said.get(k) for k in ("seconds", "row_us", "rows_per_s", "size_bytes")}
    if "failure" in said:
        return numbers | {"failure": without_paths(said["failure"])}
    if ran.code is None and "seconds" not in said:
        why = f"ended after {ran.seconds:.0f} s, {PATIENCE} times the limit and {STARTING_S:.0f} s to start"
        return {"seconds": ran.seconds, "failure": why}
    if "seconds" not in said:
        last = (ran.output.strip().splitlines() or ["it said nothing"])[-1]
        return {"failure": without_paths(f"exit code {ran.code}: {last}")}
    try:
        value, error, spread = scored(facts, folder / "answers.npz")
    except (ValueError, KeyError, OSError) as why:
        return numbers | {"failure": without_paths(f"its answers cannot be judged: {why}")}
    return numbers | {"value": value, "error": error, "spread": spread}


def without_paths(text: str) -> str:
    """The first line of a message, without the folders of the machine it comes from.

    >>> without_paths("no file /tmp/a b/c/model.pkl\\nTraceback")
    'no file model.pkl'
    """
    return re.sub(r"/(?:[^/\n'\":]+/)+", "", text.strip().split("\n")[0])[:300]


def commit() -> str:
    """The commit that is measured; "+" where its source was changed since."""
    said = [
        subprocess.run(["git", *words], cwd=HERE, capture_output=True, text=True).stdout.strip()
        for words in (("rev-parse", "--short", "HEAD"), ("status", "--porcelain", "--", "../src"))
    ]
    return (said[0] or "unknown") + ("+" if said[1] else "")


def _said(folder: Path) -> dict[str, Any]:
    try:
        said: dict[str, Any] = json.loads((folder / "said.json").read_text())
    except (OSError, ValueError):
        return {}
    return said


def _keep_log(log: Path, *names: object) -> None:
    from environments import HOME

    home = HOME / "logs"
    home.mkdir(parents=True, exist_ok=True)
    target = home / ("-".join(str(n) for n in names) + ".txt")
    shutil.copy(log, target)
    print(f"    its output: {target}", flush=True)


def _line(r: Result) -> str:
    if r.failure:
        return f"FAILED: {r.failure}"
    cells = [f"{r.metric} {r.value:.5g}", f"{r.seconds:.1f} s"]
    if r.row_us is not None and r.rows_per_s is not None and r.size_bytes is not None:
        cells += [
            f"{r.row_us:.0f} us a row",
            f"{r.rows_per_s:,.0f} rows/s",
            f"{r.size_bytes / 2**20:.2f} MiB",
        ]
    return ", ".join([*cells, f"{r.peak_mib:.0f} MiB in memory", f"others {r.others:.2f} CPUs", r.note])


def _split(names: str) -> list[str]:
    return [n.strip() for n in names.split(",") if n.strip()]


if __name__ == "__main__":
    sys.exit(main())
