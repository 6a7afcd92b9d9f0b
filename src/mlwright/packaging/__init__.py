"""From a Blend to a `.mlw`: one graph, a parity report, synthetic samples, the card, the file's bytes.

Called by `training` (the Blend) and `lifecycle` (`package`). It trains nothing and opens nothing but what
it wrote.
"""

from mlwright.packaging.blend import Blend, Member
from mlwright.packaging.package import Evidence, package, package_graph, prediction_profiles

__all__ = ["Blend", "Evidence", "Member", "package", "package_graph", "prediction_profiles"]
