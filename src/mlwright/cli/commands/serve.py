"""`mlwright serve`: a model file over HTTP until it is told to stop."""

from __future__ import annotations

import argparse

from mlwright.cli.flags import MODEL, Command, Flag
from mlwright.cli.screen import Screen, safe


def run(arguments: argparse.Namespace, screen: Screen) -> int:
    """Says where it listens, then serves; 0 after SIGTERM or Ctrl-C."""
    from mlwright.lifecycle import serve
    from mlwright.lifecycle.extras import need

    need("serve", "serving")
    from mlwright.serving import ServeSettings

    settings = ServeSettings(
        slo_ms=arguments.slo_ms,
        max_rows=arguments.max_rows,
        max_body_bytes=arguments.max_body_bytes,
        max_connections=arguments.max_connections,
        hosts=tuple(arguments.allow_host or ()),
        trusted_proxies=tuple(arguments.trusted_proxy or ()),
        tokens_file=arguments.tokens_file or "",
        insecure=arguments.insecure,
    )

    def started(url: str) -> None:
        screen.answer({"model": arguments.model, "url": url})
        if not screen.json:
            _show(screen, arguments.model, url)

    serve(arguments.model, host=arguments.host, port=arguments.port, settings=settings, started=started)
    return 0


def _show(screen: Screen, model: str, url: str) -> None:
    from mlwright.cli import look

    rows = [
        ("predict", f"POST {url}/predict"),
        ("what a row holds", f"GET  {url}/schema"),
        ("alive, ready", f"GET  {url}/health  {url}/ready"),
        ("metrics", f"GET  {url}/metrics"),
    ]
    screen.show(look.title(f"serving {safe(model)}", "Ctrl-C stops it"), look.pairs(rows))


COMMAND = Command(
    name="serve",
    summary="Serve a model file over HTTP.",
    about=(
        "Listens on this machine only unless --host says otherwise; beyond it, callers need tokens unless"
        " --insecure is said. SIGTERM or Ctrl-C answers what was accepted, then stops."
    ),
    flags=(
        MODEL,
        Flag("--host", "The address to listen on", default="127.0.0.1"),
        Flag("--port", "The port to listen on; 0 takes a free one", "whole", default=8080, short="-p"),
        Flag(
            "--slo-ms",
            "Refuse a request that would wait longer than this",
            "number",
            default=100.0,
            value="MS",
        ),
        Flag("--max-rows", "The most rows in one request", "whole", default=10_000, value="N"),
        Flag("--max-body-bytes", "The longest request body", "whole", default=8 * 1024 * 1024, value="BYTES"),
        Flag("--max-connections", "The most open connections", "whole", default=1024, value="N"),
        Flag(
            "--allow-host",
            "A further name that requests may use for this machine",
            value="NAME",
            repeats=True,
        ),
        Flag("--trusted-proxy", "The address of a proxy in front", value="ADDRESS", repeats=True),
        Flag("--tokens-file", "The file of access tokens", value="FILE"),
        Flag("--insecure", "Listen beyond this machine without tokens", "nothing"),
    ),
    run=run,
    examples=(
        "mlwright serve loans.mlw",
        "mlwright serve loans.mlw --host 0.0.0.0 --tokens-file tokens.txt",
    ),
)
