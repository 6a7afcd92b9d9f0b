"""`mlwright serve`: model files over HTTP until it is told to stop."""

from __future__ import annotations

import argparse
from pathlib import Path

from mlwright.base.errors import Misuse
from mlwright.cli.flags import Command, Flag
from mlwright.cli.screen import Screen, safe


def run(arguments: argparse.Namespace, screen: Screen) -> int:
    """Says where it listens, then serves; 0 after SIGTERM or Ctrl-C."""
    from mlwright.lifecycle import serve
    from mlwright.lifecycle.extras import need

    need("serve", "serving")
    from mlwright.serving import ServeSettings
    from mlwright.serving.log import write_to_stderr

    settings = ServeSettings(
        slo_ms=arguments.slo_ms,
        max_rows=arguments.max_rows,
        explain_rows=arguments.explain_rows,
        explain_ms=arguments.explain_ms,
        max_body_bytes=arguments.max_body_bytes,
        max_connections=arguments.max_connections,
        hosts=tuple(arguments.allow_host or ()),
        trusted_proxies=tuple(arguments.trusted_proxy or ()),
        tokens_file=arguments.tokens_file or "",
        insecure=arguments.insecure,
        workers=arguments.workers,
        tls_certificate=arguments.tls_certificate or "",
        tls_key=arguments.tls_key or "",
        arrow=arguments.arrow,
        access_log=arguments.access_log,
        traces=arguments.traces,
    )
    models = named_models(arguments.model)

    def started(url: str) -> None:
        screen.answer({"models": models, "url": url})
        if not screen.json:
            _show(screen, models, url)

    if settings.access_log:
        write_to_stderr()
    serve(models, host=arguments.host, port=arguments.port, settings=settings, started=started)
    return 0


def named_models(given: list[str]) -> dict[str, str]:
    """The files by name: NAME=FILE, or FILE, which is then called as the file.

    >>> named_models(["shop/loans.mlw", "fraud=v7.mlw"])
    {'loans': 'shop/loans.mlw', 'fraud': 'v7.mlw'}
    """
    from mlwright.serving.server import named

    models: dict[str, str] = {}
    for text in given:
        name, equals, path = text.partition("=")
        if not equals or Path(text).exists():
            name, path = next(iter(named(text))), text
        if name in models:
            raise Misuse(f"two models are called {name!r}", remedy="name one of them: NAME=FILE")
        models[name] = path
    return models


def _show(screen: Screen, models: dict[str, str], url: str) -> None:
    from mlwright.cli import look

    base = url if len(models) == 1 else f"{url}/models/NAME"
    rows = [
        ("predict", f"POST {base}/predict"),
        ("what a row holds", f"GET  {base}/schema"),
        ("all there is", f"GET  {url}/openapi.json"),
        ("alive, ready", f"GET  {url}/health  {url}/ready"),
        ("metrics", f"GET  {url}/metrics"),
    ]
    what = ", ".join(safe(path if len(models) == 1 else f"{name}={path}") for name, path in models.items())
    screen.show(look.title(f"serving {what}", "Ctrl-C stops it"), look.pairs(rows))


COMMAND = Command(
    name="serve",
    summary="Serve model files over HTTP.",
    about=(
        "Listens on this machine only unless --host says otherwise; beyond it, callers need tokens unless"
        " --insecure is said. SIGTERM or Ctrl-C answers what was accepted, then stops. SIGHUP reads the files"
        " anew: a model that is sound takes over without a request lost, another is refused."
    ),
    flags=(
        Flag("model", "A model file, or NAME=FILE", repeats=True),
        Flag("--host", "The address to listen on", default="127.0.0.1"),
        Flag("--port", "The port to listen on; 0 takes a free one", "whole", default=8080, short="-p"),
        Flag("--workers", "Processes that share the port", "whole", default=1, value="N", short="-w"),
        Flag(
            "--slo-ms",
            "Refuse a request that would be answered later than this",
            "number",
            default=100.0,
            value="MS",
        ),
        Flag("--max-rows", "The most rows in one request", "whole", default=10_000, value="N"),
        Flag(
            "--explain-rows",
            "The most rows in one request that wants explanations",
            "whole",
            default=16,
            value="N",
        ),
        Flag(
            "--explain-ms",
            "Refuse a request for explanations that would wait for others and be answered later than this",
            "number",
            default=1000.0,
            value="MS",
        ),
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
        Flag("--tls-certificate", "PEM file of the certificate chain: HTTPS instead of HTTP", value="FILE"),
        Flag("--tls-key", "PEM file of its private key", value="FILE"),
        Flag("--arrow", "Read Arrow streams, too (needs the extra arrow)", "nothing"),
        Flag(
            "--access-log",
            "Share of requests to write to standard error, as JSON lines",
            "number",
            default=0.0,
            value="SHARE",
        ),
        Flag(
            "--traces",
            "Send spans by OpenTelemetry, as its OTEL_ variables say (needs the extra otel)",
            "nothing",
        ),
    ),
    run=run,
    examples=(
        "mlwright serve loans.mlw",
        "mlwright serve loans.mlw --host 0.0.0.0 --tokens-file tokens.txt --workers 4",
        "mlwright serve loans.mlw fraud=models/fraud-7.mlw --access-log 0.01",
    ),
)
