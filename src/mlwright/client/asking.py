"""What is asked of an endpoint, and how its answers are read: the part of a client that has no sockets.

Both clients send an `Asked` and give its `read` the `Reply`; so they cannot differ in what they mean.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import urlsplit

from mlwright.base.errors import Misuse
from mlwright.base.naming import MODEL_NAME, shown_source

TOKEN_VARIABLE = "MLWRIGHT_TOKEN"
LONGEST_S = 86_400.0
_PLAIN_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)*/?")

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Reply(NamedTuple):
    """One answer of HTTP. Names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Asked(NamedTuple, Generic[T_co]):
    """One request, and what its answer means."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None
    read: Callable[[Reply], T_co]
    """Raises what the answer says."""


class Options(NamedTuple):
    """What is wanted of rows, as the endpoint names it."""

    partial: bool = False
    proba: bool = True
    sets: float | None = None
    interval: float | None = None
    abstain: float | None = None
    explain: bool = False

    @property
    def query(self) -> str:
        """The options that are not as usual.

        >>> Options(partial=True, sets=0.1).query, Options().query
        ('?partial=true&set=0.1', '')
        """
        rates = {"set": self.sets, "interval": self.interval, "abstain": self.abstain}
        said = ["partial=true"] * self.partial + ["proba=false"] * (not self.proba)
        said += [f"{name}={rate_of(name, rate)!r}" for name, rate in rates.items() if rate is not None]
        said += ["explain=true"] * self.explain
        return f"?{'&'.join(said)}" if said else ""


class Address:
    """Where an endpoint is, which of its models is meant, and what lets one in. It is never shown whole."""

    def __init__(self, url: str, model: str, token: str | None, timeout_s: float) -> None:
        if not isinstance(url, str):
            raise Misuse(f"an address is a text, not {type(url).__name__}", remedy=_SUCH)
        shown = shown_source(url)
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise Misuse(f"this is no address: {error}", where=shown, remedy=_SUCH) from None
        if parts.scheme not in ("http", "https") or not parts.hostname or not _PATH.fullmatch(parts.path):
            raise Misuse("this is no address of an endpoint", where=shown, remedy=_SUCH)
        if parts.query or parts.fragment or parts.username is not None:
            message = "an address holds neither a user, a query nor a fragment"
            raise Misuse(message, where=shown, remedy=f"give token=, or set {TOKEN_VARIABLE}")
        if model and not MODEL_NAME.fullmatch(model):
            raise Misuse(
                f"{model!r} is no name of a model", where=shown, remedy="client.models() lists yours"
            )
        if not isinstance(timeout_s, (int, float)) or not 0.001 <= timeout_s <= LONGEST_S:
            message = f"timeout_s is from 0.001 to {LONGEST_S:.0f} seconds, got {timeout_s!r}"
            raise Misuse(message, where=shown)
        if token is None:
            token = os.environ.get(TOKEN_VARIABLE, "")
        if token and not _PLAIN_TOKEN.fullmatch(token):  # which is not shown
            raise Misuse("the token holds what no token holds", where=shown, remedy="give it without blanks")
        self.is_tls, self.host = parts.scheme == "https", parts.hostname
        self.port = port if port is not None else 443 if self.is_tls else 80
        self.model, self.timeout_s = model, timeout_s
        self.prefix = parts.path.rstrip("/")
        self.url = f"{parts.scheme}://{parts.netloc}{self.prefix}"
        self._token = token

    def __repr__(self) -> str:
        return f"{self.url}, model {self.model!r}" if self.model else self.url

    def get(self, path: str, read: Callable[[Reply], T]) -> Asked[T]:
        """A question without a body."""
        return Asked("GET", self.prefix + path, self._headers(), None, read)

    def post(self, path: str, kind: str, body: bytes, read: Callable[[Reply], T]) -> Asked[T]:
        """A question with a body of content type `kind`. The endpoint lets be what would come too late."""
        more = {"Content-Type": kind, "X-Deadline-Ms": f"{self.timeout_s * 1000.0:.0f}"}
        return Asked("POST", self.prefix + path, self._headers() | more, body, read)

    def of_model(self, path: str) -> str:
        """The path of something about the model that is meant."""
        return f"/models/{self.model}{path}" if self.model else path

    def _headers(self) -> dict[str, str]:
        """One id for all tries of a call: it is in the endpoint's log and comes back with each answer."""
        headers = {"Accept": "*/*", "X-Request-Id": uuid.uuid4().hex}
        return headers | ({"Authorization": f"Bearer {self._token}"} if self._token else {})


_SUCH = "give one such as http://127.0.0.1:8080"


def counted(connections: object) -> int:
    """How many connections may be kept. Raises `Misuse`."""
    if isinstance(connections, bool) or not isinstance(connections, int) or connections < 1:
        raise Misuse(f"connections= is not {connections!r}", remedy="give a number from 1 on")
    return connections


def rate_of(name: str, rate: Any) -> float:  # Any: whatever was given
    """`rate` as an error rate. Raises `Misuse`."""
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0.0 < rate < 1.0:
        raise Misuse(f"{name}: {rate!r} is no error rate between 0 and 1", remedy="give such as 0.1")
    return float(rate)
