"""A graph made shorter before it is written, without another answer: no node twice, none that nothing asks
for, none that a constant matrix can take over.

Called by `conversion`, whose steps know nothing of each other. What is certain to the last bit: nodes that
are alike, columns picked from picked columns, zeros and ones (encoded categories) multiplied into what
follows. What is certain to the last digit but one: a scale in the weights after it, a sum in its product.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import reduce

import numpy as np
import numpy.typing as npt

from mlwright.graph import wire
from mlwright.graph.build import GraphBuilder, Node
from mlwright.graph.tree_inputs import earlier
from mlwright.graph.trees import Trees, tree_ensemble

Doubles = npt.NDArray[np.float64]

_BY_COLUMN = [wire.attribute("axis", 1)]
_SAME_WIDTH = frozenset(
    (
        "Abs", "Add", "And", "Cast", "Ceil", "Div", "Equal", "Exp", "Floor", "Greater", "GreaterOrEqual",
        "IsNaN", "LabelEncoder", "Less", "LessOrEqual", "Log", "Max", "Min", "Mul", "Neg", "Not", "Or", "Pow",
        "Reciprocal", "Round", "Sigmoid", "Sign", "Softmax", "Sqrt", "StringConcat", "Sub", "Tanh", "Where",
    )
)  # fmt: skip
_FAR = 1e100
"""A scale beyond it, or below its inverse, stays where it is: products could end where sums do not."""


def folded(g: GraphBuilder, *, of_classes: bool = True) -> None:
    """Shortens what `g` has so far; outputs must be published.

    Trees whose sums are added become one ensemble, but not where classes (`of_classes`) may tie: a sum in
    another order would answer another one.

    >>> g = GraphBuilder()
    >>> x = g.input("numbers", "float64", 3)
    >>> some = g.columns(g.columns(x, [2, 1], 3), [1], 2)
    >>> again = g.columns(x, [1], 3)
    >>> g.output("twice", g.node("Add", some, again), "float64", 1)
    >>> folded(g)
    >>> len(g.made)
    2
    """
    while _shorter(g, of_classes):
        pass


def _shorter(g: GraphBuilder, of_classes: bool) -> bool:
    """One pass; whether it changed anything."""
    before = [(n.op, n.inputs) for n in g.made]
    _without_doubles(g)
    work = _Work(g, of_classes)
    nodes: list[Node] = []
    for node in tuple(g.made):
        shorter = work.rewritten(node)
        nodes += [*work.joined, shorter]
        work.joined.clear()
    g.made = nodes
    _without_unused(g)
    return [(n.op, n.inputs) for n in g.made] != before


def _without_doubles(g: GraphBuilder) -> None:
    """Of nodes that do the same to the same, the first."""
    known: dict[tuple[object, ...], Node] = {}
    same: dict[str, str] = {}
    kept = []
    for node in g.made:
        node = node.reading(same)
        first = known.setdefault((node.op, node.inputs, node.domain, *node.attributes), node)
        if first is node or not g.ends.isdisjoint(node.outputs):
            kept.append(node)
        else:
            same |= dict(zip(node.outputs, first.outputs, strict=True))
    g.made = kept


def _without_unused(g: GraphBuilder) -> None:
    wanted, kept = set(g.ends), []
    for node in reversed(g.made):
        if not wanted.isdisjoint(node.outputs):
            wanted.update(node.inputs)
            kept.append(node)
    g.made = kept[::-1]
    g.keep_constants(wanted)


@dataclass
class _Work:
    """The graph while it is gone through once."""

    g: GraphBuilder
    of_classes: bool
    makers: dict[str, Node] = field(default_factory=dict)
    uses: dict[str, int] = field(default_factory=dict)
    widths: dict[str, int | None] = field(default_factory=dict)
    """Of tensors [N, width]; None where that is not known."""
    joined: list[Node] = field(default_factory=list)
    """What must stand before the node that is being rewritten."""

    def __post_init__(self) -> None:
        self.widths |= self.g.widths
        for node in self.g.made:
            for name in node.inputs:
                self.uses[name] = self.uses.get(name, 0) + 1

    def rewritten(self, node: Node) -> Node:
        """The node, or a shorter one that does the same."""
        if node.op == "Gather" and node.attributes == _BY_COLUMN:
            node = self._picked_once(node)
        elif node.op == "MatMul" and self._matrix(node) is not None:
            node = self._multiplied_once(node)
        elif node.op == "Add":
            node = self._product_and_sum(node)
        elif node.op == "TreeEnsemble":
            node = self._split_earlier(node)
        if node.op in ("Add", "Sum", "Mul", "Div") and not self.of_classes:
            node = self._trees_together(node)
        for name in node.outputs:
            self.makers[name] = node
            self.widths[name] = self._width(node)
        return node

    def _alone(self, name: str) -> Node | None:
        """The node that makes `name`, where nothing else asks for it."""
        maker = self.makers.get(name)
        return maker if maker and self.uses.get(name) == 1 and name not in self.g.ends else None

    def _matrix(self, node: Node) -> Doubles | None:
        """The constant matrix of doubles that a product is with."""
        found = self._doubles(node.inputs[1])
        return found if found is not None and found.ndim == 2 else None

    def _doubles(self, name: str) -> Doubles | None:
        found = self.g.value(name)
        return None if found is None or found.dtype != np.float64 else found.astype(np.float64, copy=False)

    def _width(self, node: Node) -> int | None:
        if node.outputs[0] in self.g.trees:
            return self.g.trees[node.outputs[0]].outputs
        if node.op == "MatMul":
            matrix = self.g.value(node.inputs[1])
            known = matrix is not None and matrix.ndim == 2 and self.widths.get(node.inputs[0]) is not None
            return matrix.shape[1] if known and matrix is not None else None
        if node.op == "Gemm":
            # One of somebody's network may have no summand, or turn its matrices.
            return self.wide(node.inputs[2]) if len(node.inputs) == 3 and not node.attributes else None
        if node.op == "Gather" and node.attributes == _BY_COLUMN:
            places = self.g.value(node.inputs[1])
            one = places is not None and places.ndim == 1 and self.widths.get(node.inputs[0]) is not None
            return len(places) if one and places is not None else None
        each = [self.wide(name) for name in node.inputs]
        if not each or None in each:
            return None
        sizes = [size for size in each if size is not None]
        if node.op == "Concat" and node.attributes == _BY_COLUMN:
            return sum(sizes)
        return max(sizes) if node.op in _SAME_WIDTH else None

    def wide(self, name: str) -> int | None:
        """How wide a tensor or a constant is."""
        shape = self.g.shape(name)
        if shape is None:
            return self.widths.get(name)
        return None if len(shape) > 2 else shape[-1] if shape else 1

    def _picked_once(self, node: Node) -> Node:
        """Columns of columns: those of the first tensor."""
        first, places = self.makers.get(node.inputs[0]), self.g.value(node.inputs[1])
        if first is None or first.op != "Gather" or first.attributes != _BY_COLUMN:
            return node
        before = self.g.value(first.inputs[1])
        if before is None or places is None or before.ndim != 1 or places.ndim != 1:
            return node
        return node.of(first.inputs[0], self.g.constant(before[places]))

    def _multiplied_once(self, node: Node) -> Node:
        """What makes the columns, taken over by the matrix that they are multiplied with."""
        matrix = self._matrix(node)
        assert matrix is not None  # of a product that comes here
        source = self._alone(node.inputs[0])
        if source is not None and source.op == "Concat" and source.attributes == _BY_COLUMN:
            return self._each_part(node, source, matrix)
        tensor, weights = self._before(node.inputs[0], matrix)
        return node if tensor == node.inputs[0] else node.of(tensor, self.g.constant(weights))

    def _each_part(self, node: Node, concat: Node, matrix: Doubles) -> Node:
        widths = [self.wide(name) for name in concat.inputs]
        if None in widths or sum(w or 0 for w in widths) != len(matrix):
            return node
        ends = np.cumsum([w or 0 for w in widths])[:-1]
        parts = [
            self._before(name, rows) for name, rows in zip(concat.inputs, np.split(matrix, ends), strict=True)
        ]
        tensors = tuple(tensor for tensor, _ in parts)
        if tensors == concat.inputs:
            return node
        self.joined.append(Node("Concat", tensors, (self.g.another(),), "", _BY_COLUMN))
        return node.of(
            *self.joined[0].outputs, self.g.constant(np.concatenate([weights for _, weights in parts]))
        )

    def _before(self, name: str, weights: Doubles) -> tuple[str, Doubles]:
        """`name` times `weights`, as the product of what is before it where that is as good."""
        maker = self._alone(name)
        if maker is None or len(maker.inputs) != 2:
            return name, weights
        other = self._doubles(maker.inputs[1])
        if other is None or self.widths.get(maker.inputs[0]) is None:
            return name, weights
        if maker.op == "MatMul" and other.ndim == 2 and _selects(other):
            return maker.inputs[0], other @ weights
        if maker.op in ("Mul", "Div") and self.widths[maker.inputs[0]] == len(weights):
            scale = np.broadcast_to(other.reshape(-1), (len(weights),))[:, None]
            if _plain(scale) and _plain(weights[weights != 0]):
                return maker.inputs[0], weights * scale if maker.op == "Mul" else weights / scale
        return name, weights

    def _split_earlier(self, node: Node) -> Node:
        """Trees over what their matrix is made of."""
        trees = self.g.trees.get(node.outputs[0])
        found = None if trees is None else earlier(trees, node.inputs[0], self)
        if found is None:
            return node
        matrix, *more = found.tensors
        if more:
            self.joined.append(Node("Concat", found.tensors, (self.g.another(),), "", _BY_COLUMN))
            [matrix] = self.joined[-1].outputs
        return self._grown(node, found.trees, matrix)

    def _trees_together(self, node: Node) -> Node:
        """Sums of trees over one matrix, added or scaled: one ensemble."""
        sums, rows = [], []
        for name in node.inputs:
            maker, row = self._alone(name), self._doubles(name)
            if maker is not None and name in self.g.trees:
                sums.append((self.g.trees[name], maker.inputs[0]))
            elif row is not None and row.size == 1 and row.ndim <= 2:
                rows.append(float(row.ravel()[0]))
        ours = len(sums) + len(rows) == len(node.inputs) and sums
        if not ours or len({(matrix, trees.outputs) for trees, matrix in sums}) > 1:
            return node
        trees, matrix = sums[0]
        if node.op in ("Add", "Sum"):
            whole = reduce(Trees.added, (other for other, _ in sums[1:]), trees).plus(sum(rows))
        elif len(rows) == 1 and self._doubles(node.inputs[0]) is None:
            whole = trees.scaled(rows[0] if node.op == "Mul" else 1 / rows[0])
        else:
            return node
        return self._grown(node, whole, matrix)

    def _grown(self, node: Node, trees: Trees, matrix: str) -> Node:
        """An ensemble in place of `node`."""
        name = tree_ensemble(self.g, trees, matrix)
        self.g.trees[node.outputs[0]] = self.g.trees.pop(name)
        return replace(self.g.made.pop(), outputs=node.outputs)

    def _product_and_sum(self, node: Node) -> Node:
        """A product with a matrix and a sum with a row, at once."""
        maker, row = self._alone(node.inputs[0]), self._doubles(node.inputs[1])
        if maker is None or maker.op != "MatMul" or row is None:
            return node
        matrix = self._matrix(maker)
        if matrix is None or self.widths.get(maker.inputs[0]) is None:
            return node
        if row.shape != (1, matrix.shape[1]):
            return node
        return Node("Gemm", (*maker.inputs, node.inputs[1]), node.outputs, "", [])


def _selects(matrix: Doubles) -> bool:
    """Whether a product with it only picks: each row has at most a one, and noughts."""
    return bool(((matrix == 0) | (matrix == 1)).all() and (matrix.sum(axis=1) <= 1).all())


def _plain(numbers: Doubles) -> bool:
    """Whether products of any two keep their digits."""
    size = np.abs(numbers)
    return bool(((size < _FAR) & (size > 1 / _FAR)).all())
