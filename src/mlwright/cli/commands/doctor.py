"""`mlwright doctor`: what this machine offers, what is missing, and how to get it."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from typing import Literal

from mlwright.base import figures, machine
from mlwright.cli.flags import Command
from mlwright.cli.screen import Screen
from mlwright.version import __version__

Verdict = Literal["good", "optional", "bad"]
LEAST_PYTHON = (3, 11)
LEAST_RUNTIME = (1, 31, 1)
LEAST_DISK_BYTES = 500_000_000

CORE = ("numpy", "onnxruntime", "msgspec", "rich")
EXTRAS = {
    "serve": ("uvloop", "httptools"),
    "arrow": ("pyarrow",),
    "otel": ("opentelemetry-sdk",),
    "train": ("polars", "scipy", "threadpoolctl", "lightgbm", "catboost"),
}


@dataclass(frozen=True)
class Look:
    """One thing that was looked at."""

    name: str
    verdict: Verdict
    found: str
    remedy: str = ""


def run(arguments: argparse.Namespace, screen: Screen) -> int:
    """Looks at everything; 3 where something that is needed is missing."""
    looks = [_python(), *_libraries(), *_machine()]
    healthy = all(one.verdict != "bad" for one in looks)
    screen.answer({"version": __version__, "healthy": healthy, "looks": looks})
    if not screen.json:
        _show(screen, looks)
    return 0 if healthy else 3


def _python() -> Look:
    version = platform.python_version()
    if sys.version_info < LEAST_PYTHON:
        return Look("Python", "bad", version, "install Python 3.11 or newer")
    return Look("Python", "good", f"{version} on {platform.system()} {platform.machine()}")


def _libraries() -> list[Look]:
    looks = [_library(name, "bad", "pip install mlwright") for name in CORE]
    runtime = _version("onnxruntime")
    if runtime and _numbers(runtime) < LEAST_RUNTIME:
        least = ".".join(map(str, LEAST_RUNTIME))
        old = Look(
            "onnxruntime",
            "bad",
            f"{runtime} reads model files unsafely",
            f"pip install 'onnxruntime>={least}'",
        )
        looks = [old if one.name == "onnxruntime" else one for one in looks]
    for extra, names in EXTRAS.items():
        looks += [_library(name, "optional", f"pip install 'mlwright[{extra}]'") for name in names]
    return looks


def _library(name: str, otherwise: Verdict, remedy: str) -> Look:
    version = _version(name)
    return Look(name, "good", version) if version else Look(name, otherwise, "not installed", remedy)


def _version(name: str) -> str:
    import importlib.metadata

    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3] if part.isdigit())


def _machine() -> list[Look]:
    cpus = machine.cpu_count()
    memory = machine.memory_limit()
    free = shutil.disk_usage(".").free
    enough = free >= LEAST_DISK_BYTES
    return [
        Look("CPUs", "good", f"{cpus} to use of {os.cpu_count()}, {machine.cpu_name()}"),
        Look("memory", "good", f"{figures.size(memory)} to use" if memory else "unknown"),
        Look(
            "disk",
            "good" if enough else "bad",
            f"{figures.size(free)} free here",
            "" if enough else "make room",
        ),
        _writable("."),
        _writable(tempfile.gettempdir()),
    ]


def _writable(folder: str) -> Look:
    name = "this folder" if folder == "." else "temporary folder"
    try:
        with tempfile.TemporaryFile(dir=folder):
            return Look(name, "good", "writable" if folder == "." else f"{folder}, writable")
    except OSError as error:
        return Look(name, "bad", f"not writable: {error.strerror}", "go elsewhere, or mend its permissions")


def _show(screen: Screen, looks: list[Look]) -> None:
    from rich.table import Table
    from rich.text import Text

    from mlwright.cli import look

    grid = Table.grid(padding=(0, 2))
    signs = {"good": Text("✓", "green"), "optional": Text("-", "yellow"), "bad": Text("✗", "red")}
    for one in looks:
        found = Text(one.found)
        if one.remedy:
            found.append(f"   → {one.remedy}", "yellow" if one.verdict == "optional" else "red")
        grid.add_row(signs[one.verdict], one.name, found)
    bad = sum(one.verdict == "bad" for one in looks)
    word = f"{figures.counted(bad, 'thing')} to mend" if bad else "all that is needed is there"
    screen.show(look.title(f"mlwright {__version__}", word), look.section("This machine", grid))


COMMAND = Command(
    name="doctor",
    summary="Say what this machine offers, what is missing, and how to get it.",
    about="Looks at Python, the libraries, CPUs and memory as this process may use them, and disk.",
    flags=(),
    run=run,
)
