"""Who may call what: bearer tokens from a file, and the rule that off loopback there must be some.

A token is `mlw_<id>_<secret>`, the secret 256 random bits. The file has one line a token: its id, the
HMAC-SHA-256 of its secret, its scopes joined by commas, and its expiry (seconds since 1970, or -). The key of
the HMAC is in `<file>.key`. Called by the endpoint with the Authorization header; nothing here logs either.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import time
from pathlib import Path
from typing import Literal

import msgspec

from mlwright.base.errors import EnvironmentProblem, Misuse
from mlwright.serving.answers import Refused

Permission = Literal["open", "predict", "metrics"]
SCOPES = ("predict", "metrics")
TOKENS_VARIABLE = "MLWRIGHT_TOKENS_FILE"
RELOAD_S = 2.0  # a revoked token is refused within 5 s

_TOKEN = re.compile(rb"[Bb][Ee][Aa][Rr][Ee][Rr] mlw_([0-9a-z]{1,32})_([0-9a-f]{64})")
_LINE = re.compile(r"([0-9a-z]{1,32}) ([0-9a-f]{64}) ([a-z,]+) (-|\d{1,12})")
_NOBODY = bytes(32)


class _Grant(msgspec.Struct, frozen=True):
    digest: bytes
    scopes: frozenset[str]
    expires_at: float


class Access:
    """Decides whether a request may pass. Without a file everything may."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._key = b""
        self._grants: dict[bytes, _Grant] = {}
        self._stamp: tuple[int, int, int] = (0, 0, 0)
        self._checked_at = 0.0
        if file is not None:
            self._key = _read_key(file)
            self._load(file)

    @property
    def demands_tokens(self) -> bool:
        return self._file is not None

    def check(self, permission: Permission, authorization: bytes) -> None:
        """Raises `Refused`: 401 without a valid token, 403 where it lacks the scope `permission`."""
        if permission == "open" or self._file is None:
            return
        grant = self._grant(authorization)
        if grant is None:
            message, remedy = "this needs a valid access token", "send 'Authorization: Bearer mlw_...'"
            challenge = b'WWW-Authenticate: Bearer realm="mlwright"'
            raise Refused(401, "token_needed", message, remedy, extra=(challenge,))
        if permission not in grant.scopes:
            raise Refused(
                403, "scope_missing", f"the token lacks the scope {permission!r}", "use another token"
            )

    def _grant(self, authorization: bytes) -> _Grant | None:
        self._reload()
        match = _TOKEN.fullmatch(authorization)
        identity, secret = (match[1], match[2]) if match else (b"", b"")
        grant = self._grants.get(identity)
        # One HMAC and one comparison whether or not the id exists, so that time tells nothing.
        sent = hmac.digest(self._key, secret, "sha256")
        is_equal = hmac.compare_digest(sent, grant.digest if grant else _NOBODY)
        return grant if grant and is_equal and time.time() < grant.expires_at else None

    def _reload(self) -> None:
        now = time.monotonic()
        if self._file is None or now - self._checked_at < RELOAD_S:
            return
        self._checked_at = now
        try:
            if _stamp_of(self._file) != self._stamp:
                self._load(self._file)
        except (OSError, Misuse, EnvironmentProblem):
            self._grants = {}  # a file that cannot be read grants nothing
            self._stamp = (0, 0, 0)

    def _load(self, file: Path) -> None:
        stamp = _stamp_of(file)
        grants = {}
        for number, line in enumerate(file.read_text(encoding="ascii", errors="replace").splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            match = _LINE.fullmatch(line)
            scopes = frozenset(match[3].split(",")) if match else frozenset()
            if match is None or not scopes <= set(SCOPES):
                raise Misuse(
                    "a line is not '<id> <hmac> <scopes> <expiry>'", where=f"{file.name}, line {number}"
                )
            expires_at = float("inf") if match[4] == "-" else float(match[4])
            grants[match[1].encode()] = _Grant(bytes.fromhex(match[2]), scopes, expires_at)
        self._grants, self._stamp = grants, stamp


def issue_token(file: Path, scopes: tuple[str, ...] = SCOPES, *, lasts_s: float | None = None) -> str:
    """Adds a token to `file` (made, with its key, where absent) and returns it: the only time it is seen.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     issue_token(Path(folder) / "tokens")[:4]
    'mlw_'
    """
    unknown = set(scopes) - set(SCOPES)
    if unknown or not scopes:
        raise Misuse(f"scopes are {', '.join(SCOPES)}; got {', '.join(sorted(unknown)) or 'none'}")
    key_file = _key_file(file)
    if not key_file.exists():
        _write_private(key_file, secrets.token_hex(32) + "\n")
    identity, secret = secrets.token_hex(6), secrets.token_hex(32)
    digest = hmac.digest(_read_key(file), secret.encode(), "sha256").hex()
    expiry = "-" if lasts_s is None else str(int(time.time() + lasts_s))
    _write_private(file, f"{identity} {digest} {','.join(scopes)} {expiry}\n")
    return f"mlw_{identity}_{secret}"


def access_for(host_is_loopback: bool, tokens_file: str, insecure: bool) -> Access:
    """The access rule of an endpoint. Raises `Misuse` for an open one off loopback."""
    name = tokens_file or os.environ.get(TOKENS_VARIABLE, "")
    if name:
        return Access(Path(name))
    if not host_is_loopback and not insecure:
        raise Misuse(
            "serving to other machines without access tokens",
            remedy=f"name a file of tokens in {TOKENS_VARIABLE}, or say insecure if the network is trusted",
        )
    return Access(None)


def _key_file(file: Path) -> Path:
    return file.with_name(file.name + ".key")


def _read_key(file: Path) -> bytes:
    key_file = _key_file(file)
    try:
        key = key_file.read_bytes().strip()
    except OSError as error:
        raise EnvironmentProblem(
            f"the key of the tokens cannot be read: {error.strerror}",
            where=str(key_file),
            remedy=f"make a token: mlwright token {file}",
        ) from error
    if len(key) < 32:
        raise EnvironmentProblem(
            "the key of the tokens is too short", where=key_file.name, remedy="issue new tokens"
        )
    return hashlib.sha256(key).digest()


def _write_private(file: Path, text: str) -> None:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        there = file.parent.is_dir()
        raise EnvironmentProblem(
            f"the tokens cannot be written: {error.strerror}",
            where=str(file),
            remedy="look at its permissions" if there else f"mkdir -p {file.parent}",
        ) from error
    with os.fdopen(descriptor, "w", encoding="ascii") as out:
        out.write(text)


def _stamp_of(file: Path) -> tuple[int, int, int]:
    try:
        stat = file.stat()
    except OSError as error:
        raise EnvironmentProblem(
            f"the tokens cannot be read: {error.strerror}",
            where=str(file),
            remedy=f"make a token: mlwright token {file}",
        ) from error
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
