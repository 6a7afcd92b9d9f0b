"""Shapley values of plain functions: against every coalition, and by the axioms that define them."""

from __future__ import annotations

import numpy as np
import pytest
from brute_force import shapley_values

from mlwright.artifact.shapley import MOST_EXACT, Game, Shares, shapley

NAN = float("nan")


def game_of(value, row, background) -> Game:
    row, background = np.asarray(row, float), np.asarray(background, float)
    return Game(row, float(value(row[None])[0]), background, value(background))


def solved(value, row, background, seed: int = 0, **settings) -> Shares:
    return shapley(value, game_of(value, row, background), np.random.default_rng(seed), **settings)


def by_force(value, row, background) -> np.ndarray:
    row, background = np.asarray(row, float), np.asarray(background, float)

    def worth(coalition: frozenset[int]) -> float:
        rows = background.copy()
        rows[:, sorted(coalition)] = row[sorted(coalition)]
        return float(value(rows).mean())

    return shapley_values(worth, len(row))


def tangled(rows: np.ndarray) -> np.ndarray:
    """Interactions of every order, missing values included."""
    known = np.nan_to_num(rows, nan=0.7)
    return np.sin(known.prod(axis=1)) + known[:, 0] * known[:, -1] + np.abs(known.sum(axis=1))


def pairwise(rows: np.ndarray) -> np.ndarray:
    return (rows @ np.triu(np.linspace(-1, 1, rows.shape[1] ** 2).reshape(rows.shape[1], -1)) * rows).sum(
        axis=1
    )


@pytest.mark.parametrize("width", [1, 2, 3, 5, 8])
def test_up_to_ten_columns_every_coalition_is_asked(width: int) -> None:
    rng = np.random.default_rng(width)
    row, background = rng.normal(size=width), rng.normal(size=(6, width))
    background[2, 0] = NAN
    background[3] = row  # equal in all columns
    background[4, -1] = row[-1]
    found = solved(tangled, row, background)
    assert found.exact and not found.error.any()
    np.testing.assert_allclose(found.contributions, by_force(tangled, row, background), atol=1e-12)


def test_coalitions_that_are_too_many_rows_are_sampled() -> None:
    rng = np.random.default_rng(2)
    row, background = rng.normal(size=7), rng.normal(size=(20, 7))
    asked = 20 * (2**7 - 2)
    assert solved(tangled, row, background, most_rows=asked).exact
    sampled = solved(tangled, row, background, most_rows=asked - 1)
    assert not sampled.exact and (sampled.error > 0).all()
    off = np.abs(sampled.contributions - by_force(tangled, row, background))
    assert (off < 5 * sampled.error).all() and off.max() > 1e-6


def test_a_missing_value_differs_from_a_number_and_not_from_a_missing_one() -> None:
    asked: list[int] = []

    def counted(rows: np.ndarray) -> np.ndarray:
        asked.append(len(rows))
        return tangled(rows)

    found = solved(counted, [NAN, 1.0, 2.0], [[NAN, 1.0, 5.0], [3.0, 1.0, 2.0]])
    np.testing.assert_allclose(
        found.contributions, by_force(tangled, [NAN, 1.0, 2.0], [[NAN, 1.0, 5.0], [3.0, 1.0, 2.0]])
    )
    assert sum(asked) == 1 + 2  # the row and the background; what differs in one column asks nothing more


def test_many_columns_are_sampled_and_the_parts_still_add_up() -> None:
    rng = np.random.default_rng(3)
    row, background = rng.normal(size=12), rng.normal(size=(40, 12))
    found = solved(tangled, row, background)
    assert not found.exact and (found.error > 0).all()
    expected = tangled(row[None])[0] - tangled(background).mean()
    assert found.contributions.sum() == pytest.approx(expected, abs=1e-12)


def test_where_no_more_than_two_columns_interact_walks_are_exact() -> None:
    rng = np.random.default_rng(4)
    row, background = rng.normal(size=12), rng.normal(size=(5, 12))
    found = solved(pairwise, row, background)
    np.testing.assert_allclose(found.contributions, by_force(pairwise, row, background), atol=1e-10)
    assert not found.exact and found.error.max() < 1e-10


def test_a_column_without_effect_gets_nothing_and_like_columns_get_alike() -> None:
    def value(rows: np.ndarray) -> np.ndarray:
        return np.tanh(rows[:, 0] * rows[:, 1] + rows[:, 3] ** 2)

    rng = np.random.default_rng(5)
    row, background = rng.normal(size=4), rng.normal(size=(30, 4))
    row[1], background[:, 1] = row[0], background[:, 0]
    found = solved(value, row, background).contributions
    assert found[2] == 0.0
    assert found[0] == pytest.approx(found[1], abs=1e-12)


@pytest.mark.parametrize("twice", [16, 40])
def test_the_told_error_is_the_error(twice: int) -> None:
    """Over many seeds the distance to the truth, in standard errors, spreads as it should."""
    rng = np.random.default_rng(6)
    row, background = rng.normal(size=11), rng.normal(size=(40, 11))
    background[:, 10] = np.where(rng.random(40) < 0.7, row[10], background[:, 10])
    truth = by_force(tangled, row, background)
    runs = [solved(tangled, row, background, seed, twice=twice) for seed in range(60)]
    errors = np.array([r.contributions - truth for r in runs])
    told = np.sqrt(np.mean([r.error**2 for r in runs], axis=0))
    assert (errors.std(axis=0) / told > 0.75).all() and (errors.std(axis=0) / told < 1.35).all()
    assert (np.abs(errors.mean(axis=0)) < 4 * told / np.sqrt(len(runs))).all()


def test_a_column_that_differs_in_none_of_the_rows_walked_twice_has_an_error_all_the_same() -> None:
    rng = np.random.default_rng(8)
    row, background = rng.normal(size=12), rng.normal(size=(60, 12))
    background[1:, 11] = row[11]
    told = [solved(tangled, row, background, seed, twice=2).error[11] for seed in range(10)]
    assert min(told) > 0


def test_the_same_seed_gives_the_same_values_and_another_gives_others() -> None:
    rng = np.random.default_rng(7)
    row, background = rng.normal(size=MOST_EXACT + 3), rng.normal(size=(20, MOST_EXACT + 3))
    first, again, other = (solved(tangled, row, background, seed).contributions for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_long_questions_are_asked_in_parts_and_mean_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from mlwright.artifact import shapley as module

    rng = np.random.default_rng(9)
    row, background = rng.normal(size=(1, 12))[0], rng.normal(size=(30, 12))
    asked: list[int] = []

    def counted(rows: np.ndarray) -> np.ndarray:
        asked.append(len(rows))
        return tangled(rows)

    whole = solved(tangled, row, background)
    monkeypatch.setattr(module, "CELLS", 12 * 7)
    parts = solved(counted, row, background)
    assert max(asked[2:]) <= 7 and len(asked) > 50
    assert parts.contributions.sum() == pytest.approx(whole.contributions.sum(), abs=1e-12)
    few = [solved(f, row[:6], background[:, :6]).contributions for f in (tangled, counted)]
    np.testing.assert_allclose(*few, atol=1e-12)
