"""Where a database is: its URL taken apart, and its password kept out of everything that is shown.

Used by the drivers and by whatever tells where a table came from. It opens nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from mlwright.base.errors import Misuse, UnknownName

Scheme = Literal["postgresql", "mysql", "sqlite", "duckdb"]
PASSWORD: Final = "MLWRIGHT_DB_PASSWORD"

_SCHEMES: Final[dict[str, Scheme]] = {
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
    "sqlite": "sqlite",
    "duckdb": "duckdb",
}
_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9]*)(?:\+[A-Za-z0-9_]+)?://", re.ASCII)
_PORTS: Final = {"postgresql": 5432, "mysql": 3306}
_SETTINGS: Final = {
    "postgresql": (
        "sslmode",
        "sslrootcert",
        "sslcert",
        "sslkey",
        "sslpassword",
        "connect_timeout",
        "application_name",
        "target_session_attrs",
        "gssencmode",
        "channel_binding",
    ),
    "mysql": ("ssl_ca", "ssl_cert", "ssl_key", "connect_timeout"),
}
_EVERYWHERE: Final = ("host", "port", "user", "password")
_SHORTEST_SECRET: Final = 3


@dataclass(frozen=True)
class Address:
    """A database; neither `repr` nor `shown` holds a secret."""

    scheme: Scheme
    database: str
    """The name on a server, the path of a file."""
    host: str = ""
    """A name, an address, or the folder of a socket (MySQL: the socket)."""
    port: int = 0
    user: str = ""
    password: str | None = field(default=None, repr=False)
    """None: whatever the driver finds by itself (PGPASSWORD, ~/.pgpass)."""
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def is_file(self) -> bool:
        return self.scheme in ("sqlite", "duckdb")

    @property
    def shown(self) -> str:
        """As people may see it: no user, no password, no settings, of a file only its name."""
        if self.is_file:
            return f"{self.scheme}:///{Path(self.database).name}"
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        host = "localhost" if self.host.startswith("/") else self.host
        return f"{self.scheme}://{host}{port}/{self.database}"

    @property
    def same_file(self) -> Path | None:
        """The file, followed to where it lies; None for a server."""
        return Path(self.database).resolve() if self.is_file else None

    def cleaned(self, text: str) -> str:
        """`text`, such as a driver's message, on one line, without any secret or control character."""
        secrets = {
            self.password,
            self.settings.get("sslpassword"),
            *map(os.environ.get, (PASSWORD, "PGPASSWORD")),
        }
        for secret in sorted((s for s in secrets if s and len(s) >= _SHORTEST_SECRET), key=len, reverse=True):
            text = text.replace(secret, "***")
        return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))


def is_database(source: object) -> bool:
    """Whether `source` is the URL of a database.

    >>> is_database("postgresql+psycopg://host/shop"), is_database("shop.db")
    (True, False)
    """
    match = _URL.match(source) if isinstance(source, str) else None
    return match is not None and match[1].lower() in _SCHEMES


def address_of(url: str) -> Address:
    """The parts of a database's URL. Raises `Misuse`, whose message never repeats the URL.

    >>> address_of("postgresql://ann:s%40crt@db.example.org/shop?sslmode=require")
    Address(scheme='postgresql', database='shop', host='db.example.org', port=5432, user='ann')
    >>> address_of("sqlite:///shop.db").database, address_of("sqlite:////var/shop.db").database
    ('shop.db', '/var/shop.db')
    """
    match = _URL.match(url)
    if match is None or match[1].lower() not in _SCHEMES:
        raise UnknownName("kind of database", match[1] if match else "", _SCHEMES)
    scheme = _SCHEMES[match[1].lower()]
    rest = url[match.end() :]
    if scheme in ("sqlite", "duckdb"):
        return Address(scheme, _path(scheme, rest))
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if not parts.netloc or parts.fragment:
        raise Misuse(
            "the URL of the database cannot be read",
            where=f"{scheme}://...",
            remedy=f"write {scheme}://USER@HOST:PORT/DATABASE, in a password @ : / ? # and % as %40 %3A "
            f"%2F %3F %23 %25, or give the password in {PASSWORD}",
        ) from None
    return _server(scheme, parts, port)


def _server(scheme: Scheme, parts: SplitResult, port: int | None) -> Address:
    said = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in said:
        if name not in (*_EVERYWHERE, *_SETTINGS[scheme]):
            raise UnknownName("setting of the URL", name, (*_EVERYWHERE, *_SETTINGS[scheme]))
    database = unquote(parts.path.removeprefix("/"))
    if not database:
        raise Misuse(
            "the URL names no database",
            where=f"{scheme}://...",
            remedy=f"write {scheme}://USER@HOST/DATABASE",
        )
    if not said.get("port", "0").isdigit():
        raise Misuse("the port is no number", where=f"{scheme}://...", remedy="give one, such as port=5432")
    password = said.get("password", None if parts.password is None else unquote(parts.password))
    return Address(
        scheme,
        database,
        host=said.get("host") or unquote(parts.hostname or "") or "localhost",
        port=int(said.get("port") or 0) or port or _PORTS[scheme],
        user=said.get("user") or unquote(parts.username or ""),
        password=password or os.environ.get(PASSWORD) or None,
        settings={k: v for k, v in said.items() if k not in _EVERYWHERE},
    )


def _path(scheme: Scheme, rest: str) -> str:
    path = rest.removeprefix("/")
    if not rest.startswith("/"):
        raise Misuse(
            f"a {scheme} URL has three slashes before a path",
            where=f"{scheme}://{rest}",
            remedy=f"write {scheme}:///{rest or 'shop.db'}, or four slashes before an absolute path",
        )
    if path in ("", ":memory:"):
        raise Misuse(
            "a database in memory holds nothing yet", where=f"{scheme}://{rest}", remedy="name its file"
        )
    return path
