"""Model -> HTTP: decode, admit, batch, route, answer.

`serve` blocks until it is told to stop; `running` serves for the length of a `with` block; `asgi` is the same
inside of another server.
"""

from mlwright.serving.access import issue_token
from mlwright.serving.asgi import Asgi, asgi
from mlwright.serving.server import running, serve
from mlwright.serving.settings import ServeSettings

__all__ = ["Asgi", "ServeSettings", "asgi", "issue_token", "running", "serve"]
