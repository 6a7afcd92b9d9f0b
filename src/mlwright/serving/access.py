"""Who may call what: bearer tokens from a file, and the rule that off loopback there must be some.

A token is `mlw_<id>_<secret>`, the secret 256 random bits. The file has one line a token: its id, the
HMAC-SHA-256 of its secret, its scopes joined by commas (`predict` for every model, `predict:loans` for one),
and its expiry (seconds since 1970, or -). The key of the HMAC is in `<file>.key`. Called by the front with
the Authorization header; nothing here logs either.
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import os
import re
import secrets
import time
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from mlwright.base.errors import EnvironmentProblem, Misuse
from mlwright.base.naming import MODEL_NAME
from mlwright.serving.answers import Refused

Permission = Literal["open", "predict", "metrics", "admin"]
SCOPES = ("predict", "metrics", "admin")
TOKENS_VARIABLE = "MLWRIGHT_TOKENS_FILE"
RELOAD_S = 2.0  # a revoked token is refused within 5 s

_TOKEN = re.compile(rb"[Bb][Ee][Aa][Rr][Ee][Rr] mlw_([0-9a-z]{1,32})_([0-9a-f]{64})")
_LINE = re.compile(r"([0-9a-z]{1,32}) ([0-9a-f]{64}) ([A-Za-z0-9:,._-]+) (-|\d{1,12})")
_NOBODY = bytes(32)


class Caller(NamedTuple):
    """Who was let in: a token's id, or "" where none is asked for, and until when (seconds since 1970)."""

    identity: str = ""
    until: float = float("inf")


ANYBODY = Caller()


class _Grant(msgspec.Struct, frozen=True):
    digest: bytes
    scopes: frozenset[str]
    """`predict` for all models, `predict:loans` for one."""
    caller: Caller

    def allows(self, permission: str, name: str | None) -> bool:
        return permission in self.scopes or (
            self.knows(permission) if name is None else f"{permission}:{name}" in self.scopes
        )

    def knows(self, permission: str) -> bool:
        """Whether it allows this for any model at all."""
        return any(s.partition(":")[0] == permission for s in self.scopes)


class Access:
    """Decides whether a request may pass. Without a file everything may."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._key = b""
        self._grants: dict[bytes, _Grant] = {}
        self._stamp: tuple[int, int, int] = (0, 0, 0)
        self._checked_at = 0.0
        self.edition = 0
        """Grows whenever the file was read anew: what was let in before must be asked again."""
        if file is not None:
            self._key = _read_key(file)
            self._load(file)

    @property
    def demands_tokens(self) -> bool:
        return self._file is not None

    def check(self, permission: Permission, authorization: bytes, name: str | None = None) -> Caller:
        """Who asks, where he may do `permission` to the model `name`: "" for all of them, None for any.

        Raises `Refused`: 401 without a valid token, 403 where it lacks the scope, and 404 for a model that is
        not the caller's, as for one that is not there.
        """
        if permission == "open":
            return ANYBODY
        if self._file is None:
            if permission == "admin":
                message, remedy = "commands need an access token", "serve with a file of tokens"
                raise Refused(403, "token_needed", message, remedy)
            return ANYBODY
        grant = self._grant(authorization)
        if grant is None:
            message, remedy = "this needs a valid access token", "send 'Authorization: Bearer mlw_...'"
            challenge = b'WWW-Authenticate: Bearer realm="mlwright"'
            raise Refused(401, "token_needed", message, remedy, extra=(challenge,))
        if not grant.allows(permission, name):
            if name and grant.knows(permission):
                raise no_such_model()
            message = f"the token lacks the scope {permission!r}"
            raise Refused(403, "scope_missing", message, "use another token")
        return grant.caller

    def may(self, permission: Permission, caller: Caller, name: str) -> bool:
        """Whether someone who was let in may do `permission` to the model `name`."""
        grant = self._grants.get(caller.identity.encode())
        return self._file is None or (grant is not None and grant.allows(permission, name))

    def refresh(self) -> int:
        """Reads the file again where it changed; returns its edition."""
        self._reload()
        return self.edition

    def _grant(self, authorization: bytes) -> _Grant | None:
        self._reload()
        match = _TOKEN.fullmatch(authorization)
        identity, secret = (match[1], match[2]) if match else (b"", b"")
        grant = self._grants.get(identity)
        # One HMAC and one comparison whether or not the id exists, so that time tells nothing.
        sent = hmac.digest(self._key, secret, "sha256")
        is_equal = hmac.compare_digest(sent, grant.digest if grant else _NOBODY)
        return grant if grant and is_equal and time.time() < grant.caller.until else None

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
            self.edition += 1

    def _load(self, file: Path) -> None:
        stamp = _stamp_of(file)
        grants = {}
        for number, line in enumerate(file.read_text(encoding="ascii", errors="replace").splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            match = _LINE.fullmatch(line)
            scopes = frozenset(match[3].split(",")) if match else frozenset()
            if match is None or not all(map(_is_scope, scopes)):
                raise Misuse(
                    "a line is not '<id> <hmac> <scopes> <expiry>'", where=f"{file.name}, line {number}"
                )
            expires_at = float("inf") if match[4] == "-" else float(match[4])
            grants[match[1].encode()] = _Grant(bytes.fromhex(match[2]), scopes, Caller(match[1], expires_at))
        self._grants, self._stamp = grants, stamp
        self.edition += 1


def no_such_model() -> Refused:
    """The refusal of a name that is not served, or not to this caller."""
    return Refused(404, "no_such_model", "there is no such model here", "GET /models lists yours")


def issue_token(
    file: Path, scopes: tuple[str, ...] = ("predict", "metrics"), *, lasts_s: float | None = None
) -> str:
    """Adds a token to `file` (made, with its key, where absent) and returns it: the only time it is seen.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     issue_token(Path(folder) / "tokens")[:4]
    'mlw_'
    """
    unknown = sorted(s for s in set(scopes) if not _is_scope(s))
    if unknown or not scopes:
        raise Misuse(
            f"scopes are {', '.join(SCOPES)}; got {', '.join(unknown) or 'none'}",
            remedy="say predict, or predict:NAME for one model",
        )
    key_file = _key_file(file)
    if not key_file.exists():
        _write_private(key_file, secrets.token_hex(32) + "\n")
    identity, secret = secrets.token_hex(6), secrets.token_hex(32)
    digest = hmac.digest(_read_key(file), secret.encode(), "sha256").hex()
    expiry = "-" if lasts_s is None else str(int(time.time() + lasts_s))
    _write_private(file, f"{identity} {digest} {','.join(scopes)} {expiry}\n")
    return f"mlw_{identity}_{secret}"


def _is_scope(text: str) -> bool:
    permission, colon, name = text.partition(":")
    if permission not in SCOPES or (colon and permission == "metrics"):  # metrics are of the whole server
        return False
    return not colon or bool(MODEL_NAME.fullmatch(name))


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
    """Adds `text` to a file that only its owner reads: whole, or not at all, for half a line would cost all
    others their right."""
    is_new, data = not file.exists(), text.encode("ascii")
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            try:
                if os.write(descriptor, data) < len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)
    except OSError as error:
        there = file.parent.is_dir()
        if there and is_new:
            file.unlink(missing_ok=True)
        raise EnvironmentProblem(
            f"the tokens cannot be written: {error.strerror}",
            where=str(file),
            remedy="look at its permissions and the room on its disk" if there else f"mkdir -p {file.parent}",
        ) from error


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
