"""Task kinds: one folder each, all of one shape, found by the entry points `mlwright.tasks`.

A kind turns a Dataset into a Problem that `training` can solve. Kinds never import each other.
"""

from mlwright.tasks.kind import Asked, TaskKind, kind_named

__all__ = ["Asked", "TaskKind", "kind_named"]
