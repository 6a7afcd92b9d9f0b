"""serve: a model file answers over HTTP until it is told to stop."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from mlwright.lifecycle.extras import need
from mlwright.lifecycle.load import load

if TYPE_CHECKING:
    from mlwright.artifact import Model
    from mlwright.serving import ServeSettings


def serve(
    model: Model | str | os.PathLike[str],
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    settings: ServeSettings | None = None,
    started: Callable[[str], None] | None = None,
) -> None:
    """Serves `model` on host:port until SIGTERM or Ctrl-C; answers everything accepted before it ends.

    `started` is called with the URL once requests are answered. Raises `EnvironmentProblem` where the
    port is in use, `Misuse` where it is no port, or would be open to others without tokens.
    """
    need("serve", "serving")
    from mlwright.serving import serve as run_server

    opened = load(model) if isinstance(model, (str, os.PathLike)) else model
    run_server(opened, host=host, port=port, settings=settings, started=started)
