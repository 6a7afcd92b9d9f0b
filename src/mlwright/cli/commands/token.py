"""`mlwright token`: a new secret for callers of a served model."""

from __future__ import annotations

import argparse

from mlwright.cli.flags import Command, Flag
from mlwright.cli.screen import Screen


def run(arguments: argparse.Namespace, screen: Screen) -> int:
    """Adds a token to the file and shows it, once."""
    from mlwright.lifecycle import issue_token

    scopes = tuple(arguments.scope or ("predict",))
    token = issue_token(arguments.file, scopes=scopes, days=arguments.days)
    screen.answer({"token": token, "file": arguments.file, "scopes": list(scopes), "days": arguments.days})
    if not screen.json:
        from mlwright.cli import look

        use = [
            ("serve with it", f"mlwright serve model.mlw --host 0.0.0.0 --tokens-file {arguments.file}"),
            ("what a caller sends", "Authorization: Bearer <the token>"),
        ]
        print(token)  # on a line of its own, unbroken, so that it can be copied and piped
        screen.show(
            look.section("Kept", f"in {arguments.file}, as a digest: the token is shown this once"),
            look.section("Use it", look.commands(use)),
        )
    return 0


COMMAND = Command(
    name="token",
    summary="Make a token that callers of a served model must send.",
    about=(
        "Adds a token to the file, made where it is absent, together with its key in FILE.key. The token "
        "itself is shown once and kept nowhere. Delete its line in the file to revoke it; a running server "
        "sees that within seconds."
    ),
    flags=(
        Flag("file", "The tokens file"),
        Flag(
            "--scope",
            "What it allows: predict, metrics or admin, of all models, or as predict:NAME of one",
            repeats=True,
            shown_default="predict",
        ),
        Flag("--days", "How long it lasts", "number", value="DAYS", shown_default="for ever"),
    ),
    run=run,
    examples=("mlwright token tokens.txt --scope predict --scope metrics --days 90",),
)
