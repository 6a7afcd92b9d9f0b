"""Transforms: fitted steps from decoded columns to the numeric matrices that learners see, and their graph
nodes.

A `FeaturePlan` is fitted on the training rows of one fold. The matrix a learner is trained on is computed by
running the very nodes that will serve; only strings are mapped to codes in numpy, once per distinct value.
"""

from mlwright.features.plan import FeaturePlan
from mlwright.features.table import Table, table_of
from mlwright.features.transform import Feature, Inputs, Transform
from mlwright.features.views import VIEWS

__all__ = ["VIEWS", "Feature", "FeaturePlan", "Inputs", "Table", "Transform", "table_of"]
