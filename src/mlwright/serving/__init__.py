"""Model -> HTTP: decode, admit, batch, route, answer.

`serve` blocks until it is told to stop; `running` serves for the length of a `with` block.
"""

from mlwright.serving.access import issue_token
from mlwright.serving.server import running, serve
from mlwright.serving.settings import ServeSettings

__all__ = ["ServeSettings", "issue_token", "running", "serve"]
