"""Nearest rows: the same as by looking at every pair, and a chance that holds for rows of one's own."""

from __future__ import annotations

import numpy as np
import pytest

from mlwright.statistics.neighbours import near_pairs, nearness


def by_every_pair(numbers, codes):
    squares = np.minimum((numbers[:, None, :] - numbers[None, :, :]) ** 2, 1.0).sum(axis=2)
    squares = squares + (codes[:, None, :] != codes[None, :, :]).sum(axis=2)
    np.fill_diagonal(squares, np.inf)
    return np.sqrt(squares)


@pytest.fixture
def rows():
    random = np.random.default_rng(0)
    numbers, codes = random.normal(size=(400, 4)), random.integers(0, 5, (400, 2))
    numbers[390:], codes[390:] = numbers[:10] + 1e-4 * random.normal(size=(10, 4)), codes[:10]
    return numbers, codes


def test_near_copies_and_their_distances_are_those_of_every_pair(rows):
    nearest, least, _ = near_pairs(*rows, [])
    apart = by_every_pair(*rows)
    assert nearest[390:].tolist() == list(range(10)) and nearest[:10].tolist() == list(range(390, 400))
    np.testing.assert_allclose(least[390:], apart.min(axis=1)[390:], rtol=1e-6)


def test_no_row_is_its_own_neighbour_and_no_distance_is_less_than_the_true_one(rows):
    nearest, least, far = near_pairs(*rows, [])
    apart = by_every_pair(*rows)
    assert (nearest != np.arange(400)).all()
    np.testing.assert_allclose(least, apart[np.arange(400), nearest], rtol=1e-6)
    ordered = np.sort(apart, axis=1)
    assert (least >= ordered[:, 0] - 1e-9).all() and (far >= ordered[:, 3] - 1e-9).all()


def test_a_partner_that_no_direction_shows_is_taken():
    random = np.random.default_rng(1)
    numbers = random.normal(size=(300, 30))
    numbers[299] = numbers[5]
    numbers[299, 7] += 50.0  # one cell, at most 1 of all 30
    nearest, least, _ = near_pairs(
        numbers, np.zeros((300, 0), dtype=np.int64), [(np.array([5]), np.array([299]))]
    )
    assert nearest[299] == 5 and nearest[5] == 299 and least[5] == least[299] == pytest.approx(1.0)


def test_two_rows_have_each_other():
    nearest, least, far = near_pairs(np.array([[0.0], [0.5]]), np.zeros((2, 0), dtype=np.int64), [])
    assert nearest.tolist() == [1, 0] and least.tolist() == far.tolist() == [0.5, 0.5]


@pytest.mark.parametrize("width", [2, 5])
def test_rows_drawn_at_random_are_near_no_more_often_than_the_chance_says(width):
    random = np.random.default_rng(2)
    rows = random.uniform(size=(4_000, width)) / 4  # no difference reaches 1
    _, least, far = near_pairs(rows, np.zeros((4_000, 0), dtype=np.int64), [])
    chance, dimension = nearness(least, far)
    # Neighbours are sought in few directions, which makes the fourth farther and the dimension less.
    assert 0.4 * width <= dimension <= 1.2 * width
    for level in (0.01, 0.05):
        assert (chance <= level).mean() <= 1.3 * level


def test_the_chance_is_that_of_the_least_of_three_uniform_volumes():
    far = np.full(5_000, 2.0)
    least = 2.0 * np.random.default_rng(3).uniform(size=(5_000, 3)).min(axis=1) ** (1 / 4)
    chance, dimension = nearness(least, far)
    assert dimension == pytest.approx(4.0, rel=0.1)
    volume = (least / far) ** dimension
    np.testing.assert_allclose(chance, 1 - (1 - volume) ** 3, rtol=1e-6, atol=1e-12)


def test_rows_that_are_all_equally_far_have_no_dimension():
    chance, dimension = nearness(np.zeros(50), np.zeros(50))
    assert np.isnan(dimension) and (chance == 1).all()
