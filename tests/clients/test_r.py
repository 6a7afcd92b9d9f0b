"""The R package: installed by R, its own tests run against real endpoints, with answers that Python gave."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.artifact.conftest import file_of
from tests.client.test_clients import PROFILE

from mlwright import artifact
from mlwright.base.canonical import canonical_json
from mlwright.serving import ServeSettings, issue_token, running

pytestmark = pytest.mark.slow  # R takes seconds to install a package
PACKAGE = Path(__file__).parents[2] / "clients" / "r"
NEEDED = ("httr2", "jsonlite", "testthat")
PEOPLE: list[dict[str, Any]] = [
    {"age": 30.5, "member": True, "city": "Rome"},
    {"age": None, "member": False, "city": "Oslo"},
    {"age": 61.0, "member": None, "city": None},
]


@pytest.fixture(scope="module")
def rscript() -> str:
    fetched = Path(sys.prefix) / "servers" / "r" / "bin"
    found = shutil.which("Rscript", path=fetched) or shutil.which("Rscript")
    if found is None:
        pytest.skip("there is no Rscript here: make .venv/servers/.r fetches one")
    code = f"cat(all(sapply(c{NEEDED}, requireNamespace, quietly = TRUE)))"
    done = subprocess.run([found, "-e", code], capture_output=True, text=True, check=False)
    if done.stdout != "TRUE":
        pytest.skip(f"R lacks one of {', '.join(NEEDED)}")
    return found


@pytest.fixture(scope="module")
def library(rscript: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the package is installed, from a copy: R leaves nothing in the sources."""
    folder = tmp_path_factory.mktemp("r")
    source = shutil.copytree(PACKAGE, folder / "source")
    (folder / "library").mkdir()
    command = [Path(rscript).with_name("R"), "CMD", "INSTALL", f"--library={folder / 'library'}", source]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr, done.stderr
    return folder / "library"


@pytest.fixture(scope="module")
def asked(file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables by which the package's tests find their endpoints."""
    from interval_models import interval_model

    folder = tmp_path_factory.mktemp("models")
    (folder / "price.mlw").write_bytes(interval_model())
    (folder / "explained.mlw").write_bytes(file_of("binary", profile_json=canonical_json(PROFILE)))
    files = {"bought": file, "price": folder / "price.mlw", "explained": folder / "explained.mlw"}
    token = issue_token(folder / "tokens", ("predict",))
    open_to_all = ServeSettings(slo_ms=10_000.0, explain_ms=60_000.0)
    guarded = ServeSettings(slo_ms=10_000.0, tokens_file=str(folder / "tokens"))
    silent = socket.create_server(("127.0.0.1", 0))  # takes connections and says nothing
    with silent, running(files, open_to_all) as url, running({"bought": file}, guarded) as behind:
        yield {
            "MLWRIGHT_TEST_URL": url,
            "MLWRIGHT_TEST_GUARDED": behind,
            "MLWRIGHT_TEST_TOKEN": token,
            "MLWRIGHT_TEST_SLOW": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "MLWRIGHT_TEST_EXPECTED": json.dumps(artifact.load(file).predict_proba(PEOPLE)[:, 1].tolist()),
        }


def test_the_r_package_passes_its_own_tests_against_real_endpoints(rscript, library, asked):
    code = f"""
library(mlwright, lib.loc = "{library}")
found <- as.data.frame(testthat::test_dir(
  "{PACKAGE / "tests" / "testthat"}", package = "mlwright", load_package = "installed",
  reporter = testthat::SummaryReporter$new(), stop_on_failure = FALSE
))
cat("\\nresult", sum(found$nb), sum(found$failed), sum(found$error), sum(found$skipped), sum(found$warning))
"""
    environment = {**os.environ, **asked, "R_LIBS": str(library), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [rscript, "-e", code], env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    numbers = [int(n) for n in done.stdout.rpartition("\nresult ")[2].split()]
    assert done.returncode == 0 and numbers[0] >= 60, done.stdout[-4000:] + done.stderr[-2000:]
    assert numbers[1:] == [0, 0, 0, 0], done.stdout[-4000:]


def test_every_exported_function_is_documented(rscript, library):
    exported = {
        line.partition("(")[2].rstrip(")")
        for line in (PACKAGE / "NAMESPACE").read_text().splitlines()
        if line.startswith("export(")
    }
    pages = [page.read_text() for page in sorted((PACKAGE / "man").glob("*.Rd"))]
    told = {name for name in exported if any(f"\\alias{{{name}}}" in page for page in pages)}
    assert exported and told == exported
    code = f"""
for (page in list.files("{PACKAGE / "man"}", full.names = TRUE)) {{
  problems <- capture.output(print(tools::checkRd(page)))
  if (length(problems)) stop(paste(page, problems, collapse = "\\n"))
}}
problems <- capture.output(print(tools::codoc("mlwright", lib.loc = "{library}")))
if (length(problems)) stop(paste(problems, collapse = "\\n"))
"""
    done = subprocess.run([rscript, "-e", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
