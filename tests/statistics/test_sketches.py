"""Sketches of what streams by: exact while all fits, within their stated error beyond."""

import numpy as np
import pytest
from scipy import stats

from mlwright.statistics.distinct import DistinctSketch
from mlwright.statistics.drawing import Drawing
from mlwright.statistics.quantiles import QuantileSketch
from mlwright.statistics.repeats import RepeatCounter

PERCENT = np.linspace(0, 1, 101)


def in_parts(values, random):
    """The values in parts of random length, among them empty ones."""
    cuts = np.sort(random.integers(0, len(values) + 1, size=9))
    return np.split(values, cuts)


def test_quantiles_of_up_to_a_block_are_those_of_numpy():
    random = np.random.default_rng(1)
    values = random.lognormal(size=5_000)
    sketch = QuantileSketch(seed=0, kept=64, block=8_192)
    for part in in_parts(values, random):
        sketch.add(part)
    assert sketch.rank_error() == 0.0
    np.testing.assert_allclose(sketch.quantiles(PERCENT), np.quantile(values, PERCENT), rtol=1e-14)


@pytest.mark.parametrize("shape", ["normal", "sorted", "few values", "heavy tail"])
def test_ranks_of_many_numbers_lie_within_the_stated_bound(shape):
    random = np.random.default_rng(2)
    values = {
        "normal": random.normal(size=200_000),
        "sorted": np.arange(200_000.0),
        "few values": random.integers(0, 7, 200_000).astype(float),
        "heavy tail": random.standard_cauchy(200_000),
    }[shape]
    misses, bounds = [], []
    for seed in range(5):
        sketch = QuantileSketch(seed=seed, kept=256, block=2_048)
        for part in in_parts(values, random):
            sketch.add(part)
        found, ordered = sketch.quantiles(PERCENT), np.sort(values)
        low = np.searchsorted(ordered, found, side="left") / len(values)
        high = np.searchsorted(ordered, found, side="right") / len(values)
        misses.append(np.maximum(np.maximum(low - PERCENT, PERCENT - high), 0).max())
        bounds.append(sketch.rank_error(0.05 / 99))
        assert (found[0], found[-1]) == (values.min(), values.max())
        assert sketch.count == len(values)
    assert max(misses) <= max(bounds) < 0.02
    assert np.mean(misses) > 0 or shape == "few values"


def test_distinct_things_are_counted_exactly_and_then_within_the_error():
    random = np.random.default_rng(3)
    hashes = random.integers(0, 2**64, size=300_000, dtype=np.uint64)
    few, many = DistinctSketch(kept=1_024), DistinctSketch(kept=1_024)
    few.add(np.repeat(hashes[:1_000], 5))
    few.add(hashes[500:1_000])
    assert (few.count, few.exact, few.error) == (1_000, True, 0.0)
    for part in in_parts(np.concatenate([hashes, hashes[:1_000]]), random):
        many.add(part)
    assert not many.exact
    assert abs(many.count / len(np.unique(hashes)) - 1) < 3 * many.error


def test_repeats_are_counted_exactly_with_their_places():
    hashes = np.array([4, 9, 4, 4, 1, 9], dtype=np.uint64)
    places = np.array([0, 1, 2, 5, 6, 8])
    counter = RepeatCounter()
    counter.add(hashes[:3], places[:3])
    counter.add(hashes[3:], places[3:])
    found = counter.counted(most=20)
    assert (found.repeated, found.looked_at, found.first.tolist()) == (3, 6, [2, 5, 8])
    assert counter.counted(most=2).first.tolist() == [2, 5]


def test_the_share_of_repeats_is_kept_where_not_all_hashes_fit():
    random = np.random.default_rng(4)
    hashes = random.integers(0, 2**64, size=40_000, dtype=np.uint64)
    everything = random.permutation(np.concatenate([hashes, hashes[:10_000]]))
    counter = RepeatCounter(most=10_000)
    for start in range(0, len(everything), 7_000):
        part = everything[start : start + 7_000]
        counter.add(part, np.arange(start, start + len(part)))
    found = counter.counted(most=20)
    assert not counter.exact
    assert found.looked_at <= 10_000
    assert len(found.first) == 0
    assert found.repeated / found.looked_at == pytest.approx(0.2, abs=0.03)


def drawn(count, size, seed, part):
    drawing, kept = Drawing(size, seed=seed), np.empty(0, dtype=int)
    for start in range(0, count, part):
        rows = np.arange(start, min(start + part, count))
        kept = np.concatenate((kept, rows[drawing.offer(len(rows))]))
        if drawing.waiting > 2 * size:
            kept = kept[drawing.trim()]
    kept = kept[drawing.trim()]
    assert kept.tolist() == drawing.places.tolist()
    return kept


def test_a_drawing_depends_on_the_seed_and_not_on_where_parts_end():
    one = drawn(1_000, 50, seed=7, part=1_000)
    assert len(one) == len(set(one)) == 50
    assert sorted(one) == list(one)
    assert drawn(1_000, 50, seed=7, part=13).tolist() == one.tolist()
    assert drawn(1_000, 50, seed=8, part=13).tolist() != one.tolist()
    assert drawn(30, 50, seed=7, part=13).tolist() == list(range(30))


def test_every_row_is_drawn_with_the_same_chance():
    counts = np.zeros(200)
    for seed in range(400):
        counts[drawn(200, 20, seed=seed, part=33)] += 1
    assert counts.sum() == 400 * 20
    # Without replacement within a drawing: the variance is that of Bernoulli draws of 1 in 10.
    statistic = ((counts - 40) ** 2).sum() / (400 * 0.1 * 0.9)
    assert 0.001 < stats.chi2.sf(statistic, df=199) < 0.999
