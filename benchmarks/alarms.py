"""False alarms: what is said to tables in which there is nothing to say.

Untouched sets have real defects too; `KNOWN` names those that were looked at and are real, and all other
issues count. In three kinds of tables nothing can be there by construction: rows in random order have no
order, a permuted target is told by no column, and two random halves are one world.
"""

from __future__ import annotations

import math
import tempfile
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from cases import LATER, findings
from scipy.stats import beta, t
from tables import typed

from mlwright.base.errors import MlwrightError

KNOWN: set[tuple[str, str, str]] = {
    ("womens_clothing_reviews", "MLW401", "Rating"),
    ("bike_sharing_hourly", "MLW402", "casual"),
    ("bike_sharing_hourly", "MLW402", "registered"),
    ("bike_sharing_hourly", "MLW401", "registered"),
    ("nycflights13", "MLW401", "dep_delay"),
    ("nycflights13", "MLW405", ""),
}
"""Issues that are real: set, code, column."""
NULLS = {
    "shuffled rows": ("MLW206", "MLW207", "MLW404"),
    "permuted target": ("MLW307", "MLW401", "MLW402", "MLW403", "MLW405", "MLW406"),
    "two random halves": ("MLW6",),
}
"""What cannot be there, by code or its beginning."""


def alarms(entries: list[dict[str, Any]], rows: int, resamples: int, workers: int) -> list[dict[str, Any]]:
    jobs = [(e, rows, resamples) for e in entries]
    if workers == 1:
        return [a for job in jobs for a in _set(job)]
    with ProcessPoolExecutor(workers) as pool:
        return [a for found in pool.map(_set, jobs) for a in found]


def _set(job: tuple[dict[str, Any], int, int]) -> list[dict[str, Any]]:
    """One set as it is, parts of it, and the tables in which nothing can be there."""
    entry, rows, resamples = job
    frame = typed(entry)
    target, found = str(entry["target"]), []

    def said(kind: str, seed: int, data: pl.DataFrame, other: pl.DataFrame | None = None) -> None:
        with tempfile.TemporaryDirectory() as folder:
            found.append(
                {"set": entry["name"], "kind": kind, "seed": seed, **_said(data, other, target, folder)}
            )

    said("untouched", 0, frame)
    for seed in range(resamples):
        random = np.random.default_rng(seed)
        part = np.sort(random.permutation(frame.height)[: min(rows, round(0.7 * frame.height))])
        said("part of the rows", seed, frame[part])
        mixed = frame[random.permutation(part)].unique(maintain_order=True)
        said("shuffled rows", seed, mixed)
        said("permuted target", seed, mixed.with_columns(mixed[target].shuffle(seed)))
        at = round((1 - LATER) * mixed.height)
        said("two random halves", seed, mixed[at:], mixed[:at])
    print(f"  {entry['name']}: {len(found)} tables", flush=True)
    return found


def _said(data: pl.DataFrame, other: pl.DataFrame | None, target: str, folder: str) -> dict[str, Any]:
    path, earlier = Path(folder) / "table.csv", Path(folder) / "earlier.csv"
    data.write_csv(path)
    if other is not None:
        other.write_csv(earlier)
    try:
        said, _ = findings(path, None if other is None else earlier, {"target": target})
    except MlwrightError as e:
        return {"failed": str(e), "findings": []}
    return {
        "findings": [(f.code, f.column, f.severity, f.evidence[:160]) for f in said.found],
        "skipped": [f.code for f in said if f.status == "skipped"],
    }


def alarm_table(results: list[dict[str, Any]]) -> str:
    """Issues and tips on untouched sets; rates of alarms where nothing can be there."""
    head = "| set | issues, untouched | which | issues a part | tips, untouched |"
    title = "Issues that are not known to be real, and tips, on untouched sets and parts of them"
    lines = ["", title, "", head, "|---" * 5 + "|"]
    for name in dict.fromkeys(r["set"] for r in results):
        whole = [r for r in results if r["set"] == name and r["kind"] == "untouched"]
        parts = [r for r in results if r["set"] == name and r["kind"] == "part of the rows"]
        issues = [_false(name, r) for r in whole]
        which = ", ".join(f"{c} {n}".strip() for found in issues for c, n in found)
        each = sum(len(_false(name, r)) for r in parts) / max(1, len(parts))
        tips = Counter(f[0] for r in whole for f in r["findings"] if f[2] == "tip")
        said = ", ".join(f"{c} x{k}" if k > 1 else c for c, k in sorted(tips.items()))
        lines.append(f"| {name} | {sum(map(len, issues))} | {which} | {each:.2f} | {said} |")
    head = "| kind | code | alarms | of tables | rate (95 %) | where |"
    lines += ["", "Alarms where nothing can be there, by table", "", head, "|---" * 6 + "|"]
    for kind, codes in NULLS.items():
        mine = [r for r in results if r["kind"] == kind]
        seen = sorted({f[0] for r in mine for f in r["findings"] if f[0].startswith(codes)})
        lines += [_rate(kind, code, mine) for code in seen]
        lines.append(_rate(kind, "any of " + ", ".join(codes), mine, codes))
    failed = [f"{r['set']}, {r['kind']}: {r['failed']}" for r in results if "failed" in r]
    skipped = Counter(c for r in results for c in r.get("skipped", ()))
    return "\n".join(
        [*lines, "", f"failed: {failed or 'none'}; checks that failed themselves: {dict(skipped) or 'none'}"]
    )


def _false(name: str, result: dict[str, Any]) -> list[tuple[str, str]]:
    return [(f[0], f[1]) for f in result["findings"] if f[2] == "issue" and (name, f[0], f[1]) not in KNOWN]


def _rate(kind: str, code: str, results: list[dict[str, Any]], codes: tuple[str, ...] = ()) -> str:
    """One line: tables with the alarm, and the interval of their rate by sets."""
    by_set: dict[str, list[bool]] = defaultdict(list)
    for r in results:
        by_set[r["set"]].append(any(f[0].startswith(codes or (code,)) for f in r["findings"]))
    alarmed, of = sum(map(sum, by_set.values())), sum(map(len, by_set.values()))
    low, high = interval([sum(v) / len(v) for v in by_set.values()])
    where = ", ".join(f"{s} {sum(v)}" for s, v in by_set.items() if any(v)) if not codes else ""
    rate = f"{100 * alarmed / max(1, of):.1f} % ({100 * low:.1f} to {100 * high:.1f})"
    return f"| {kind} | {code} | {alarmed} | {of} | {rate} | {where} |"


def interval(rates: list[float]) -> tuple[float, float]:
    """The 95 % interval of a mean rate by sets: Student's t; where no set alarmed, Clopper and Pearson's.

    Tables drawn from one set are not independent, so that the number of sets counts, not that of tables.
    """
    n = len(rates)
    if n < 2:
        return 0.0, 1.0
    if not any(rates):
        return 0.0, float(beta.ppf(0.975, 1, n))
    spread = float(np.std(rates, ddof=1)) / math.sqrt(n) * float(t.ppf(0.975, n - 1))
    return max(0.0, float(np.mean(rates)) - spread), min(1.0, float(np.mean(rates)) + spread)
