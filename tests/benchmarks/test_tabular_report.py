"""The sums behind the comparison on tables: who won, by how much, and that kept results survive."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses and msgspec look for their annotations
    spec.loader.exec_module(module)
    return module


report = loaded("tabular_report")


def result(table: str, system: str, error: float | None, **more: object):
    named = {"kind": "tabular", "limit_s": 60.0, "metric": "rmse", "seconds": 50.0} | more
    failed = {"failure": "out of memory"} if error is None else {"value": error}
    return report.Result(set=table, system=system, error=error, **failed, **named)


def of(standings, system: str):
    return next(s for s in standings if s.system == system)


TWO_TABLES = [
    result("a", "mlwright", 0.11),
    result("a", "peer", 0.10),
    result("a", "other", 0.10),
    result("b", "mlwright", 0.20, seconds=70.0),
    result("b", "peer", 0.40),
    result("b", "other", None, seconds=None),
]


def test_equal_errors_share_their_places_and_failures_the_last() -> None:
    assert report.ranks({"a": 0.3, "b": 0.1, "c": 0.1, "d": None, "e": None}) == {
        "a": 3.0,
        "b": 1.5,
        "c": 1.5,
        "d": 4.5,
        "e": 4.5,
    }


def test_a_standing_counts_ties_half_and_failures_as_lost() -> None:
    found = report.standings(TWO_TABLES)
    assert of(found, "peer").wins == pytest.approx(0.5)
    assert of(found, "other").wins == pytest.approx(0.5), "a failure of the peer is a win"
    assert of(report.standings([result("a", "mlwright", 0.1), result("a", "x", 0.1)]), "x").wins == 0.5
    lost = [result("a", "mlwright", None), result("a", "x", 9.0)]
    assert of(report.standings(lost), "x").wins == 0.0


def test_a_standing_has_ranks_excess_overruns_and_failures() -> None:
    found = report.standings(TWO_TABLES)
    ours, peer, other = (of(found, s) for s in ("mlwright", "peer", "other"))
    assert (ours.rank, peer.rank, other.rank) == (2.0, 1.75, 2.25)
    assert [s.system for s in found] == ["peer", "mlwright", "other"]
    assert ours.excess == pytest.approx(0.05) and peer.excess == pytest.approx(0.5)
    assert peer.our_excess == pytest.approx((0.1 - 0.5) / 2)
    assert other.our_excess == pytest.approx(0.1), "only tables on which both have a result"
    assert (ours.overran, peer.overran, other.failed, ours.wins) == (1, 0, 1, None)


def test_a_peer_that_was_run_on_fewer_tables_is_compared_on_those() -> None:
    found = of(report.standings([*TWO_TABLES, result("b", "late", 0.3)]), "late")
    assert (found.tables, found.compared, found.wins) == (1, 1, 1.0)


def test_excess_over_a_perfect_score_is_bounded() -> None:
    assert report.excess(0.5, 0.0) == 1.0 and report.excess(5.0, 0.1) == 1.0
    assert report.excess(0.05, 0.1) == pytest.approx(-0.5)


@pytest.mark.parametrize(("limit", "seconds", "over"), [(60, 63, False), (60, 63.1, True), (240, 250, False)])
def test_the_limit_is_passed_by_more_than_a_twentieth_and_three_seconds(limit, seconds, over) -> None:
    assert result("a", "x", 0.1, limit_s=float(limit), seconds=float(seconds)).overran is over


def test_against_another_limit_only_the_peers_results_change() -> None:
    rows = [
        result("a", "mlwright", 0.1),
        result("a", "mlwright", 0.09, limit_s=240.0),
        result("a", "peer", 0.12),
        result("a", "peer", 0.095, limit_s=240.0),
    ]
    assert report.compared(rows, 60.0) == [rows[0], rows[2]]
    assert report.compared(rows, 60.0, 240.0) == [rows[0], rows[3]]


def test_results_are_kept_and_a_second_measurement_replaces_the_first(tmp_path: Path) -> None:
    path = tmp_path / "new" / "results.json"
    assert report.read(path) == []
    for r in (*TWO_TABLES, result("a", "peer", 0.05, row_us=12.3456789)):
        report.keep(path, r)
    kept = report.read(path)
    assert len(kept) == len(TWO_TABLES)
    again = next(r for r in kept if r.key == ("a", 60.0, "peer"))
    assert again.error == 0.05 and again.row_us == pytest.approx(12.346)
    assert len(path.read_text().splitlines()) == len(kept) + 2, "one line a result, so that changes are read"


def test_a_file_with_a_field_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text('[{"set": "a", "kind": "k", "system": "s", "limit_s": 1, "metric": "m", "valeu": 1}]')
    with pytest.raises(msgspec.ValidationError, match="valeu"):
        report.read(path)


def test_the_report_names_failures_overruns_and_the_best() -> None:
    text = report.report([*TWO_TABLES, result("c", "mlwright", 0.1, kind="tabular with free text")])
    assert "| a | rmse | **0.1** | 0.11 | **0.1** |" in text
    assert "failed" in text and "- other, b: out of memory" in text
    assert "70!" in text and "## tabular with free text" in text


def test_results_kept_in_the_repository_can_be_read() -> None:
    path = BENCHMARKS / "results" / "tabular.json"
    if not path.exists():
        pytest.skip("nothing has been measured yet")
    results = report.read(path)
    assert results and all((r.error is None) == (r.failure is not None) for r in results)
    assert all(r.commit for r in results if r.system == "mlwright")
