"""`mlwright version`: the version, alone on a line."""

from __future__ import annotations

import argparse

from mlwright.cli.flags import Command
from mlwright.cli.screen import Screen
from mlwright.version import __version__


def run(arguments: argparse.Namespace, screen: Screen) -> int:
    """Prints it; 0."""
    screen.answer({"version": __version__})
    if not screen.json:
        print(f"mlwright {__version__}")
    return 0


COMMAND = Command(
    name="version",
    summary="Print the version.",
    about="The same as mlwright --version. `mlwright doctor` says which libraries it runs on.",
    flags=(),
    run=run,
)
