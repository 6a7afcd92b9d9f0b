"""This program's Python, started once more: to fit candidates in, and to measure what a model takes.

Called by `training` and `packaging`. It says how to start it and whether that can be; it starts nothing.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def unable() -> str:
    """Why this program's Python cannot be started again; empty where it can."""
    name = Path(sys.executable or "").name.lower()
    if getattr(sys, "frozen", False) or not name.startswith(("python", "pypy")):
        return "this program is not run by a Python that could be started again"
    return ""


def command(*arguments: str) -> list[str]:
    """The command that runs this Python with `arguments`, from wherever it is called.

    >>> command("-c", "1")[1:]
    ['-P', '-c', '1']
    """
    return [sys.executable, "-P", *arguments]


def environment(**more: str) -> dict[str, str]:
    """The variables of this process and `more`, with which another finds modules in the same places."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(module_path()), "PYTHONUTF8": "1", **more}


def module_path() -> list[str]:
    """Where this process finds modules, its working folder by name."""
    return [p or str(Path.cwd()) for p in sys.path]
