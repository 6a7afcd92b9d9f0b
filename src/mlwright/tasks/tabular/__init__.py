"""Tabular classification and regression: one row, one answer. The default for every file of a kind."""

from mlwright.tasks.tabular.problem import Tabular

KIND = Tabular()

__all__ = ["KIND", "Tabular"]
