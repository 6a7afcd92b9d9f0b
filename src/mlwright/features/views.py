"""The views: which features each lays out, and the transforms that it is the first to need.

Called by `FeaturePlan.layout` once a view. `tree` keeps codes for set membership, `encoded` replaces them by
target encodings, `rich` adds generated features; `linear` is standardised with indicators, `rich-linear` adds
bends and nearness.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlwright.features.categories import fit_target_encoding, worthwhile_pairs
from mlwright.features.curved import MOST_NEAR, fit_bends, fit_nearness
from mlwright.features.datetimes import PARTS, Moments
from mlwright.features.fitted import Transforms
from mlwright.features.linear import Indicators, Logs, Missing, Standardised, scales_of
from mlwright.features.rich import Source, generate
from mlwright.features.transform import CODE, NUMBER, Feature, Lookup

VIEWS = ("tree", "encoded", "linear", "rich", "rich-linear")

MOST_ONE_HOT = 40
"""Codes above which a column is target-encoded rather than one-hot."""
MOST_MEMBERS = 64
"""Codes above which trees see a column's frequency rank and target encoding rather than a set of codes."""
MOST_ENCODINGS = 400
"""Target encodings kept, of the most telling columns and classes: each column could have one a class."""
MOST_ENCODING_CELLS = 1_000_000
MOST_LINEAR = 1_000
"""Numbers, and indicators of codes, of the linear view: those that tell most of the target."""


def fit_first(held: Transforms) -> None:
    """Fits what all views share: the parts of datetimes, and target encodings."""
    moments = [i for i, c in enumerate(held.table.schema.numbers) if c.kind == "datetime"]
    if moments:
        held.add(Moments("moment", tuple(Feature(NUMBER, i) for i in moments)))
    if held.table.vocabularies:
        held.add(_fit_encoding(held))


def layout_of(view: str, held: Transforms, kinds: Sequence[str]) -> list[Feature]:
    """The features of the view in order; of generated ones, the `kinds` (`rich.KINDS`) alone."""
    if view == "rich":
        features = _rich(held, kinds)
    elif view == "linear":
        features = _linear(held)
    elif view == "rich-linear":
        features = _rich_linear(held, layout_of("linear", held, kinds))
    else:
        features = _plain(held, view)
    own = (NUMBER, "scaled", "missing")
    return [f for f in features if f.transform in own or held.is_free(f)]


def _plain(held: Transforms, view: str) -> list[Feature]:
    codes = [Feature(CODE, j) for j in range(len(held.table.vocabularies))]
    # Few codes are told apart by membership; an encoding would repeat them.
    encodings = _encodings(held, MOST_MEMBERS if view == "tree" else 0)
    return _numbers(held) + codes + encodings + held.coding.counts


def _rich(held: Transforms, kinds: Sequence[str]) -> list[Feature]:
    numbers = _numbers(held)
    days = [f for f in held.features("moment") if f not in set(numbers)]
    base = _plain(held, "encoded") + days
    columns = held.table.schema.numbers
    arithmetic = [f for f in numbers if f.transform != NUMBER or columns[f.column].kind != "datetime"]
    encoding = held.held.get("encoding")
    sources = encoding.sources if isinstance(encoding, Lookup) else ()
    owners = {Feature("encoding", i): f for i, f in enumerate(sources)}
    source = Source(
        read=held.read,
        numbers=tuple(f for f in arithmetic if held.is_free(f)),
        codes=held.coding.categories,
        owners=owners,
        linear=lambda: [
            f for f in layout_of("linear", held, kinds) if f.transform != "scaled_token" and held.is_free(f)
        ],
        y=held.y,
        fold=held.fold,
        seed=held.seed,
        threads=held.threads,
    )
    made = generate(source, base, kinds)
    for transform in made.transforms:
        held.add(transform)
    return base + [f for features in made.features for f in features]


def _linear(held: Transforms) -> list[Feature]:
    features = []
    numbers = held.telling(_numbers(held), MOST_LINEAR)
    if numbers:
        raw = held.sampled(numbers)
        features += held.add(Standardised("scaled", tuple(numbers), scales_of(raw)))
        # A number that was never missing can have no weight for being so.
        absent = [numbers[i] for i in np.flatnonzero(np.isnan(raw).any(axis=0))]
        features += held.add(Missing("missing", tuple(absent)))
    sizes = held.coding.categories
    few = [f for f, size in sizes.items() if size <= MOST_ONE_HOT]
    if few:
        few = held.telling(few, max(1, MOST_LINEAR * len(few) // sum(sizes[f] for f in few)))
    one_hot = [(f, code) for f in few for code in range(sizes[f])]
    values = np.array([float(code) for _, code in one_hot])
    features += held.add(Indicators("indicator", tuple(f for f, _ in one_hot), values))
    encodings = _encodings(held, MOST_ONE_HOT)
    if encodings:
        scales = scales_of(held.sampled(encodings))
        features += held.add(Standardised("scaled_encoding", tuple(encodings), scales, guarded=False))
    tokens = held.coding.counts
    if tokens:
        deviation = np.log1p(held.sampled(tokens)).std(axis=0)
        scale = 1 / np.maximum(deviation, 1e-3)
        features += held.add(Logs("scaled_token", tuple(tokens), scale))
    return features


def _rich_linear(held: Transforms, linear: list[Feature]) -> list[Feature]:
    numbers = [f for f in linear if f.transform in ("scaled", "scaled_encoding")]
    features = list(linear)
    if numbers:
        features += held.add(fit_bends(numbers, held.sampled(numbers)))
    near = [f for f in linear if f.transform != "scaled_token"]
    if near and len(near) <= MOST_NEAR:
        features += held.add(fit_nearness(near, held.sampled(near), held.seed))
    return features


def _fit_encoding(held: Transforms) -> Lookup:
    codes = held.coding.dictionary.codes(held.table.ids).astype(np.int64)
    sizes = held.coding.dictionary.sizes
    pairs = worthwhile_pairs(codes, sizes, held.y, MOST_ENCODINGS, MOST_ENCODING_CELLS)
    tables, training = fit_target_encoding(codes, sizes, pairs, held.y, held.fold)
    return Lookup("encoding", tuple(Feature(CODE, j) for j, _ in pairs), tables, training)


def _encodings(held: Transforms, few: int) -> list[Feature]:
    """The target encodings of columns with more than `few` codes."""
    encoding = held.held.get("encoding")
    if not isinstance(encoding, Lookup):
        return []
    sizes = held.coding.dictionary.sizes
    wide = [sizes[f.column] > few for f in encoding.sources]
    return [Feature("encoding", c) for c, kept in enumerate(wide) if kept]


def _numbers(held: Transforms) -> list[Feature]:
    """Numbers and the parts of datetimes that every view has."""
    columns = enumerate(held.table.schema.numbers)
    features = [Feature(NUMBER, i) for i, c in columns if c.role != "exposure"]
    moments = held.features("moment")
    return features + moments[: len(moments) // len(PARTS) * PARTS.index("day_of_year")]
