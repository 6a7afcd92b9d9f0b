"""From argument strings to a command and its values, with near misses; and the text of `--help`.

Called by `entry` and `pages`. argparse does the splitting; what it would say in its own words is said in
ours.
"""

from __future__ import annotations

import argparse
import re
import shlex
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from mlwright.base.errors import Misuse, UnknownName, nearest
from mlwright.cli.flags import EVERYWHERE, Command, Flag

WIDTH = 96
# argparse before Python 3.13 loses the value of `--missing=--`; no argument can hold a NUL of its own.
_SHIELD = "\0"
_NEGATIVE = re.compile(r"-\.?\d")


def command_of(name: str, commands: Sequence[Command]) -> Command:
    """The command called `name`. Raises `UnknownName` with the near miss."""
    for command in commands:
        if command.name == name:
            return command
    raise UnknownName("command", name, [c.name for c in commands])


def arguments_of(command: Command, strings: Sequence[str]) -> argparse.Namespace:
    """The values of `command`'s flags in `strings`. Raises `Misuse` naming the flag and its help."""
    parser = _Parser(prog=f"mlwright {command.name}", add_help=False, allow_abbrev=False)
    for flag in command.every_flag:
        _add(parser, flag)
    if {"--help", "-h"} & set(strings):  # help needs no other argument
        return argparse.Namespace(help=True, json=False, quiet=False)
    values, extra = parser.parse_known_intermixed_args([_shielded(s) for s in _joined(strings, command)])
    for text in extra:
        where = f"mlwright {command.name}"
        if text.startswith("-"):
            names = [f.name for f in command.every_flag] + [f.short for f in command.every_flag if f.short]
            raise UnknownName("option", text.split("=")[0], names, where=where)
        more = f"; {_quoted(text)}" if all(Path(t).is_file() for t in extra) else ""
        raise Misuse(f"one argument too many: {text!r}", where=where, remedy=usage(command) + more)
    return values


def usage(command: Command) -> str:
    """The usage line.

    >>> from mlwright.cli.flags import SOURCE
    >>> usage(Command("check", "", "", (SOURCE,), lambda a, s: 0))
    'mlwright check SOURCE [options]'
    """
    return " ".join(
        ["mlwright", command.name, *(f.usage for f in command.flags if f.is_positional), "[options]"]
    )


def typed_again(command: Command, arguments: argparse.Namespace, changed: Mapping[str, object]) -> str:
    """The command line that gave `arguments`, with other values for the flags `changed`, ready to be typed.

    >>> from mlwright.cli.flags import ROLES, SOURCE
    >>> command = Command("fit", "", "", (SOURCE, *ROLES), lambda a, s: 0)
    >>> given = arguments_of(command, ["a b.csv", "-t", "y", "--kind", "zip=id"])
    >>> typed_again(command, given, {"drop": ["late"]})
    "mlwright fit 'a b.csv' --target y --drop late --kind zip=id"
    """
    words = ["mlwright", command.name]
    for flag in sorted(command.every_flag, key=lambda f: not f.is_positional):
        value: Any = changed.get(flag.key, getattr(arguments, flag.key, None))  # Any: as flags take them
        if value is None or value == flag.default or value is False:
            continue
        for one in value if isinstance(value, (list, tuple)) else [value]:
            text = "=".join(one) if flag.takes == "pair" else str(one)
            words += [text] if flag.is_positional else [flag.name]
            words += [text] if not flag.is_positional and flag.takes != "nothing" else []
    return shlex.join(words)


def help_of(command: Command) -> str:
    """The whole help page of one command."""
    positional = [(f.usage.strip("[]"), f.note) for f in command.flags if f.is_positional]
    options = [(_option(f), f.note) for f in (*command.groups[""], *EVERYWHERE) if not f.is_positional]
    grouped = {
        title: [(_option(f), f.note) for f in flags] for title, flags in command.groups.items() if title
    }
    rows = [*positional, *options, *(row for group in grouped.values() for row in group)]
    width = min(34, max(len(name) for name, _ in rows))
    blocks = [f"usage: {usage(command)}", textwrap.fill(command.about, WIDTH)]
    blocks += ["\n".join(_lines(rows, width)) for rows in (positional, options) if rows]
    blocks += ["\n".join([f"{title}:", *_lines(rows, width)]) for title, rows in grouped.items()]
    if command.examples:
        blocks.append("examples:\n" + "\n".join(f"  {e}" for e in command.examples))
    return "\n\n".join(blocks) + "\n"


