"""How operators of networks that the loader does not allow are done by plain ones, in the same numbers.

Each rule gives the name of the tensor that it made. Parity is compared afterwards, as for every model.
"""

from __future__ import annotations

import math

import numpy as np

from mlwright.conversion.imported import KINDS, Array, Node, Rule, Value, sizes_of

_MOST_FACTORS = 64
_MOST_PADDED = 1_000
_KIND_NUMBERS = {name: number for number, name in KINDS.items()}


def same(node: Node) -> Value:
    """What is given, as it is: dropout does nothing once a network is fitted."""
    given = node.given(0)
    return Value(given.tensor, given.array, given.kind, given.shape, given.sizes)


def constant(node: Node) -> Value:
    [(name, value)] = node.attributes.items()
    kind = {
        "value_float": np.float32,
        "value_floats": np.float32,
        "value_int": np.int64,
        "value_ints": np.int64,
    }
    array = np.asarray(value, dtype=kind.get(name, object if "string" in name else None))
    return Value(
        array=array, kind="string" if array.dtype.kind in "OUS" else str(array.dtype), shape=array.shape
    )


def reshaped(node: Node) -> Value:
    """To a shape that is known but for the number of rows."""
    sizes = sizes_of(node.given(1))
    if sizes is None:
        raise node.refused("makes a shape that hangs on the rows")
    given = node.given(0).shape
    if not node.attributes.get("allowzero") and given is not None:
        sizes = tuple(given[i] if s == 0 else s for i, s in enumerate(sizes))
    if -1 in sizes and given is not None and given.count(None) == sizes.count(None):
        # What is left over for the length that is not told, rows being the same number before and after.
        held = math.prod(s for s in given if s is not None)
        said = math.prod(s for s in sizes if s is not None and s != -1)
        sizes = tuple(held // said if s == -1 and said else s for s in sizes)
    wanted = [-1 if s is None else s for s in sizes]
    if wanted.count(-1) > 1:
        raise node.refused("makes a shape of which two lengths are not known")
    out = node.add("Reshape", node.tensor(), node.g.constant(np.array(wanted, dtype=np.int64)))
    return Value(out, kind=node.kind, shape=tuple(None if s == -1 else s for s in wanted))


def expanded(node: Node) -> str | Value:
    """Repeated to a shape: by adding noughts, where it is as long as there are rows."""
    sizes = sizes_of(node.given(1))
    if sizes is None:
        raise node.refused("makes a shape that hangs on the rows")
    if None not in sizes:
        return node.add("Expand", node.tensor(), node.tensor(1))
    if sizes.count(None) > 1:
        raise node.refused("is as long as there are rows in two directions")
    out, kind = node.tensor(), node.kind
    fixed = [1 if s is None else s for s in sizes]
    if any(s > 1 for s in fixed):
        out = node.add("Expand", out, node.g.constant(np.array(fixed, dtype=np.int64)))
    noughts = node.laid.rows_of_noughts(kind, [-1 if s is None else 1 for s in sizes])
    out = node.add("Or", out, noughts) if kind == "bool" else node.add("Add", out, noughts)
    given = node.given(0).shape
    if given is None or len(given) > len(sizes):
        return out
    # What is 1 long in the shape keeps its length.
    given = (1,) * (len(sizes) - len(given)) + given
    return Value(out, kind=kind, shape=tuple(g if s == 1 else s for g, s in zip(given, sizes, strict=True)))


def filled(node: Node) -> str | Value:
    """One value in a shape."""
    value = np.asarray(node.attributes.get("value", np.zeros(1, np.float32))).ravel()[:1]
    sizes = sizes_of(node.given(0))
    if sizes is None or sizes.count(None) > 1:
        raise node.refused("makes a shape that hangs on the rows")
    if None not in sizes:
        array = np.broadcast_to(value.reshape(()), tuple(s or 0 for s in sizes)).copy()
        return Value(array=array, kind=str(array.dtype), shape=array.shape)
    noughts = node.laid.rows_of_noughts(str(value.dtype), [-1 if s is None else 1 for s in sizes])
    fixed = np.full([1 if s is None else s for s in sizes], value[0])
    return node.add("Add", node.g.constant(fixed), noughts)


def leaky(node: Node) -> str:
    return _below(node, node.add("Mul", node.tensor(), node.number(node.setting("alpha", 0.01))))


def sloped(node: Node) -> str:
    return _below(node, node.add("Mul", node.tensor(), node.tensor(1)))


def _below(node: Node, otherwise: str) -> str:
    """The input, and something else where it is below nought."""
    less = node.add("Less", node.tensor(), node.number(0))
    return node.add("Where", less, otherwise, node.tensor())


def elu(node: Node) -> str:
    return _below(node, _curved(node, node.tensor(), node.setting("alpha", 1.0)))


def celu(node: Node) -> str:
    alpha = node.setting("alpha", 1.0)
    return _below(node, _curved(node, node.add("Div", node.tensor(), node.number(alpha)), alpha))


def selu(node: Node) -> str:
    alpha, gamma = (_exact(node.setting(name, value), value) for name, value in _SELU)
    return node.add("Mul", _below(node, _curved(node, node.tensor(), alpha)), node.number(gamma))


_SELU = (("alpha", 1.6732632423543772848170429916717), ("gamma", 1.0507009873554804934193349852946))


def _exact(told: float, meant: float) -> float:
    """The constant of a layer to more digits than ONNX keeps, unless the graph tells another."""
    return meant if np.float32(told) == np.float32(meant) else told


def _curved(node: Node, x: str, alpha: float) -> str:
    less = node.add("Sub", node.add("Exp", node.add("Min", x, node.number(0))), node.number(1))
    return node.add("Mul", less, node.number(alpha))


def softplus(node: Node) -> str:
    return _softplus(node, node.tensor())


def _softplus(node: Node, x: str) -> str:
    """log(1 + exp(x)) without running over: the greater of x and 0, and log(1 + exp(-|x|))."""
    small = node.add("Exp", node.add("Neg", node.add("Abs", x)))
    log = node.add("Log", node.add("Add", small, node.number(1)))
    return node.add("Add", node.add("Max", x, node.number(0)), log)


def mish(node: Node) -> str:
    x = node.tensor()
    return node.add("Mul", x, node.add("Tanh", _softplus(node, x)))


def softsign(node: Node) -> str:
    x = node.tensor()
    return node.add("Div", x, node.add("Add", node.add("Abs", x), node.number(1)))


def thresholded(node: Node) -> str:
    x = node.tensor()
    over = node.add("Greater", x, node.number(node.setting("alpha", 1.0)))
    return node.add("Where", over, x, node.number(0))


def hard_sigmoid(node: Node) -> str:
    return _hard(node, node.setting("alpha", 0.2), node.setting("beta", 0.5))


def _hard(node: Node, alpha: float, beta: float) -> str:
    line = node.add("Add", node.add("Mul", node.tensor(), node.number(alpha)), node.number(beta))
    return node.add("Max", node.add("Min", line, node.number(1)), node.number(0))


def hard_swish(node: Node) -> str:
    return node.add("Mul", node.tensor(), _hard(node, 1 / 6, 0.5))


def swish(node: Node) -> Value:
    x, alpha = node.tensor(), node.setting("alpha", 1.0)
    inner = x if alpha == 1.0 else node.add("Mul", x, node.number(alpha))
    return _newer(node, node.add("Mul", x, node.add("Sigmoid", inner)))


def gelu(node: Node) -> str:
    x = node.tensor()
    if node.attributes.get("approximate", "none") == "tanh":
        cubed = node.add("Mul", node.add("Mul", x, x), x)
        inner = node.add("Add", x, node.add("Mul", cubed, node.number(0.044715)))
        curve = node.add("Tanh", node.add("Mul", inner, node.number(math.sqrt(2 / math.pi))))
    else:
        single(node)
        curve = node.add("Erf", node.add("Div", x, node.number(math.sqrt(2))))
    half = node.add("Mul", x, node.number(0.5))
    return node.add("Mul", half, node.add("Add", curve, node.number(1)))


def erf(node: Node) -> str:
    single(node)
    return node.add("Erf", node.tensor())


def single(node: Node) -> None:
    if node.kind == "float64":
        raise node.refused("is not computed in doubles by the runtime", "let the model work in float32")


def log_softmax(node: Node) -> str:
    axis = node.g.constant(np.array([node.axis(-1)]))
    away = node.add("Sub", node.tensor(), node.add("ReduceMax", node.tensor(), axis, keepdims=1))
    total = node.add("ReduceSum", node.add("Exp", away), axis, keepdims=1)
    return node.add("Sub", away, node.add("Log", total))


def layer_normalised(node: Node) -> str:
    """Each row of the last axes brought to mean 0 and variance 1, then scaled."""
    rank = node.rank()
    axes = node.g.constant(np.arange(node.axis(-1), rank, dtype=np.int64))
    out = _normalised(node, node.tensor(), axes, node.setting("epsilon", 1e-5))
    out = node.add("Mul", out, node.tensor(1))
    return node.add("Add", out, node.tensor(2)) if node.has(2) else out


def _normalised(node: Node, x: str, axes: str, epsilon: float) -> str:
    away = node.add("Sub", x, node.add("ReduceMean", x, axes, keepdims=1))
    spread = node.add("ReduceMean", node.add("Mul", away, away), axes, keepdims=1)
    return node.add("Div", away, node.add("Sqrt", node.add("Add", spread, node.number(epsilon))))


def _newer(node: Node, tensor: str) -> Value:
    """What an operator that the pinned set lacks makes of its input, in the same shape."""
    return Value(tensor, kind=node.kind, shape=node.given(0).shape)


def log_of_sums(node: Node) -> str:
    """log(sum(exp(x))) without running over: the greatest is taken out and added again."""
    axes = [node.tensor(1)] if node.has(1) else []
    most = node.add("ReduceMax", node.tensor(), *axes, keepdims=1)
    total = node.add("ReduceSum", node.add("Exp", node.add("Sub", node.tensor(), most)), *axes, keepdims=1)
    out = node.add("Add", node.add("Log", total), most)
    if node.attributes.get("keepdims", 1):
        return out
    return node.add("ReduceMax", out, *axes, keepdims=0)


def root_mean_square(node: Node) -> Value:
    x = node.tensor()
    axes = node.g.constant(np.arange(node.axis(-1), node.rank(), dtype=np.int64))
    square = node.add("ReduceMean", node.add("Mul", x, x), axes, keepdims=1)
    root = node.add("Sqrt", node.add("Add", square, node.number(node.setting("epsilon", 1e-5))))
    return _newer(node, node.add("Mul", node.add("Div", x, root), node.tensor(1)))


def batch_normalised(node: Node) -> str:
    """By the mean and variance of training: one factor and one summand for each channel."""
    if node.attributes.get("training_mode"):
        raise node.refused("is in training mode", "export the network for inference")
    scale, shift, mean, spread = (node.array(i).astype(np.float64) for i in range(1, 5))
    factor = scale / np.sqrt(spread + node.setting("epsilon", 1e-5))
    wide = [1, -1] + [1] * (node.rank() - 2)
    out = node.add("Sub", node.tensor(), typed(node, mean.reshape(wide)))
    out = node.add("Mul", out, typed(node, factor.reshape(wide)))
    return node.add("Add", out, typed(node, shift.reshape(wide)))


def typed(node: Node, array: Array) -> str:
    """A constant of the first input's type."""
    return node.g.constant(np.ascontiguousarray(array, dtype=node.kind))


def reduced(op: str, before: str = "", after: str = "") -> Rule:
    """A reduction made of one that the loader allows, with work before and after."""

    def rule(node: Node) -> str:
        x = node.tensor()
        if node.attributes.get("noop_with_empty_axes") and not (node.has(1) and node.array(1).size):
            raise node.refused("reduces nothing, which is not converted", "leave the node out")
        if before == "Square":
            x = node.add("Mul", x, x)
        elif before:
            x = node.add(before, x)
        axes = [node.tensor(1)] if node.has(1) else []
        out = node.add(op, x, *axes, keepdims=int(node.attributes.get("keepdims", 1)))
        return node.add(after, out) if after else out

    return rule


def multiplied(node: Node) -> str:
    """ReduceProd along one axis of a known length, factor by factor."""
    axes = [int(a) for a in node.array(1).ravel()] if node.has(1) else []
    axis = axes[0] % node.rank() if len(axes) == 1 else 0
    length = node.shape()[axis]
    if len(axes) != 1 or length is None or not 0 < length <= _MOST_FACTORS:
        raise node.refused(f"is converted along one axis of at most {_MOST_FACTORS} factors only")
    keep = node.attributes.get("keepdims", 1)
    out = ""
    for i in range(length):
        at = node.g.constant(np.array([i]) if keep else np.array(i))
        factor = node.add("Gather", node.tensor(), at, axis=axis)
        out = node.add("Mul", out, factor) if out else factor
    return out


def least_place(node: Node) -> str:
    return node.add("ArgMax", node.add("Neg", node.tensor()), **node.attributes)


def pooled_whole(op: str) -> Rule:
    def rule(node: Node) -> str:
        axes = node.g.constant(np.arange(2, node.rank(), dtype=np.int64))
        return node.add(op, node.tensor(), axes, keepdims=1)

    return rule


def filled_like(node: Node, some: str, value: float) -> str:
    """One value in the shape of `some`, whatever that holds."""
    nought = node.add(
        "Mul", node.add("Cast", node.add("IsNaN", some), to=_KIND_NUMBERS[node.kind]), node.number(0)
    )
    return node.add("Add", nought, node.number(value)) if value else nought


def padded(node: Node) -> str:
    """A constant put around, which must be the same in every row."""
    if str(node.attributes.get("mode", "constant")) != "constant":
        raise node.refused("is converted with a constant only")
    around = [int(v) for v in node.array(1).ravel()]
    rank = node.rank()
    axes = [int(a) for a in node.array(3).ravel()] if node.has(3) else list(range(rank))
    value = float(node.array(2).ravel()[0]) if node.has(2) and node.array(2).size else 0.0
    out = node.tensor()
    for i, axis in enumerate(axes):
        for count, ahead in ((around[i], True), (around[i + len(axes)], False)):
            if not 0 <= count <= _MOST_PADDED:
                raise node.refused(f"pads by {count}, which is not within 0 and {_MOST_PADDED}")
            if count:
                at = node.g.constant(np.zeros(count, np.int64))
                filler = filled_like(node, node.add("Gather", out, at, axis=axis % rank), value)
                out = node.add("Concat", *((filler, out) if ahead else (out, filler)), axis=axis % rank)
    return out


_BY_NAME: dict[str, Rule] = {
    "ArgMin": least_place,
    "BatchNormalization": batch_normalised,
    "Celu": celu,
    "Constant": constant,
    "ConstantOfShape": filled,
    "Dropout": same,
    "Elu": elu,
    "Erf": erf,
    "Expand": expanded,
    "Gelu": gelu,
    "GlobalAveragePool": pooled_whole("ReduceMean"),
    "GlobalMaxPool": pooled_whole("ReduceMax"),
    "HardSigmoid": hard_sigmoid,
    "HardSwish": hard_swish,
    "Identity": same,
    "LayerNormalization": layer_normalised,
    "LeakyRelu": leaky,
    "LogSoftmax": log_softmax,
    "Mish": mish,
    "PRelu": sloped,
    "Pad": padded,
    "RMSNormalization": root_mean_square,
    "ReduceL1": reduced("ReduceSum", "Abs"),
    "ReduceL2": reduced("ReduceSum", "Square", "Sqrt"),
    "ReduceLogSumExp": log_of_sums,
    "ReduceLogSum": reduced("ReduceSum", "", "Log"),
    "ReduceProd": multiplied,
    "ReduceMin": reduced("ReduceMax", "Neg", "Neg"),
    "ReduceSumSquare": reduced("ReduceSum", "Square"),
    "Reshape": reshaped,
    "Selu": selu,
    "Softplus": softplus,
    "Softsign": softsign,
    "Swish": swish,
    "ThresholdedRelu": thresholded,
}
RULES: dict[tuple[str, str], Rule] = {("", name): rule for name, rule in _BY_NAME.items()}
"""By domain and operator."""
