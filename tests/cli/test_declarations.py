"""The flags of commands and the settings of `lifecycle` are the same list: neither gains one alone."""

import dataclasses

from mlwright.cli.commands import COMMANDS
from mlwright.cli.commands.fit import COMMAND as FIT
from mlwright.cli.flags import ROLES, WRITTEN
from mlwright.lifecycle.fit import FitSettings
from mlwright.lifecycle.read import RoleNames
from mlwright.sources import ReadOptions

ELSEWHERE = {"schema", "query", "table", "parameters"}
"""Arguments beside the roles, whose flags stand among those of how a table is read."""


def test_every_role_of_a_column_can_be_named():
    assert {f.key for f in ROLES} - {"kind"} == set(RoleNames.__annotations__) - {"kinds", *ELSEWHERE}


def test_every_setting_of_fit_is_a_flag_with_the_same_default():
    flags = {f.key: f.default for f in FIT.flags}
    assert set(FitSettings.__struct_fields__) <= set(flags)
    settings = FitSettings()
    assert flags["seed"] == settings.seed
    assert flags["time_limit"] == f"{settings.time_limit:.0f}s"
    assert all(flags[k] is getattr(settings, k) is None for k in ("task", "metric", "max_trials", "threads"))


def test_all_that_can_be_said_about_a_file_is_a_flag_of_every_command_that_reads_one():
    other_names = {
        "no_header": "header",
        "column_names": "names",
        "date_format": "dates",
        "parameter": "parameters",
    }
    said = {other_names.get(f.key, f.key) for f in WRITTEN}
    assert said == {f.name for f in dataclasses.fields(ReadOptions)}
    readers = {c.name for c in COMMANDS if set(WRITTEN) <= set(c.flags)}
    assert readers == {c.name for c in COMMANDS if {"source", "--example"} & {f.name for f in c.flags}}
    assert readers == {
        "check",
        "compare",
        "convert",
        "evaluate",
        "explain",
        "fit",
        "predict",
        "schema",
        "split",
    }
