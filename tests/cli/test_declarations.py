"""The flags of `fit` and the settings of `lifecycle` are the same list: neither gains one alone."""

from mlwright.cli.commands.fit import COMMAND as FIT
from mlwright.cli.flags import ROLES
from mlwright.lifecycle.fit import FitSettings
from mlwright.lifecycle.read import RoleNames


def test_every_role_of_a_column_can_be_named():
    assert {f.key for f in ROLES} - {"kind"} == set(RoleNames.__annotations__) - {"kinds"}


def test_every_setting_of_fit_is_a_flag_with_the_same_default():
    flags = {f.key: f.default for f in FIT.flags}
    assert set(FitSettings.__struct_fields__) <= set(flags)
    settings = FitSettings()
    assert flags["seed"] == settings.seed
    assert flags["time_limit"] == f"{settings.time_limit:.0f}s"
    assert all(flags[k] is getattr(settings, k) is None for k in ("task", "metric", "max_trials", "threads"))
