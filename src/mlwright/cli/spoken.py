"""What the library says in Python's words (`task='multiclass'`), said in flags; and commands as they can be
typed here.

Used by `screen` and `look` for remedies and messages. The library itself knows no flag.
"""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from mlwright.base.finding import Findings

_FLAGS = {
    **{
        n: n
        for n in (
            "target",
            "time",
            "group",
            "id",
            "weight",
            "exposure",
            "fold",
            "split",
            "gap",
            "protected",
            "drop",
            "task",
            "metric",
            "seed",
            "waive",
        )
    },
    **{
        n: n
        for n in (
            "test",
            "threads",
            "schema",
            "against",
            "report",
            "separator",
            "encoding",
            "quote",
            "header",
            "decimal",
            "thousands",
            "query",
            "table",
            "key",
            "restart",
            "data",
            "example",
            "kernel",
            "classes",
            "answers",
            "member",
            "sheet",
        )
    },
    "missing": "missing",
    "kinds": "kind",
    "names": "column-names",
    "dates": "date-format",
    "parameters": "parameter",
    "chunk_rows": "chunk-rows",
    "skip_rows": "skip-rows",
    "time_limit": "time-limit",
    "intended_use": "intended-use",
    "max_trials": "max-trials",
    "warm_start": "warm-start",
    "threshold": "threshold",
    "alerts": "alerts",
    "monotone": "monotone",
    "costs": "costs",
    "rows_per_day": "rows-per-day",
    "memory": "memory",
    "sample_rows": "sample-rows",
    "most_bytes": "most-bytes",
}
"""Arguments of Python by name, and the flags that they are."""
_TEXT = r"""(?:'([^']*)'|"([^"]*)")"""

_SAID: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (
        re.compile(rf"\bkinds=\{{{_TEXT}: (?:'(\w+)'|\.\.\.)\}}"),
        lambda m: f"--kind {shlex.quote(m[1] or m[2] or '')}={m[3] or 'KIND'}",
    ),
    (
        re.compile(rf"(?<![\w'\"=.-])(drop|waive)=\((?:{_TEXT}(?:, |,(?=\))|(?=\))))+\)"),
        lambda m: " ".join(f"--{m[1]} {shlex.quote(a or b)}" for a, b in re.findall(_TEXT, m[0])),
    ),
    (re.compile(r'\bcosts=\{"fn": (\w+), "fp": (\w+)\}'), lambda m: f"--costs fn={m[1]},fp={m[2]}"),
    (re.compile(r"\bcosts=(\{.*\})"), lambda m: f"--costs {shlex.quote(m[1])}"),
    (re.compile(r"\bheader=False\b"), lambda m: "--no-header"),
    (re.compile(r"\bheader=True\b"), lambda m: "--header"),
    (re.compile(r"\bresume=True\b"), lambda m: "--resume"),
    (re.compile(r"\bint8=True\b"), lambda m: "--int8"),
    (
        re.compile(rf"\bclasses=\[((?:{_TEXT}(?:, )?)+)\]"),
        lambda m: f"--classes {shlex.quote(','.join(a or b for a, b in re.findall(_TEXT, m[1])))}",
    ),
    (re.compile(r"\bnames=\(\.\.\.\)"), lambda m: "--column-names NAMES"),
    (
        # Not within quotes or a longer word: that is a name of somebody's column.
        re.compile(rf"(?<![\w'\"=.-])(?<!--kind )({'|'.join(_FLAGS)})=(?:\(?{_TEXT}(?:,?\))?|(\d+))?"),
        lambda m: _flag(m[1], m[4] or m[2] or m[3]),
    ),
    (
        re.compile(r"^(slo_ms|max_rows|max_body_bytes|max_connections)\b"),
        lambda m: "--" + m[1].replace("_", "-"),
    ),
    (re.compile(r"\buse predict_set\b"), lambda m: "ask for sets of labels with --set"),
    (re.compile(r"\bask for intervals\b"), lambda m: "ask for intervals with --interval"),
    (re.compile(r"^error=(\S+) is "), lambda m: f"the error rate {m[1]} is "),
    (re.compile(r"^abstain=(\S+) is "), lambda m: f"--abstain {m[1]} is "),
    (re.compile(r"\bleave abstain out\b"), lambda m: "leave --abstain out"),
    (re.compile(r"\bin MLWRIGHT_TOKENS_FILE\b"), lambda m: "with --tokens-file"),
    (re.compile(r"\bsay insecure\b"), lambda m: "say --insecure"),
)
_COMMAND = re.compile(
    r"(?<![\w/.-])mlwright "
    r"(?=(?:check|schema|split|fit|convert|show|predict|explain|evaluate|compare|serve|top|token|demo|doctor|"
    r"version)\b)"
)


def spoken(text: str) -> str:
    """A remedy or a message of the library as one says it on the command line.

    >>> spoken("say task='multiclass', or kinds={'zip code': 'categorical'} if they are labels")
    "say --task multiclass, or --kind 'zip code'=categorical if they are labels"
    """
    for pattern, said in _SAID:
        text = pattern.sub(said, text)
    return typed(text)


def spoken_findings(found: Findings) -> Findings:
    """`found` with remedies in flags."""
    return Findings.of(msgspec.structs.replace(f, remedy=spoken(f.remedy)) for f in found)


def typed(command: str) -> str:
    """`command`, or text that names commands, so that they work when typed here.

    >>> typed("mlwright is what is meant")
    'mlwright is what is meant'
    """
    return _COMMAND.sub(lambda _: f"{program(sys.argv[0])} ", command)


def program(started: str) -> str:
    """What starts this program: `mlwright`, or a way to it where PATH has none. `started` is argv[0]."""
    if shutil.which("mlwright"):
        return "mlwright"
    script = Path(started)
    if script.stem == "mlwright":
        return _near(script)
    return f"{_near(Path(sys.executable))} -m mlwright"


def _near(path: Path) -> str:
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))


def _flag(name: str, value: str | None) -> str:
    flag = f"--{_FLAGS[name]}"
    return f"{flag} {shlex.quote(value)}" if value else flag
