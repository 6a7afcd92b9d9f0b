"""What the comparison on tables found: its results as they are kept, and the sums that are made of them.

Pure: it reads and writes the file of results and nothing else; `tabular.py` measures.
"""

from __future__ import annotations

import fcntl
import json
import os
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

OURS = "mlwright"
BUSY = 0.3
"""CPUs that other work may take before a result is called measured on a busy machine."""
MOST_EXCESS = 1.0


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One system on one table within one limit; `failure` says why there is no number."""

    set: str
    kind: str
    system: str
    limit_s: float
    metric: str
    value: float | None = None
    error: float | None = None
    """0 is perfect: 1 - value where greater is better."""
    spread: float | None = None
    """Standard deviation of the error over resampled test rows."""
    seconds: float | None = None
    """Of the whole fit call."""
    row_us: float | None = None
    """Median of one-row calls in process, once loaded."""
    rows_per_s: float | None = None
    """Of a batch of up to 10,000 rows."""
    size_bytes: int | None = None
    """What has to be deployed."""
    peak_mib: float | None = None
    """The most memory of all its processes together."""
    failure: str | None = None
    note: str = ""
    others: float = 0.0
    """CPUs that other work took meanwhile; 0 on a quiet machine."""
    load: float = 0.0
    """Load average of one minute at the end, its own work included."""
    date: str = ""
    machine: str = ""
    versions: dict[str, str] = {}
    commit: str | None = None
    """Of mlwright, for its own results; "+" where the source had changes beside it."""

    @property
    def key(self) -> tuple[str, float, str]:
        return self.set, self.limit_s, self.system

    @property
    def overran(self) -> bool:
        """Past the limit by more than 5 % and by more than 3 s."""
        return self.seconds is not None and self.seconds > max(self.limit_s * 1.05, self.limit_s + 3)


def read(path: Path) -> list[Result]:
    """The results kept in a file; none where there is no file."""
    return msgspec.json.decode(path.read_bytes(), type=list[Result]) if path.exists() else []


def keep(path: Path, result: Result) -> None:
    """Adds a result to the file, in place of an earlier one of the same system, table and limit."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # two campaigns may run beside each other
        kept = {r.key: r for r in read(path)} | {result.key: result}
        ordered = sorted(kept.values(), key=lambda r: (r.limit_s, r.set, r.system))
        lines = ",\n".join(json.dumps(_short(r)) for r in ordered)
        new = path.with_suffix(".new")
        new.write_text(f"[\n{lines}\n]\n")
        new.replace(path)
    finally:
        os.close(folder)


def _short(result: Result) -> dict[str, object]:
    """As JSON, with five digits of what is measured: one line a result, so that differences are read."""
    built: dict[str, object] = msgspec.to_builtins(result)
    rough = ("spread", "seconds", "row_us", "rows_per_s", "peak_mib", "others", "load")
    return {k: float(f"{v:.5g}") if k in rough else v for k, v in built.items()}


# Sums -------------------------------------------------------------------------------------------------------

Errors = Mapping[str, float | None]
"""The error of each system on one table; None: it has no result."""


def ranks(errors: Errors) -> dict[str, float]:
    """1 for the least error; equals share the mean of their places, and so do those without a result, last.

    >>> ranks({"a": 0.2, "b": 0.1, "c": 0.2, "d": None})
    {'a': 2.5, 'b': 1.0, 'c': 2.5, 'd': 4.0}
    """
    worth = {s: float("inf") if e is None else e for s, e in errors.items()}
    return {
        s: sum(o < w for o in worth.values()) + (sum(o == w for o in worth.values()) + 1) / 2
        for s, w in worth.items()
    }


def excess(error: float, best: float) -> float:
    """By what share of `best` an error is greater; between -1 and 1, as shares of almost nothing say little.

    >>> round(excess(0.11, 0.10), 6), excess(0.1, 0.0), excess(0.0, 0.0)
    (0.1, 1.0, 0.0)
    """
    if error == best:
        return 0.0
    return max(-MOST_EXCESS, min(error / best - 1.0, MOST_EXCESS)) if best > 0 else MOST_EXCESS