def help_of_all(commands: Sequence[Command]) -> str:
    """The page of `mlwright --help`: every command with its line, and what the exit codes mean."""
    rows = [(c.name, c.summary) for c in commands]
    return (
        "usage: mlwright COMMAND [options]\n\n"
        "Raw data in; a checked, honestly evaluated, portable model out, served to live traffic.\n\n"
        + "\n".join(_lines(rows, max(len(name) for name, _ in rows)))
        + "\n\nmlwright COMMAND --help says more. Every command takes --json.\n"
        "Exit codes: 0 fine, 1 a check or gate said no, 2 misuse, 3 bad data or environment,\n"
        "4 internal error, 130 interrupted.\n"
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        _, required, names = message.partition("are required: ")
        said = f"missing: {names.upper()}" if required else message.replace("argument ", "", 1)
        raise Misuse(said, where=self.prog, remedy=f"{self.prog} --help")


def _add(parser: argparse.ArgumentParser, flag: Flag) -> None:
    if flag.is_positional:
        nargs = "+" if flag.repeats else "?" if flag.optional else None
        parser.add_argument(flag.key, nargs=nargs, default=flag.default)
        return
    names = [n for n in (flag.short, flag.name) if n]
    if flag.takes == "nothing":
        parser.add_argument(*names, dest=flag.key, action="store_true")
    else:
        parser.add_argument(
            *names,
            dest=flag.key,
            default=flag.default,
            type=_reader(flag),
            action="append" if flag.repeats else "store",
        )


def _reader(flag: Flag) -> Callable[[str], object]:
    def whole(text: str) -> int:
        try:
            return int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"needs a whole number, got {text!r}") from None

    def number(text: str) -> float:
        try:
            return float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"needs a number, got {text!r}") from None

    def pair(text: str) -> tuple[str, str]:
        name, equals, value = text.rpartition("=")
        if not equals or not name or not value:
            raise argparse.ArgumentTypeError(f"needs COLUMN=VALUE, got {text!r}")
        return name, value

    def named(text: str) -> tuple[str, str]:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise argparse.ArgumentTypeError(f"needs NAME=VALUE, got {text!r}")
        return name, value

    def chosen(text: str) -> str:
        if flag.choices and text not in flag.choices:
            near = nearest(text, flag.choices)
            hint = f"; did you mean {near!r}?" if near else f"; there is {', '.join(flag.choices)}"
            raise argparse.ArgumentTypeError(f"no such choice {text!r}{hint}")
        return text

    read = {"whole": whole, "number": number, "pair": pair, "named": named}.get(flag.takes, chosen)
    return lambda text: read(text.removeprefix(_SHIELD))


def _quoted(path: str) -> str:
    """What to do about a pattern that the shell has made several arguments of."""
    pattern = Path(path).with_name(f"*{Path(path).suffix}")
    return f"give the parts of one table as a pattern in quotes, which the shell leaves alone: '{pattern}'"


def _joined(strings: Sequence[str], command: Command) -> list[str]:
    """`--time-limit -5s` as `--time-limit=-5s`: argparse would take the value for an option."""
    taking = {f.name for f in command.every_flag if not f.is_positional and f.takes != "nothing"}
    out: list[str] = []
    for string in strings:
        if out and out[-1] in taking and _NEGATIVE.match(string):
            out[-1] += f"={string}"
        else:
            out.append(string)
    return out


def _shielded(string: str) -> str:
    name, _, value = string.partition("=")
    return f"{name}={_SHIELD}--" if name.startswith("--") and value == "--" else string


def _option(flag: Flag) -> str:
    return f"{flag.short}, {flag.usage}" if flag.short else f"    {flag.usage}"


def _lines(rows: Iterable[tuple[str, str]], width: int) -> Iterable[str]:
    """`name  text` in two columns; a name that is too wide stands on a line of its own."""
    indent = " " * (width + 4)
    for name, text in rows:
        wrapped = textwrap.wrap(text, WIDTH - len(indent), break_on_hyphens=False)
        if len(name) > width:
            yield f"  {name}"
        else:
            yield f"  {name.ljust(width)}  {wrapped.pop(0)}"
        yield from (indent + line for line in wrapped)
