"""Peers, asked the same questions about the same files: each in a virtual environment of its own.

The environments are made on first use, in MLWRIGHT_PEERS or else the user's cache folder, never in the
repository. Which peer has a check for which defect stands in `peer_checks.py`.
"""

from __future__ import annotations

import atexit
import json
import os
import statistics
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cases import Case, Files, Table
from environments import made

from mlwright.base.machine import cpu_count
from mlwright.testing import Spoilt

SCRIPT = Path(__file__).with_name("peer_checks.py")
NEWEST = ("cleanlab[datalab]", "skrub", "pandera[pandas]", "matplotlib")
PINNED = (
    "deepchecks==0.19.1",
    "scikit-learn<1.6",
    "numpy<2",
    "pandas<2.3",
    "category_encoders<2.7",
    "setuptools<80",
)
"""deepchecks' last release does not import beside later ones."""
PEERS = {"cleanlab": NEWEST, "skrub": NEWEST, "pandera": NEWEST, "deepchecks": PINNED}
QUIET = {**os.environ, "OMP_WAIT_POLICY": "passive", "OMP_NUM_THREADS": str(cpu_count())}
_running: dict[str, subprocess.Popen[str]] = {}
_said: dict[tuple[str, str, int, str], dict[str, Any]] = {}


def python(peer: str) -> Path:
    """The Python of a peer's environment, which is made where it is not there."""
    return made("pinned" if PEERS[peer] is PINNED else "newest", PEERS[peer])


def versions() -> str:
    """Which versions were asked."""
    code = (
        "import importlib.metadata as m, sys; print(', '.join(f'{p} {m.version(p)}' for p in sys.argv[1:]))"
    )
    asked = {
        "cleanlab": ("cleanlab", "skrub", "pandera", "scikit-learn"),
        "deepchecks": ("deepchecks", "scikit-learn"),
    }
    return "; ".join(
        subprocess.run([python(p), "-c", code, *names], capture_output=True, text=True).stdout.strip()
        for p, names in asked.items()
    )


def judged(table: Table, case: Case, spoilt: Spoilt, files: Files) -> dict[str, dict[str, Any]]:
    """What each peer with a check for this defect says: found or not, whether it said so before, seconds."""
    answers = {}
    for peer in PEERS:
        if case.defect not in covered(peer):
            continue
        clean = _clean(peer, table, case, spoilt)  # first, so that imports are not counted
        said = _asked(peer, _request(table, case, spoilt, files, peer))
        if "failed" in said:
            answers[peer] = {"outcome": "failed", "why": said["failed"]}
            continue
        at = spoilt.columns if spoilt.columns else ()
        hit, before = _names(said, at), _names(clean, at)
        located = spoilt.located(said["rows"]) if said["rows"] and spoilt.rows else None
        answers[peer] = {
            "outcome": "found" if hit else "missed",
            "false alarm": bool(clean.get("columns") or clean.get("table")),
            "before": before,
            "located": located,
            "seconds": said["seconds"],
        }
    return answers


def _names(said: dict[str, Any], columns: tuple[str, ...]) -> bool:
    """Whether an answer names one of the columns; one that names rows alone, or the table, names all."""
    if not columns or not said.get("columns"):
        return bool(said.get("table"))
    return bool(set(said["columns"]) & set(columns))


def covered(peer: str) -> list[str]:
    """The defects that a peer has a check for."""
    if peer not in _covered:
        code = (
            "import json, peer_checks; print(json.dumps({p: list(d) for p, d in peer_checks.ALONE.items()}))"
        )
        done = subprocess.run(
            [python(peer), "-c", code], cwd=SCRIPT.parent, capture_output=True, text=True, check=True
        )
        _covered.update(json.loads(done.stdout))
    return _covered[peer]


_covered: dict[str, list[str]] = {}