def won(ours: float | None, theirs: float | None) -> float:
    """1 for a win, a half for a tie, 0 for a loss; no result loses to any.

    >>> won(0.1, 0.2), won(0.2, 0.2), won(None, 0.2), won(0.3, None), won(None, None)
    (1.0, 0.5, 0.0, 1.0, 0.5)
    """
    ours, theirs = (float("inf") if e is None else e for e in (ours, theirs))
    return 1.0 if ours < theirs else 0.5 if ours == theirs else 0.0


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One system over all tables that it was run on; means over tables."""

    system: str
    tables: int
    failed: int
    overran: int
    rank: float
    """Among the systems that were run on the same tables."""
    excess: float | None
    """Of its error over the best system's, where it has a result."""
    wins: float | None
    """Share of tables on which mlwright is better, ties half; None for mlwright."""
    compared: int
    """Tables that both were run on."""
    our_excess: float | None
    """Of mlwright's error over this system's, where both have a result."""
    seconds: float | None
    most_seconds: float | None
    row_us: float | None
    rows_per_s: float | None
    size_bytes: float | None
    peak_mib: float | None
    """Medians, but for the most seconds and the most memory."""


def by_table(results: Iterable[Result]) -> dict[str, dict[str, Result]]:
    """Results by table and system."""
    found: dict[str, dict[str, Result]] = {}
    for r in results:
        found.setdefault(r.set, {})[r.system] = r
    return found


def compared(results: Sequence[Result], limit_s: float, against_s: float | None = None) -> list[Result]:
    """The results to compare: all within `limit_s`; with `against_s`, the peers' within that one instead."""
    return [r for r in results if r.limit_s == (limit_s if r.system == OURS else against_s or limit_s)]


def standings(results: Sequence[Result]) -> list[Standing]:
    """Every system over its tables, the best mean rank first. One result a table and system is expected."""
    tables = by_table(results)
    places = {t: ranks({s: r.error for s, r in rs.items()}) for t, rs in tables.items()}
    found = []
    for system in dict.fromkeys(r.system for r in results):
        mine = {t: rs[system] for t, rs in tables.items() if system in rs}
        ours = [(tables[t][OURS].error, r.error) for t, r in mine.items() if OURS in tables[t]]
        ours = [] if system == OURS else ours
        both = [(a, b) for a, b in ours if a is not None and b is not None]
        over = [
            excess(r.error, min(o.error for o in tables[t].values() if o.error is not None))
            for t, r in mine.items() if r.error is not None
        ]  # fmt: skip
        of = {
            name: [v for r in mine.values() if (v := getattr(r, name)) is not None]
            for name in ("seconds", "row_us", "rows_per_s", "size_bytes", "peak_mib")
        }
        found.append(
            Standing(
                system=system, tables=len(mine), failed=sum(r.error is None for r in mine.values()),
                overran=sum(r.overran for r in mine.values()),
                rank=statistics.fmean(places[t][system] for t in mine),
                excess=_mean(over), wins=_mean([won(a, b) for a, b in ours]), compared=len(ours),
                our_excess=_mean([excess(a, b) for a, b in both]),
                seconds=_median(of["seconds"]), most_seconds=max(of["seconds"], default=None),
                row_us=_median(of["row_us"]), rows_per_s=_median(of["rows_per_s"]),
                size_bytes=_median(of["size_bytes"]), peak_mib=max(of["peak_mib"], default=None),
            )
        )  # fmt: skip
    return sorted(found, key=lambda s: s.rank)


def _mean(values: Sequence[float]) -> float | None:
    return statistics.fmean(values) if values else None


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


# Tables -----------------------------------------------------------------------------------------------------


def report(results: Sequence[Result]) -> str:
    """Per table and overall, as Markdown; tables with free text apart from the others."""
    parts = []
    for kind in sorted({r.kind for r in results}):
        of_kind = [r for r in results if r.kind == kind]
        parts += [f"## {kind}", scores(of_kind), overall(of_kind), costs(of_kind), failures(of_kind)]
    return "\n\n".join([*(p for p in parts if p), under(results)])


