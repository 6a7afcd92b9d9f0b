"""What the attributes of tree ensembles, n-gram counters and layers of networks may say, checked before
anything runs them.

Called by `scan`. onnxruntime descends into a tree by recursion and trusts an n-gram counter's bounds: a chain
of 12,000 nodes ends the process on a stack of 8 MiB, 1,000 on one of 512 KiB, a skip of 2**40 never ends,
and a list of indexes that is too short aborts (measured with 1.32.0). Padding takes the memory that it says.
What onnxruntime refuses itself is left to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mlwright.graph.reader import refuse

DEEPEST_TREE = 512
"""Nodes on the longest way through a tree."""

_LONGEST_GRAM, _MOST_SKIPS, _MOST_GRAMS = 8, 8, 1_000_000
_MOST_PADDED, _WIDEST_WINDOW, _MOST_AXES = 1_000_000, 1_000_000, 3
_MOST_HIDDEN = 65_536
_DIRECTIONS = {"forward": 1, "reverse": 1, "bidirectional": 2}
_CURVES = frozenset(("Relu", "Sigmoid", "Tanh"))
"""What a recurrent layer may bend its numbers by; others have settings of their own."""

Ints = npt.NDArray[np.int64]


@dataclass
class Attribute:
    """One attribute of a node, as places in the bytes."""

    name: str = ""
    kind: int = 0
    places: list[tuple[int, int, int]] = field(default_factory=list)
    """Field number, then the value and 0 of a number, or the first and the last offset of anything else."""
    numbers: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    """The list of whole numbers, where it holds one."""
    texts: list[str] = field(default_factory=list)
    """The text, or the list of texts, where it holds one."""

    def number(self, default: int) -> int:
        """The whole number that it holds."""
        held = [value for number, value, _ in self.places if number == 3]
        return held[0] if held else default


Attributes = Mapping[str, Attribute]


def check_attributes(operator: str, attributes: Attributes) -> None:
    """Refuses attributes that onnxruntime would follow to its death; other operators pass."""
    check = _CHECKS.get(operator)
    if check is not None:
        check(attributes)


def tree_steps(attributes: Attributes) -> float:
    """Nodes that a row passes in the trees of a node, were they even; 0 of any other operator."""
    absent = Attribute()
    trees = len(attributes.get("tree_roots", absent).numbers)
    nodes = len(attributes.get("nodes_truenodeids", absent).numbers)
    return trees * math.log2(1.0 + nodes / trees) if trees else 0.0


def gram_columns(attributes: Attributes) -> int:
    """How many columns an n-gram counter makes of a row; 0 of any other operator."""
    indexes = attributes.get("ngram_indexes", Attribute()).numbers
    return int(indexes.max()) + 1 if len(indexes) else 0


def _check_trees(attributes: Attributes) -> None:
    """Every way through every tree is short; a circle is a way without end."""
    absent = Attribute()
    names = ("nodes_truenodeids", "nodes_falsenodeids", "nodes_trueleafs", "nodes_falseleafs", "tree_roots")
    true, false, true_leaf, false_leaf, level = (attributes.get(n, absent).numbers for n in names)
    count = len(true)
    if not count or {len(false), len(true_leaf), len(false_leaf)} != {count} or not len(level):
        refuse("a tree ensemble's lists of nodes have different lengths, or none")
    children = np.concatenate([true[true_leaf == 0], false[false_leaf == 0], level])
    if children.min() < 0 or children.max() >= count:
        refuse("a tree ensemble leads to a node that it does not have")
    depth = 0
    while len(level):
        depth += 1
        if depth > DEEPEST_TREE:
            refuse(f"a tree is deeper than {DEEPEST_TREE} nodes, or leads in a circle")
        level = np.unique(
            np.concatenate([true[level][true_leaf[level] == 0], false[level][false_leaf[level] == 0]])
        )


def _check_grams(attributes: Attributes) -> None:
    """The pool is divided as the counts say, with one index for each n-gram of it."""
    absent = Attribute()
    shortest = attributes.get("min_gram_length", absent).number(0)
    longest = attributes.get("max_gram_length", absent).number(0)
    if not 1 <= shortest <= longest <= _LONGEST_GRAM:
        refuse(
            f"an n-gram counter has n-grams of {shortest} to {longest} words instead of 1 to {_LONGEST_GRAM}"
        )
    if attributes.get("max_skip_count", absent).number(0) > _MOST_SKIPS:
        refuse(f"an n-gram counter skips more than {_MOST_SKIPS} words")
    words = sum(number == 9 for number, _, _ in attributes.get("pool_strings", absent).places)
    pool = words + len(attributes.get("pool_int64s", absent).numbers)
    starts = attributes.get("ngram_counts", absent).numbers
    sizes = np.diff(starts, append=pool)
    lengths = np.arange(1, len(starts) + 1)
    if not len(starts) or starts[0] != 0 or (sizes < 0).any() or (sizes % lengths).any():
        refuse("an n-gram counter divides its pool otherwise than its words allow")
    indexes = attributes.get("ngram_indexes", absent).numbers
    if len(indexes) != (sizes // lengths).sum() or not len(indexes):
        refuse("an n-gram counter has not one index for each n-gram")
    if indexes.min() < 0 or indexes.max() >= _MOST_GRAMS:
        refuse(f"an n-gram counter has an index that is not within 0 and {_MOST_GRAMS}")
    weights = [
        stop - start for number, start, stop in attributes.get("weights", absent).places if number == 7
    ]
    if weights and weights[0] != 4 * len(indexes):
        refuse("an n-gram counter has not one weight for each n-gram")


def _check_windows(attributes: Attributes) -> None:
    """Padding and windows are told in full, and make no row vastly larger."""
    absent = Attribute()
    if attributes.get("auto_pad", Attribute(texts=["NOTSET"])).texts != ["NOTSET"]:
        refuse("a layer of windows pads by itself")
    lists = [attributes.get(n, absent).numbers for n in ("kernel_shape", "strides", "dilations", "pads")]
    kernel, strides, dilations, pads = [[int(v) for v in some] for some in lists]
    axes = len(kernel)
    if not 1 <= axes <= _MOST_AXES or len(pads) not in (0, 2 * axes):
        refuse(f"a layer of windows does not say its windows along 1 to {_MOST_AXES} axes")
    if any(len(some) not in (0, axes) for some in (strides, dilations)):
        refuse("a layer of windows has steps for other axes than its windows")
    if min(kernel + strides + dilations + [1]) < 1 or min([*pads, 0]) < 0:
        refuse("a layer of windows has steps or windows below 1, or padding below 0")
    reach = [k * d for k, d in zip(kernel, dilations or [1] * axes, strict=True)]
    if math.prod(reach) > _WIDEST_WINDOW or max(strides, default=1) > _WIDEST_WINDOW:
        refuse(f"a layer of windows reaches over more than {_WIDEST_WINDOW} values")
    grown = math.prod(1 + before + behind for before, behind in zip(pads[:axes], pads[axes:], strict=True))
    if grown > _MOST_PADDED:
        refuse(f"a layer of windows would pad each row to {grown} times its size")


def _check_recurrent(curves: int) -> Callable[[Attributes], None]:
    """Of a layer with `curves` of them in each direction."""

    def check(attributes: Attributes) -> None:
        absent = Attribute()
        for name in ("activation_alpha", "activation_beta", "clip"):
            if name in attributes:
                refuse(f"a recurrent layer has the setting {name}")
        if not 1 <= attributes.get("hidden_size", absent).number(0) <= _MOST_HIDDEN:
            refuse(f"a recurrent layer does not have 1 to {_MOST_HIDDEN} units")
        way = attributes.get("direction", Attribute(texts=["forward"])).texts
        if len(way) != 1 or way[0] not in _DIRECTIONS:
            refuse("a recurrent layer goes neither forward nor back")
        bent = attributes.get("activations", absent).texts
        if not _CURVES.issuperset(bent) or len(bent) not in (0, curves * _DIRECTIONS[way[0]]):
            refuse(f"a recurrent layer bends its numbers otherwise than {curves} times in each direction")
        if any(attributes.get(name, absent).number(0) for name in ("layout", "input_forget")):
            refuse("a recurrent layer has its axes or gates otherwise than usual")

    return check


_CHECKS: dict[str, Callable[[Attributes], None]] = {
    "AveragePool": _check_windows,
    "Conv": _check_windows,
    "GRU": _check_recurrent(2),
    "LSTM": _check_recurrent(3),
    "MaxPool": _check_windows,
    "RNN": _check_recurrent(1),
    "TfIdfVectorizer": _check_grams,
    "TreeEnsemble": _check_trees,
}