def cost_command(peer: str, path: Path, entry: dict[str, Any]) -> list[str] | None:
    """The command that runs all of a peer's checks of one table; None where it needs a contract."""
    if peer == "pandera":
        return None
    kind = "numbers" if entry["task"] == "regression" else "classes"
    return [str(python(peer)), "-W", "ignore", str(SCRIPT), peer, str(path), entry["target"], kind]


def _request(table: Table, case: Case, spoilt: Spoilt, files: Files, peer: str) -> dict[str, Any]:
    other = files.other
    if peer == "pandera" and other is None:  # a contract is written by the clean table
        other = table.folder / "contract.csv"
        table.frame.write_csv(other)
    return {
        "defect": case.defect,
        "target": table.target,
        "roles": dict(spoilt.roles),
        "classified": table.entry["task"] != "regression",
        "path": str(files.path),
        "other": str(other) if other else None,
    }


def _clean(peer: str, table: Table, case: Case, spoilt: Spoilt) -> dict[str, Any]:
    """What the peer says to the clean table, asked once."""
    key = (peer, table.entry["name"], case.seed, case.defect)
    if key not in _said:
        if len(_said) > 2_000:
            _said.clear()
        earlier, later = table.halves
        clean = Spoilt(later if case.pair else table.frame, other=earlier if case.pair else None)
        files = table.written(clean, "untouched")
        _said[key] = _asked(peer, _request(table, case, clean, files, peer))
    return _said[key]


def _asked(peer: str, request: dict[str, Any]) -> dict[str, Any]:
    process = _running.get(peer)
    if process is None or process.poll() is not None:
        command = [str(python(peer)), "-W", "ignore", str(SCRIPT), peer]
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=QUIET,
        )
        _running[peer] = process
        atexit.register(process.kill)
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(json.dumps(request) + "\n")
    process.stdin.flush()
    line = process.stdout.readline()
    answer: dict[str, Any] = json.loads(line) if line else {"failed": "the process ended"}
    return answer


def peer_table(results: list[dict[str, Any]]) -> str:
    """One line a defect and peer at medium strength, on the cases that both looked at; ours stands before."""
    lines = ["", "| defect | peer | found by us | by the peer | alarms on clean: we | the peer "
             "| rows right: we | the peer | our seconds (all checks, and reading) | the peer's (one check) |",
             "|---" * 10 + "|"]  # fmt: skip
    medium = [r for r in results if r["strength"] == "medium" and "peers" in r]
    for defect in dict.fromkeys(r["defect"] for r in medium):
        for peer in PEERS:
            both = [
                (r, r["peers"][peer])
                for r in medium
                if r["defect"] == defect
                and r["outcome"] in ("found", "missed")
                and r["peers"].get(peer, {}).get("outcome") in ("found", "missed")
            ]
            if both:
                ours, theirs = zip(*both, strict=True)
                cells = [f(side) for f in (_found, _alarmed, _located) for side in (ours, theirs)]
                seconds = [statistics.median(one["seconds"] for one in side) for side in (ours, theirs)]
                times = " | ".join(f"{s:.2f}" for s in seconds)
                lines.append(f"| {defect} | {peer} | {' | '.join(cells)} | {times} |")
    failed = {
        f"{peer}, {r['defect']}: {a['why'][:100]}"
        for r in medium
        for peer, a in r["peers"].items()
        if a["outcome"] == "failed"
    }
    return "\n".join([*lines, "", *sorted(failed), f"peers: {versions()}"])


Answers = Sequence[dict[str, Any]]


def _found(answers: Answers) -> str:
    return f"{sum(a['outcome'] == 'found' for a in answers)}/{len(answers)}"


def _alarmed(answers: Answers) -> str:
    return f"{sum(a['false alarm'] for a in answers)}/{len(answers)}"


def _located(answers: Answers) -> str:
    known = [a["located"] for a in answers if a.get("located") is not None]
    return f"{sum(known) / len(known):.2f}" if known else ""