def scores(results: Sequence[Result]) -> str:
    """One line a table: each system's metric, the best in bold."""
    systems = [s.system for s in standings(results)]
    lines = [f"| set | metric | {' | '.join(systems)} |", "|---" * (len(systems) + 2) + "|"]
    for table, of in by_table(results).items():
        least = min((r.error for r in of.values() if r.error is not None), default=None)
        cells = []
        for s in systems:
            r = of.get(s)
            text = "" if r is None else "failed" if r.value is None else f"{r.value:.4g}"
            cells.append(
                f"**{text}**" if r is not None and r.error is not None and r.error == least else text
            )
        spreads = [r.spread for r in of.values() if r.spread is not None]
        metric = next(iter(of.values())).metric
        metric += f" ± {statistics.median(spreads):.2g}" if spreads else ""
        lines.append(f"| {table} | {metric} | {' | '.join(cells)} |")
    return "\n".join(lines)


def overall(results: Sequence[Result]) -> str:
    """One line a system: rank, mlwright's wins, excess errors, seconds, cost, size."""
    lines = [
        "| system | sets | failed | overran | rank | error over the best | mlwright wins "
        "| mlwright's error over this | fit s (most) | one row us | rows/s | MiB on disk "
        "| most MiB in memory |",
        "|---" * 13 + "|",
    ]
    for s in standings(results):
        wins = "" if s.wins is None else f"{s.wins:.0%} of {s.compared}"
        size = None if s.size_bytes is None else s.size_bytes / 2**20
        lines.append(
            f"| {s.system} | {s.tables} | {s.failed} | {s.overran} | {s.rank:.2f} | {_share(s.excess)} "
            f"| {wins} | {_share(s.our_excess)} | {_number(s.seconds)} ({_number(s.most_seconds)}) "
            f"| {_number(s.row_us)} | {_number(s.rows_per_s)} | {_number(size)} | {_number(s.peak_mib)} |"
        )
    return "\n".join(lines)


def costs(results: Sequence[Result]) -> str:
    """One line a table: seconds of the fit, one-row time and file size of each system."""
    systems = [s.system for s in standings(results)]
    lines = [
        "Seconds of the fit · microseconds a row · MiB on disk:", "",
        f"| set | {' | '.join(systems)} |", "|---" * (len(systems) + 1) + "|",
    ]  # fmt: skip
    for table, of in by_table(results).items():
        cells = []
        for s in systems:
            r = of.get(s)
            if r is None or r.seconds is None:
                cells.append("")
                continue
            size = None if r.size_bytes is None else r.size_bytes / 2**20
            late = "!" if r.overran else ""
            cells.append(f"{_number(r.seconds)}{late} · {_number(r.row_us)} · {_number(size)}")
        lines.append(f"| {table} | {' | '.join(cells)} |")
    return "\n".join(lines)


def failures(results: Sequence[Result]) -> str:
    """One line a failure, with its reason."""
    return "\n".join(f"- {r.system}, {r.set}: {r.failure}" for r in results if r.failure)


def under(results: Sequence[Result]) -> str:
    """Where, when, with what, and how quiet it was."""
    machines = ", ".join(sorted({r.machine for r in results if r.machine}))
    dates = sorted({r.date for r in results if r.date})
    commits = ", ".join(sorted({r.commit for r in results if r.commit}))
    named = sorted({f"{k} {v}" for r in results for k, v in r.versions.items() if k != OURS})
    busy = sum(r.others > BUSY for r in results)
    quiet = f"{busy} of {len(results)} runs had other work beside them (more than {BUSY} CPUs)"
    span = " to ".join(dict.fromkeys((dates[0], dates[-1]))) if dates else ""
    return f"{span}; {machines}; mlwright at {commits or 'no commit'}; {quiet}\n{', '.join(named)}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:+.1%}"
