"""The closed list of what a graph may compute, one for each version of the file format.

`scan` refuses every operator that is not here: no loops, branches, sequences, random numbers, functions or
custom code. A list never changes once files of its format exist; a new format gets a list of its own.
"""

from __future__ import annotations

from types import MappingProxyType

Operator = tuple[str, str]
"""Domain and name; the domain of plain ONNX is ""."""

MICROSOFT = "com.microsoft"

_PLAIN = """
    Abs Add And ArgMax AveragePool Cast Ceil Clip Concat Conv Cos CumSum Div Equal Erf Exp Expand Flatten
    Floor GRU Gather GatherElements GatherND Gemm Greater GreaterOrEqual Identity IsNaN LSTM Less
    LessOrEqual Log MatMul Max MaxPool Min Mod Mul Neg Not OneHot Or Pow RNN Reciprocal ReduceMax
    ReduceMean ReduceSum RegexFullMatch Relu Reshape Round ScatterElements Sigmoid Sign Slice Softmax
    Split Sqrt Squeeze StringConcat StringNormalizer StringSplit Sub Sum Tanh TfIdfVectorizer Tile TopK
    Transpose Unsqueeze Where
"""

OPERATORS: MappingProxyType[int, frozenset[Operator]] = MappingProxyType(
    {
        1: frozenset(
            [("", name) for name in _PLAIN.split()]
            + [("ai.onnx.ml", "LabelEncoder"), ("ai.onnx.ml", "TreeEnsemble"), (MICROSOFT, "Tokenizer")]
        )
    }
)
"""By format version."""

OPSETS: MappingProxyType[str, int] = MappingProxyType({"": 21, "ai.onnx.ml": 5})
"""What every graph imports. `com.microsoft` 1 is imported by graphs that tokenise, and by no other."""

SHAPE_INPUTS: MappingProxyType[str, tuple[int, ...]] = MappingProxyType(
    {
        "Expand": (1,),
        "OneHot": (1,),
        "ReduceMax": (1,),
        "ReduceMean": (1,),
        "ReduceSum": (1,),
        "Reshape": (1,),
        "Slice": (1, 2, 3, 4),
        "Split": (1,),
        "Squeeze": (1,),
        "Tile": (1,),
        "TopK": (1,),
        "Unsqueeze": (1,),
    }
)
"""Inputs that decide the shape of a result: they must be constants, so that no row can ask for memory."""

GROWING: frozenset[str] = frozenset({"Expand", "OneHot", "Tile"})
"""Operators whose shape input multiplies the size of what they are given."""

WEIGHTS: MappingProxyType[str, tuple[int, ...]] = MappingProxyType(
    {"Conv": (1,), "GRU": (1, 2), "LSTM": (1, 2), "RNN": (1, 2)}
)
"""Inputs that decide how wide a layer's result is: constants, too."""

FORBIDDEN_INPUTS: MappingProxyType[str, tuple[int, ...]] = MappingProxyType(
    {"GRU": (4,), "LSTM": (4, 7), "RNN": (4,)}
)
"""Inputs that must be left out: how long each row's sequence is, and weights that look into a cell."""
