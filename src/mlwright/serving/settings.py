"""ServeSettings: every limit and switch of the endpoint, in one frozen value passed explicitly.

Made by `lifecycle` from command-line options; read all over `serving`. Sizes are bytes, times seconds.
"""

from __future__ import annotations

import ipaddress

import msgspec

from mlwright.base.errors import Misuse


class ServeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one endpoint.

    >>> ServeSettings(slo_ms=20.0).max_body_bytes
    8388608
    """

    max_body_bytes: int = 8 * 1024 * 1024
    """The longest body of a request; a longer one is 413."""
    max_rows: int = 10_000
    """The most rows in one request; more are 413."""
    max_held_bytes: int = 256 * 1024 * 1024
    """Bodies in memory, of all connections, received or waiting for an answer; beyond it new ones are 503."""
    max_connections: int = 1024
    """Open connections in total."""
    max_connections_per_peer: int = 512
    """Open connections from one address; trusted proxies are exempt."""
    reserved_connections: int = 16
    """Connections beyond the caps that may ask for /health, /ready and /metrics only."""
    pipelined: int = 16
    """Requests of one connection that wait for an answer; then reading pauses."""
    head_s: float = 5.0
    """From the first byte of a head to its end."""
    body_bytes_per_s: int = 1024
    """The slowest a body may arrive, after the first `head_s` seconds of it."""
    write_stall_s: float = 10.0
    """How long a peer may take no bytes of an answer that waits for it."""
    idle_s: float = 75.0
    """How long a connection may stay open between requests."""
    slo_ms: float = 100.0
    """Milliseconds within which requests are to be answered; what would take longer is refused with 503."""
    explain_rows: int = 16
    """The most rows in one request that wants explanations, which cost tens of milliseconds each."""
    explain_ms: float = 1000.0
    """Milliseconds within which explained requests are to be answered; what would take longer is refused with
    503, unless nobody is before it."""
    inline_ms: float = 5.0
    """Batches predicted to take longer run in a worker thread, so that the loop stays free."""
    inline_body_bytes: int = 128 * 1024
    """Longer bodies are decoded in the worker thread."""
    batch_rows: int = 1024
    """The most rows that wait together for one run of the graph (one larger request runs alone)."""
    drain_s: float = 20.0
    """After SIGTERM: the longest wait for accepted requests."""
    drain_idle_s: float = 1.0
    """After SIGTERM: how long a silent connection stays open, for a request already on its way."""
    hosts: tuple[str, ...] = ()
    """Further names that a request's Host may say on loopback, besides localhost, 127.0.0.1 and [::1]."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses of proxies in front of this endpoint."""
    tokens_file: str = ""
    """File of access tokens; where empty, the environment variable MLWRIGHT_TOKENS_FILE is asked."""
    insecure: bool = False
    """Serve off loopback without tokens."""
    workers: int = 1
    """Processes; more than one are started and watched by a supervisor."""
    worker_silence_s: float = 30.0
    """A worker of several whose loop gives no sign for so long is killed and started again."""
    tls_certificate: str = ""
    """PEM file of the certificate chain; with it and its key, the endpoint speaks HTTPS only."""
    tls_key: str = ""
    """PEM file of the certificate's private key."""
    arrow: bool = False
    """Read bodies that are Arrow streams, which takes pyarrow (the extra `arrow`)."""
    traces: bool = False
    """Send a span for each answer by OpenTelemetry, as its own environment variables (OTEL_...) say."""
    access_log: float = 0.0
    """Share of requests that are written to the log `mlwright.access`, one JSON object a line; where it is
    above 0, failures of the server (5xx, but for 503) are all written."""

    def __post_init__(self) -> None:
        for name in (
            "max_body_bytes",
            "max_rows",
            "max_connections",
            "pipelined",
            "batch_rows",
            "slo_ms",
            "explain_rows",
            "explain_ms",
            "workers",
            "worker_silence_s",
        ):
            if getattr(self, name) <= 0:
                raise Misuse(f"{name} must be above 0, got {getattr(self, name)}", where="serve settings")
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise Misuse("TLS needs a certificate and its key, both", where="serve settings")
        if not 0.0 <= self.access_log <= 1.0:
            raise Misuse(
                f"access_log is a share from 0 to 1, got {self.access_log:g}", where="serve settings"
            )


def is_loopback(host: str) -> bool:
    """Whether `host` names this machine only.

    >>> is_loopback("localhost"), is_loopback("::1"), is_loopback("0.0.0.0"), is_loopback("example.org")
    (True, True, False, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
