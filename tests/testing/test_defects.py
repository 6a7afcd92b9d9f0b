"""The injector: its truth is true, its input stays as it was, and equal seeds give equal tables."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mlwright.base.errors import Misuse, UnknownName
from mlwright.testing import DEFECTS, STRENGTHS, Spoilt, inject

ROWS = 600
ADDED = {"id_like", "duplicated_column", "redundant_column", "high_cardinality", "leaking_feature",
         "leaking_id", "leaking_date", "repeated_target", "leaking_difference", "created_later",
         "sudden_change", "entity_on_both_sides", "time_overlap"}  # fmt: skip
"""Defects that bring a column of their own."""
IN_CELLS = {"disguised_number", "disguised_text", "disguised_zero", "string_variants", "mixed_types",
            "impossible_values", "decimal_slips", "damaged_encoding", "mostly_missing", "label_errors",
            "target_in_part", "new_categories", "leaking_absence"}  # fmt: skip
"""Defects of single values: the rows of the truth are those whose value is another."""
OF_SHARES = sorted(name for name in IN_CELLS if DEFECTS[name].measure.startswith("share"))


def table(rows: int = ROWS, seed: int = 0) -> pl.DataFrame:
    """Numbers that go together, words, whole ages, and a target with three classes; no value is missing."""
    rng = np.random.default_rng(seed)
    size = rng.normal(100, 12, rows)
    return pl.DataFrame(
        {
            "age": rng.integers(19, 88, rows),
            "size": size.round(3),
            "weight": (0.7 * size + rng.normal(0, 4, rows)).round(3),
            "city": rng.choice(["New York", "Rome", "Oslo", "Bonn"], rows, p=[0.4, 0.3, 0.2, 0.1]),
            "grade": rng.choice(["low", "middle", "high"], rows),
            "class": rng.choice(["ham", "spam", "news"], rows, p=[0.5, 0.3, 0.2]),
        }
    )


def spoil(name: str, strength: str = "medium", seed: int = 0, frame: pl.DataFrame | None = None) -> Spoilt:
    other = table(900, 1) if DEFECTS[name].pair else None
    frame = table() if frame is None else frame
    return inject(name, frame, strength=strength, seed=seed, target="class", other=other)


@pytest.mark.parametrize("name", DEFECTS)
def test_equal_seeds_give_equal_tables_and_the_input_stays_as_it_was(name: str) -> None:
    frame, other = table(), table(900, 1) if DEFECTS[name].pair else None
    first = inject(name, frame, seed=3, target="class", other=other)
    again = inject(name, frame, seed=3, target="class", other=other)
    assert_frame_equal(frame, table())
    assert other is None or other.equals(table(900, 1))
    assert_frame_equal(first.frame, again.frame)
    assert (first.columns, first.rows, first.roles) == (again.columns, again.rows, again.roles)
    assert not first.frame.equals(frame)


@pytest.mark.parametrize("name", DEFECTS)
def test_the_truth_names_what_is_there(name: str) -> None:
    for strength in STRENGTHS:
        spoilt = spoil(name, strength)
        assert (spoilt.defect, spoilt.strength, spoilt.codes) == (name, strength, DEFECTS[name].codes)
        assert set(spoilt.columns) <= set(spoilt.frame.columns)
        assert set(spoilt.roles.values()) <= set(spoilt.frame.columns)
        assert all(0 <= r < spoilt.frame.height for r in (*spoilt.rows, *spoilt.partners))
        assert list(spoilt.rows) == sorted(set(spoilt.rows))
        assert (set(spoilt.frame.columns) > set(table().columns)) == (name in ADDED)
        if DEFECTS[name].pair:
            assert spoilt.other is not None and spoilt.other.columns == spoilt.frame.columns


@pytest.mark.parametrize("name", sorted(IN_CELLS))
def test_the_rows_of_the_truth_are_exactly_those_whose_value_changed(name: str) -> None:
    for seed in range(3):
        spoilt = spoil(name, seed=seed)
        column = spoilt.columns[0]
        before, after = table()[column].cast(pl.String), spoilt.frame[column].cast(pl.String)
        assert tuple(np.flatnonzero(before.ne_missing(after).to_numpy())) == spoilt.rows
        rest = [c for c in table().columns if c != column]
        assert_frame_equal(spoilt.frame.select(rest), table().select(rest))


@pytest.mark.parametrize("name", OF_SHARES)
def test_a_stronger_defect_spoils_more_rows_and_as_many_as_it_says(name: str) -> None:
    if name == "leaking_absence":
        return  # its measure is a difference of shares, looked at below
    for strength in STRENGTHS:
        wanted = max(3, round(DEFECTS[name].degree(strength) * ROWS))
        assert len(spoil(name, strength).rows) == wanted


def test_what_is_missing_by_the_target_is_missing_as_often_as_it_says() -> None:
    for strength in STRENGTHS:
        spoilt = spoil("leaking_absence", strength)
        gone = spoilt.frame[spoilt.columns[0]].is_null().to_numpy()
        high = (spoilt.frame["class"] != "ham").to_numpy()
        difference = gone[high].mean() - gone[~high].mean()
        assert abs(difference - DEFECTS["leaking_absence"].degree(strength)) < 0.1


def test_copies_equal_an_earlier_row_and_stand_below_it() -> None:
    spoilt = spoil("exact_duplicates")
    first = spoilt.frame.select(pl.struct(pl.all()).is_first_distinct()).to_series().to_numpy()
    assert tuple(np.flatnonzero(~first)) == spoilt.rows
    originals = spoilt.frame[list(spoilt.partners)]
    assert_frame_equal(originals, spoilt.frame[list(spoilt.rows)], check_row_order=False)


def test_near_copies_differ_in_one_value_and_contradictions_in_the_target_alone() -> None:
    near = spoil("near_duplicates")
    for row, partner in nearest(near.frame, near.rows):
        assert partner in near.partners
        assert sum(a != b for a, b in zip(near.frame.row(row), near.frame.row(partner), strict=True)) == 1
    against = spoil("conflicting_labels")
    features = [c for c in against.frame.columns if c != "class"]
    for row, partner in nearest(against.frame, against.rows):
        assert against.frame.select(features).row(row) == against.frame.select(features).row(partner)
        assert against.frame["class"][row] != against.frame["class"][partner]


def nearest(frame: pl.DataFrame, rows: tuple[int, ...]) -> list[tuple[int, int]]:
    """For each of the rows the other row with which it shares most values."""
    columns = [frame[c].to_numpy() for c in frame.columns]
    pairs = []
    for row in rows:
        alike = sum((c == c[row]).astype(int) for c in columns)
        alike[row] = -1
        pairs.append((row, int(alike.argmax())))
    return pairs


def test_twins_are_equal_or_nearly_a_function_and_noise_grows_as_the_defect_weakens() -> None:
    strong = spoil("duplicated_column", "strong")
    copy, name = strong.columns
    assert strong.frame[copy].equals(strong.frame[name], check_names=False)
    noises = []
    for strength in STRENGTHS:
        spoilt = inject("redundant_column", table(), strength=strength, column="size")
        derived, size = (spoilt.frame[c].to_numpy() for c in spoilt.columns)
        noises.append((derived - 3 * size - 7).std() / size.std() / 3)
    assert np.allclose(noises, DEFECTS["redundant_column"].degrees, rtol=0.15)


def test_nearly_empty_rows_are_nearly_empty_and_no_others() -> None:
    for strength in STRENGTHS:
        spoilt = spoil("nearly_empty_rows", strength)
        empty = spoilt.frame.select(pl.sum_horizontal(pl.all().is_null())).to_series().to_numpy()
        assert tuple(np.flatnonzero(empty)) == spoilt.rows
        assert (empty[list(spoilt.rows)] == round(DEFECTS["nearly_empty_rows"].degree(strength) * 5)).all()
        assert spoilt.frame["class"].null_count() == 0


def test_an_order_is_as_strong_as_it_says() -> None:
    means = []
    for strength in STRENGTHS:
        codes = spoil("sorted_by_target", strength).frame["class"].rank("dense").to_numpy()
        means.append(abs(np.corrcoef(codes, np.arange(ROWS))[0, 1]))
    assert means[0] < means[1] < means[2] and means[2] > 0.9
    blocked = inject("blocked_rows", table(), strength="strong", column="city").frame["city"]
    assert len(blocked.rle()) == 4


def test_a_sudden_change_begins_where_it_says() -> None:
    spoilt = spoil("sudden_change", "strong")
    (name,), rows = spoilt.columns, list(spoilt.rows)
    assert rows == list(range(rows[0], ROWS))
    values = spoilt.frame[name].to_numpy()
    deviations = (values[rows].mean() - values[: rows[0]].mean()) / table()[name].to_numpy().std()
    assert 2.5 < deviations < 3.5
    assert spoilt.frame[spoilt.roles["time"]].is_sorted()


def test_classes_are_as_rare_as_they_are_said_to_be() -> None:
    for strength in STRENGTHS:
        counts = spoil("rare_classes", strength).frame["class"].value_counts()["count"]
        assert counts.min() == DEFECTS["rare_classes"].degree(strength)
        share = (spoil("imbalance", strength).frame["class"] == "news").mean()
        assert share == pytest.approx(DEFECTS["imbalance"].degree(strength) / 3, rel=0.2)


def test_leaks_know_the_target_the_better_the_stronger() -> None:
    y = table()["class"].rank("dense").to_numpy().astype(float)
    for name in ("leaking_feature", "leaking_id", "leaking_date", "leaking_difference"):
        known = []
        for strength in STRENGTHS:
            spoilt = spoil(name, strength)
            values = [spoilt.frame[c].to_physical().cast(pl.Float64).to_numpy() for c in spoilt.columns]
            known.append(np.corrcoef(values[-1] - (values[0] if len(values) == 2 else 0), y)[0, 1])
        assert known[0] < known[1] < known[2] and known[2] > 0.85, (name, known)
    apart = spoil("leaking_difference", "strong")
    assert all(abs(np.corrcoef(apart.frame[c].to_numpy(), y)[0, 1]) < 0.2 for c in apart.columns)


def test_a_repeated_target_is_one_to_one() -> None:
    spoilt = spoil("repeated_target", "strong")
    pairs = spoilt.frame.select("class", spoilt.columns[0]).unique()
    assert pairs.height == 3


def test_rows_are_created_later_than_decided_exactly_where_it_says() -> None:
    spoilt = spoil("created_later")
    later = (spoilt.frame["created_at"] > spoilt.frame["decided_at"]).to_numpy()
    assert tuple(np.flatnonzero(later)) == spoilt.rows


def test_contaminated_rows_stand_in_the_earlier_table_and_others_do_not() -> None:
    other = set(table(900, 1).rows())
    exact = spoil("contamination_exact")
    assert tuple(i for i, row in enumerate(exact.frame.iter_rows()) if row in other) == exact.rows
    fuzzy = spoil("contamination_fuzzy")
    earlier = [np.array(c) for c in zip(*other, strict=True)]
    for row in fuzzy.rows:
        alike = sum((c == v).astype(int) for c, v in zip(earlier, fuzzy.frame.row(row), strict=True))
        assert alike.max() == len(earlier) - 1


def test_entities_and_times_lie_on_both_sides_exactly_where_it_says() -> None:
    entity = spoil("entity_on_both_sides")
    assert entity.other is not None
    shared = entity.frame["customer"].is_in(entity.other["customer"].to_list()).to_numpy()
    assert tuple(np.flatnonzero(shared)) == entity.rows
    time = spoil("time_overlap")
    assert time.other is not None
    early = (time.frame["seen_at"] < time.other["seen_at"].max()).to_numpy()
    assert set(time.rows) == set(np.flatnonzero(early))


def test_shifts_are_as_large_as_they_say() -> None:
    for strength in STRENGTHS:
        shifted = spoil("marginal_shift", strength)
        (name,) = shifted.columns
        moved = shifted.frame[name].cast(pl.Float64) - table()[name]
        assert np.allclose(moved / table()[name].std(ddof=0), DEFECTS["marginal_shift"].degree(strength))
        labels = spoil("label_shift", strength).frame["class"]
        moved = (table()["class"] == "ham").mean() - (labels == "ham").mean()
        assert moved == pytest.approx(DEFECTS["label_shift"].degree(strength), abs=0.01)


def test_a_joint_shift_turns_a_correlation_and_leaves_each_column_as_it_was() -> None:
    spoilt = spoil("joint_shift", "strong")
    a, b = spoilt.columns
    before = np.corrcoef(table()[a].to_numpy(), table()[b].to_numpy())[0, 1]
    assert before > 0.8 and np.corrcoef(spoilt.frame[a].to_numpy(), spoilt.frame[b].to_numpy())[0, 1] < -0.8
    assert spoilt.frame[b].sort().equals(table()[b].sort()) and spoilt.frame[a].equals(table()[a])


@pytest.mark.parametrize("name", ["leaking_feature", "conflicting_labels", "label_shift", "repeated_target",
                                  "leaking_difference", "leaking_absence", "sorted_by_target"])  # fmt: skip
def test_a_target_of_numbers_is_spoilt_too(name: str) -> None:
    frame = table().with_columns(pl.Series("price", np.random.default_rng(5).lognormal(3, 1, ROWS)))
    other = frame if DEFECTS[name].pair else None
    spoilt = inject(name, frame, target="price", other=other)
    assert spoilt.frame["price"].null_count() == 0
    with pytest.raises(Misuse, match="no classes"):
        inject("rare_classes", frame, target="price")


def test_a_chosen_column_is_the_one_that_is_spoilt() -> None:
    for name in ("constant", "disguised_number", "mixed_types", "decimal_slips"):
        assert inject(name, table(), column="weight").columns == ("weight",)
    with pytest.raises(Misuse, match="'city' is not a number"):
        inject("mixed_types", table(), column="city")


def test_what_does_not_exist_or_cannot_be_is_told_with_the_near_miss() -> None:
    with pytest.raises(UnknownName, match="id_like"):
        inject("idlike", table())
    with pytest.raises(UnknownName, match="weak"):
        inject("constant", table(), strength="week")
    with pytest.raises(UnknownName, match="class"):
        inject("constant", table(), target="clas")
    with pytest.raises(UnknownName, match="city"):
        inject("constant", table(), column="citty")
    with pytest.raises(Misuse, match="none is named"):
        inject("label_errors", table())
    with pytest.raises(Misuse, match="between two tables"):
        inject("new_categories", table())
    with pytest.raises(Misuse, match="different columns"):
        inject("new_categories", table(), other=table().drop("age"))
    with pytest.raises(Misuse, match="no column is a category of words"):
        inject("string_variants", table().select("age", "size"))
    with pytest.raises(Misuse, match="without rows"):
        inject("constant", table().clear())
    with pytest.raises(Misuse):
        inject("exact_duplicates", table().head(2))
