"""`main`: finds the command, runs it, and turns whatever happens into an exit code and a message.

The one place that knows exit codes of errors; commands themselves return
0 or 1, or 3 where their answer says that the data or the machine will not do.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from mlwright.base import errors
from mlwright.base.machine import cpu_count, rest_idle_threads
from mlwright.cli.commands import COMMANDS
from mlwright.cli.parse import arguments_of, command_of, help_of, help_of_all
from mlwright.cli.screen import Screen
from mlwright.version import __version__

FINE, SAID_NO, MISUSE, BAD_INPUT, INTERNAL, INTERRUPTED = 0, 1, 2, 3, 4, 130

EXIT_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (errors.Misuse, MISUSE),
    (errors.DataProblem, BAD_INPUT),
    (errors.ModelFileProblem, BAD_INPUT),
    (errors.EnvironmentProblem, BAD_INPUT),
    (errors.EndpointProblem, BAD_INPUT),
    (errors.NotebookFailed, BAD_INPUT),
    (errors.ChecksRefused, SAID_NO),
    (errors.ConversionRefused, SAID_NO),
    (errors.ParityFailed, SAID_NO),
    (errors.LimitUnmet, SAID_NO),
    (OSError, BAD_INPUT),
    (MemoryError, BAD_INPUT),
    (KeyboardInterrupt, INTERRUPTED),
)
"""The first class that fits decides; everything else is an internal error."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command line and returns its exit code; never raises, never exits.

    >>> main(["version"]) == main(["--version"]) == 0  # doctest: +ELLIPSIS
    mlwright ...
    mlwright ...
    True
    """
    strings = list(sys.argv[1:] if argv is None else argv)
    _share_the_machine()
    screen = Screen(json="--json" in strings, quiet=bool({"--quiet", "-q"} & set(strings)))
    try:
        code = _run(strings, screen)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINE
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the outermost frame: all becomes an exit code
        if os.environ.get("MLWRIGHT_DEBUG"):
            import traceback

            traceback.print_exc()
        code = exit_code_of(error)
        screen.error(error, code)
        return code


def exit_code_of(error: BaseException) -> int:
    """The exit code that stands for `error`.

    >>> exit_code_of(errors.UnknownName("column", "a", [])), exit_code_of(ZeroDivisionError())
    (2, 4)
    """
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), INTERNAL)


def _share_the_machine() -> None:
    """Libraries read these when they are loaded, which nothing was yet: a thread a CPU that is ours, idle
    ones asleep."""
    ours = str(cpu_count())
    for name in ("OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"):
        os.environ.setdefault(name, ours)
    rest_idle_threads()


def _run(strings: list[str], screen: Screen) -> int:
    if strings and strings[0] == "help":
        strings = [*strings[1:], "--help"]
    if not strings or strings[0] in ("--help", "-h"):
        print(help_of_all(COMMANDS), end="")
        return FINE
    if strings[0] in ("--version", "-V"):
        print(f"mlwright {__version__}")
        return FINE
    if strings[0].startswith("-"):
        raise errors.UnknownName(
            "option", strings[0], ["--help", "--version"], where="mlwright, before the command"
        )
    command = command_of(strings[0], COMMANDS)
    arguments = arguments_of(command, strings[1:])
    if arguments.help:
        print(help_of(command), end="")
        return FINE
    return command.run(arguments, screen)
