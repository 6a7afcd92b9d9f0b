"""The entry for people and CI: what it offers, and that it is the same one."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def test_ci_runs_what_developers_run():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "set -euo pipefail" in script.read_text() and "make test" in script.read_text()


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")
def test_make_help_lists_every_target_that_people_call():
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = set(re.findall(r"^  make ([a-z-]+)", done.stdout, re.M))
    declared = re.search(r"^\.PHONY: (.+)$", MAKEFILE, re.M)
    assert declared is not None and listed == set(declared[1].split())


def test_every_make_target_that_the_docs_name_exists():
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    named = {t for p in pages for t in re.findall(r"(?:`|^    )make ([a-z-]+)", p.read_text(), re.M)}
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.M))
    assert named and named <= targets


def test_the_licence_is_whole():
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text and "END OF TERMS AND CONDITIONS" in text
