"""Seconds and memory of one check of one whole set, in a process of its own; the same of peers."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tables import typed

MEASURED = """
import json, resource, sys, time
import mlwright as mw
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
began = time.perf_counter()
data = mw.read(sys.argv[1], target=sys.argv[2], options=mw.ReadOptions(separator=","))
read = time.perf_counter() - began
found = mw.check(data)
print(json.dumps({"seconds": time.perf_counter() - began, "reading": read, "rows": len(data),
    "found": len(found.found), "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "mib_before": before / 1024}))
"""


def costs(entries: list[dict[str, Any]], with_peers: bool) -> list[dict[str, Any]]:
    """One entry a set and tool."""
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for entry in entries:
            path = Path(folder) / "table.csv"
            typed(entry).write_csv(path)
            ran = _ran([sys.executable, "-c", MEASURED, str(path), entry["target"]])
            results.append({"set": entry["name"], "tool": "mlwright", **ran})
            if with_peers:
                from peers import PEERS, cost_command

                for peer in PEERS:
                    command = cost_command(peer, path, entry)
                    if command:
                        results.append({"set": entry["name"], "tool": peer, **_ran(command)})
            print(f"  {entry['name']}: {results[-1]}", flush=True)
    return results


def _ran(command: list[str], limit_s: float = 600) -> dict[str, Any]:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s)
    except subprocess.TimeoutExpired:
        return {"failed": f"over {limit_s:.0f} s"}
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        return {"failed": (done.stderr.strip().splitlines() or ["no answer"])[-1][:200]}
    answer: dict[str, Any] = json.loads(lines[-1])
    return answer


def cost_table(results: list[dict[str, Any]]) -> str:
    """One line a set: rows, then seconds and MiB by tool."""
    tools = list(dict.fromkeys(r["tool"] for r in results))
    head = " | ".join(f"{t}, s | MiB" for t in tools)
    lines = ["", f"| set | rows | {head} |", "|---" * (2 + 2 * len(tools)) + "|"]
    for name in dict.fromkeys(r["set"] for r in results):
        mine = {r["tool"]: r for r in results if r["set"] == name}
        cells = [
            f"{mine[t]['seconds']:.1f} | {mine[t]['mib']:.0f}" if "seconds" in mine.get(t, {}) else
            f"{mine.get(t, {}).get('failed', '')[:40]} | " for t in tools
        ]  # fmt: skip
        lines.append(f"| {name} | {mine['mlwright'].get('rows', '')} | {' | '.join(cells)} |")
    return "\n".join(lines)
