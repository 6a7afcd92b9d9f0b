"""What several kinds of tests share: the demo's folder with a model trained once for the whole run."""

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import database_servers
import pytest
from hypothesis import settings

# No folder of examples that one run would leave to the next, and no clock: a busy machine fails no test.
settings.register_profile("mlwright", database=None, deadline=None)
settings.load_profile("mlwright")


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `mlwright demo` leaves behind, made once in a few seconds. Not to be changed.

    Processes that run tests side by side share it: the first that needs it makes it.
    """
    from mlwright.cli.commands.demo import LEAK, MODEL, TABLE, TARGET, write_tables
    from mlwright.lifecycle import fit

    base = tmp_path_factory.getbasetemp()
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = root / "demo" / "mlwright-demo"
    with alone(root / "demo.lock"):
        if not (folder / "card.md").exists():  # the last that is written
            write_tables(folder)
            model = fit(folder / TABLE, target=TARGET, drop=(LEAK,), time_limit="8s")
            model.save(folder / MODEL)
            (folder / "card.md").write_text(model.card, encoding="utf-8")
    return folder


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """What is done within is done by one process at a time; the lock goes with a process that dies."""
    with path.open("w") as file:
        with contextlib.suppress(ImportError):  # Windows, where one process runs all tests
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture
def place(demo_folder: Path, tmp_path: Path) -> Path:
    """A folder of one's own, with a copy of the demo's folder in it."""
    shutil.copytree(demo_folder, tmp_path / "mlwright-demo")
    return tmp_path


@pytest.fixture(scope="session")
def environment() -> Callable[[], dict[str, str]]:
    """Environment variables for a child process that finds this interpreter's commands and draws plainly."""

    def make() -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        return {**os.environ, "PATH": path, "NO_COLOR": "1", "COLUMNS": "100"}

    return make


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[database_servers.Server]:
    """A running PostgreSQL; the test is skipped with the reason where there is none."""
    try:
        with database_servers.postgresql() as server:
            yield server
    except database_servers.Absent as why:
        pytest.skip(str(why))


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[database_servers.Server]:
    """A running MariaDB; the test is skipped with the reason where there is none."""
    try:
        with database_servers.mariadb() as server:
            yield server
    except database_servers.Absent as why:
        pytest.skip(str(why))


@pytest.fixture(params=["postgresql", "mysql", "sqlite", "duckdb"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind in turn."""
    if request.param in ("sqlite", "duckdb"):
        return f"{request.param}:///{tmp_path / 'shop'}.{request.param}"
    name = {"postgresql": "postgresql_server", "mysql": "mariadb_server"}[request.param]
    return request.getfixturevalue(name).fresh()
