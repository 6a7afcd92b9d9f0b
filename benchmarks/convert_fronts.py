"""What pipelines do to columns before a model, as people write it with scikit-learn: by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.experimental import enable_iterative_imputer  # noqa: F401  # what brings IterativeImputer
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)


@dataclass(frozen=True)
class Columns:
    """The columns of a table by what they hold."""

    numbers: tuple[str, ...]
    texts: tuple[str, ...]
    """Categories: few different texts."""
    words: tuple[str, ...] = ()
    """Free text."""


def doubled(x: Any) -> Any:
    """A function of somebody's own."""
    return x * 2


class Own(FunctionTransformer):
    """A class of somebody's own."""


def _front(numbers: Any, texts: Any) -> Callable[[Columns], Any]:
    """Steps for numbers and for texts, side by side; made anew for each pipeline."""

    def made(columns: Columns) -> Any:
        parts = []
        if columns.numbers and numbers is not None:
            parts.append((numbers(), list(columns.numbers)))
        if columns.texts and texts is not None:
            parts.append((texts(), list(columns.texts)))
        return make_column_transformer(*parts)

    return made


def _usual() -> Any:
    return make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))


def _rare() -> Any:
    encoder = OneHotEncoder(min_frequency=0.02, handle_unknown="infrequent_if_exist", sparse_output=False)
    return make_pipeline(SimpleImputer(strategy="constant", fill_value="missing"), encoder)


def _codes() -> Any:
    return OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2, dtype=np.float64
    )


def _means(target_type: str = "auto") -> Any:
    encoder = TargetEncoder(target_type=target_type, random_state=0)
    return make_pipeline(SimpleImputer(strategy="most_frequent"), encoder)


def _dense() -> Any:
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return make_pipeline(SimpleImputer(strategy="most_frequent"), encoder)


def _numbers(*steps: Callable[[], Any], fill: str = "mean") -> Callable[[], Any]:
    return lambda: make_pipeline(SimpleImputer(strategy=fill), *(step() for step in steps))


def _then(front: str, *steps: Callable[[], Any]) -> Callable[[Columns], Any]:
    return lambda columns: make_pipeline(FRONTS[front](columns), *(step() for step in steps))


def _words(vectorizer: Callable[[], Any], *, alone: bool) -> Callable[[Columns], Any]:
    """A vectorizer of the first column of free text; beside numbers and categories unless `alone`."""

    def made(columns: Columns) -> Any:
        parts: list[tuple[Any, Any]] = [(vectorizer(), columns.words[0])]
        if not alone and columns.numbers:
            parts.append((_numbers(StandardScaler)(), list(columns.numbers)))
        if not alone and columns.texts:
            parts.append((_usual(), list(columns.texts)))
        return make_column_transformer(*parts)

    return made


FRONTS: dict[str, Callable[[Columns], Any]] = {
    "scaled": _front(_numbers(StandardScaler), _usual),
    "dense": _front(_numbers(StandardScaler), _dense),
    "median, rare": _front(
        lambda: make_pipeline(SimpleImputer(strategy="median", add_indicator=True), RobustScaler()), _rare
    ),
    "ordinal": _front(_numbers(fill="median"), _codes),
    "ordinal, gaps": _front(lambda: "passthrough", _codes),
    "target": _front(_numbers(MinMaxScaler), _means),
    # Of whole numbers the encoder makes classes by itself, one for each price: 25,000 columns.
    "target's mean": _front(_numbers(MinMaxScaler), lambda: _means("continuous")),
    "largest": _front(_numbers(MaxAbsScaler), _usual),
    "products": _front(_numbers(StandardScaler, lambda: PolynomialFeatures(2, include_bias=False)), _dense),
    "quantile": _front(
        _numbers(lambda: QuantileTransformer(n_quantiles=100, output_distribution="normal", random_state=0)),
        _usual,
    ),
    "uniform": _front(_numbers(lambda: QuantileTransformer(n_quantiles=100, random_state=0)), _usual),
    "power": _front(_numbers(StandardScaler, PowerTransformer), _usual),
    "spline": _front(_numbers(StandardScaler, lambda: SplineTransformer(n_knots=5)), _usual),
    "bins": _front(
        _numbers(lambda: KBinsDiscretizer(5, encode="onehot-dense", quantile_method="averaged_inverted_cdf")),
        _dense,
    ),
    "nearest": _front(lambda: make_pipeline(StandardScaler(), KNNImputer()), _usual),
    "iterative": _front(lambda: make_pipeline(IterativeImputer(random_state=0), StandardScaler()), _usual),
    "logarithm": _front(_numbers(lambda: FunctionTransformer(np.log1p), fill="median"), _usual),
    "numbers": _front(lambda: "passthrough", None),
    "selected": _then("dense", lambda: SelectKBest(k=10)),
    "projected": _then("dense", lambda: PCA(n_components=0.95, random_state=0)),
    "words": _words(lambda: TfidfVectorizer(min_df=3), alone=True),
    "words, columns": _words(lambda: TfidfVectorizer(min_df=5, stop_words="english"), alone=False),
    "word pairs": _words(lambda: TfidfVectorizer(ngram_range=(1, 2), min_df=5), alone=True),
    "word counts": _words(lambda: CountVectorizer(min_df=3), alone=True),
    "characters": _words(lambda: TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 3)), alone=True),
    "hashed words": _words(lambda: HashingVectorizer(n_features=2**12), alone=True),
    "own function": _front(_numbers(lambda: FunctionTransformer(doubled)), _usual),
    "own class": _front(_numbers(lambda: Own(np.abs)), _usual),
}  # fmt: skip
FRONTS["word topics"] = _then("words", lambda: TruncatedSVD(40, random_state=0))

BEYOND = {
    "hashed words": "a hash of texts (MurmurHash3), for which there is no operator",
    "own function": "code of one's own",
    "own class": "a class of one's own, which may do anything",
}
"""Fronts that no graph of ONNX's operators can do, and why: to be refused."""
