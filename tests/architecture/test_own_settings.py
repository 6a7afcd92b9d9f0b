"""The tests leave nothing behind that another run could trip over, and no clock can fail them."""

from __future__ import annotations

import pytest
from hypothesis import settings

PYTEST_SKIPS = {"*.egg", ".*", "_darcs", "build", "CVS", "dist", "node_modules", "venv", "{arch}"}
"""What pytest passes over where no setting says otherwise; Hypothesis warns of its own folder otherwise."""


def test_folders_that_pytest_passes_over_are_still_passed_over(pytestconfig: pytest.Config) -> None:
    assert set(pytestconfig.getini("norecursedirs")) >= PYTEST_SKIPS


def test_hypothesis_keeps_no_examples_between_runs_and_watches_no_clock() -> None:
    now = settings()
    assert now.database is None
    assert now.deadline is None
