"""Whether a booster's text is whole. LightGBM itself believes it: a file that was cut off, or a tree that
leads nowhere, ends the process instead of raising.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from mlwright.base.errors import NotAModel

_END = "end of trees"
_TREE = re.compile(r"^Tree=\d+$", re.MULTILINE)


def refuse_damage(text: str) -> None:
    """Raises `NotAModel` for a text that is cut off, or whose trees are not whole."""
    body, end, rest = text.partition(f"\n{_END}\n")
    head, *trees = _TREE.split(body)
    told = _fields(head)
    sizes = told.get("tree_sizes", "").split()
    unended = "\nparameters:\n" in rest and "\nend of parameters\n" not in rest
    if not end or unended or len(sizes) != len(trees):
        raise _damaged("it is cut off")
    try:
        columns = int(told["max_feature_idx"]) + 1
        whole = all(_is_whole(_fields(tree), columns) for tree in trees)
    except (KeyError, ValueError):
        whole = False
    first = text.encode().find(b"\nTree=") + 1
    if not whole or (trees and sum(map(int, sizes)) != len(f"{body}\n".encode()) - first):
        raise _damaged("a tree in it is not whole")


def _damaged(how: str) -> NotAModel:
    return NotAModel(f"a model of LightGBM that is damaged: {how}", remedy="save or copy it once more")


def _fields(part: str) -> dict[str, str]:
    pairs = (line.split("=", 1) for line in part.splitlines() if "=" in line)
    return dict(pairs)


def _is_whole(tree: Mapping[str, str], columns: int) -> bool:
    """Whether a tree has what its leaves need, splits by columns that are there, and leads from each node
    onwards to a later one or to a leaf. Raises `KeyError` or `ValueError` for what is no tree."""
    leaves, sets = int(tree["num_leaves"]), int(tree["num_cat"])
    if len([float(v) for v in tree["leaf_value"].split()]) != leaves:
        return False
    if leaves == 1:
        return True
    numbers = {
        name: list(map(int, tree[name].split())) for name in ("left_child", "right_child", "split_feature")
    }
    numbers["decision_type"] = list(map(int, tree["decision_type"].split()))
    counts = {len(values) for values in numbers.values()}
    counts.add(len([float(v) for v in tree["threshold"].split()]))
    if counts != {leaves - 1} or not all(0 <= j < columns for j in numbers["split_feature"]):
        return False
    for children in (numbers["left_child"], numbers["right_child"]):
        if not all(i < child < leaves - 1 or 0 <= ~child < leaves for i, child in enumerate(children)):
            return False
    if not sets:
        return not any(d & 1 for d in numbers["decision_type"])
    bounds = list(map(int, tree["cat_boundaries"].split()))
    words = list(map(int, tree["cat_threshold"].split()))
    rising = bounds == sorted(bounds) and bounds[0] == 0 and bounds[-1] == len(words)
    return rising and len(bounds) == sets + 1
