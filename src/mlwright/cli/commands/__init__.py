"""Every command, in the order in which a newcomer meets them; one file each, found here and nowhere else.

Each file holds a `COMMAND` and imports the lifecycle only when it runs, so that `--help` stays quick.
"""

from mlwright.cli import flags
from mlwright.cli.commands import (
    check,
    compare,
    convert,
    demo,
    doctor,
    evaluate,
    explain,
    fit,
    predict,
    schema,
    serve,
    show,
    split,
    token,
    top,
    version,
)

__all__ = ["COMMANDS"]

COMMANDS: tuple[flags.Command, ...] = (
    check.COMMAND,
    schema.COMMAND,
    split.COMMAND,
    fit.COMMAND,
    convert.COMMAND,
    show.COMMAND,
    predict.COMMAND,
    explain.COMMAND,
    evaluate.COMMAND,
    compare.COMMAND,
    serve.COMMAND,
    top.COMMAND,
    token.COMMAND,
    demo.COMMAND,
    doctor.COMMAND,
    version.COMMAND,
)
