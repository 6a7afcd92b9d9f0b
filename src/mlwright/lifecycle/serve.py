"""serve: model files answer over HTTP until told to stop. asgi: the same inside of another server."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mlwright.lifecycle.extras import need

if TYPE_CHECKING:
    from mlwright.artifact import Model
    from mlwright.serving import Asgi, ServeSettings

    One = Model | str | os.PathLike[str]


def serve(
    model: One | Mapping[str, One],
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    settings: ServeSettings | None = None,
    started: Callable[[str], None] | None = None,
) -> None:
    """Serves `model`, or several by name, until SIGTERM or Ctrl-C; answers all that was accepted before.

    SIGHUP reads the files anew. `started` is called with the URL once requests are answered. Raises
    `EnvironmentProblem` where the port is in use, `Misuse` where it is no port, or would be open to others
    without tokens, and what opening a file raises.
    """
    need("serve", "serving")
    from mlwright.serving import serve as run_server

    run_server(_plain(model), host=host, port=port, settings=settings, started=started)


def asgi(model: One | Mapping[str, One], *, settings: ServeSettings | None = None) -> Asgi:
    """The same endpoint as an ASGI application, to mount in a server that you have already.

    All but the handling of sockets is as with `serve`: routes, tokens, admission, batches, metrics; limits on
    heads, slow clients and connections are then the other server's. Tokens are asked for unless
    `settings.insecure` is set, since nobody here knows who can reach that server. Raises what `serve` raises.

    >>> import mlwright as mw
    >>> from mlwright.serving import ServeSettings
    >>> app = mw.asgi("loans.mlw", settings=ServeSettings(insecure=True))  # doctest: +SKIP
    """
    need("serve", "serving")
    from mlwright.serving import asgi as application

    return application(_plain(model), settings)


def _plain(model: One | Mapping[str, One]) -> Model | Path | dict[str, Model | Path]:
    if isinstance(model, Mapping):
        return {name: _path(one) for name, one in model.items()}
    return _path(model)


def _path(model: One) -> Model | Path:
    return Path(model) if isinstance(model, (str, os.PathLike)) else model
