"""mlwright: raw data in; a checked, honestly evaluated, portable model out, served to live traffic."""

from mlwright.version import __version__

__all__ = ["__version__"]
