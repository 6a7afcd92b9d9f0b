"""How much is fitted where time is short: fewer folds, and refits that are foreseen as long as they take."""

import dataclasses

import msgspec
import numpy as np
import pytest

import mlwright as mw
from mlwright.base.machine import FEWEST_CELLS_A_THREAD
from mlwright.base.progress import Progress
from mlwright.base.schema import Column
from mlwright.learners import Config
from mlwright.lifecycle.bounded import kept_for_measuring
from mlwright.tasks import Asked, kind_named
from mlwright.training import Budget
from mlwright.training.estimates import packaging_seconds, refit_seconds
from mlwright.training.found import Search
from mlwright.training.journal import Journal
from mlwright.training.limits import Limits
from mlwright.training.prepared import FEWEST, PreparedFolds
from mlwright.training.search import AGAIN, ONCE, _Going
from mlwright.training.trial import Trial


@pytest.fixture(scope="module")
def problem(tmp_path_factory):
    """The demo's bank calls: enough rows for a holdout and five folds."""
    from mlwright.cli.commands.demo import LEAK, TABLE, TARGET, write_tables

    folder = tmp_path_factory.mktemp("bank")
    write_tables(folder)
    data = mw.read(str(folder / TABLE), target=TARGET, drop=[LEAK])
    return kind_named("tabular").problem(data, Asked(threads=2))[0]


def growing_many_trees(problem):
    """The same as if each round grew a tree for each of two thousand classes."""
    names = tuple(map(str, range(2_000)))
    return dataclasses.replace(problem, target=msgspec.structs.replace(problem.target, classes=names))


def folds_within(problem, limit_s, earlier=None):
    folds = PreparedFolds(problem)
    folds.parts(len(problem.split.folds) - 1, "tree")  # how long that took is not in question here
    return len(folds.affordable(Budget(limit_s), earlier).problem.split.folds)


def test_the_longer_fits_take_the_fewer_folds_there_are(problem):
    assert len(problem.split.test) and len(problem.split.folds) == 5
    many = growing_many_trees(problem)
    assert folds_within(problem, 100_000.0) == 5
    assert folds_within(many, 600.0) == FEWEST
    between = [folds_within(many, limit) for limit in (600.0, 10_000.0, 20_000.0, 1_000_000.0)]
    assert between == sorted(between) and between[-1] == 5


def test_a_fit_that_goes_on_has_as_many_folds_as_it_began_with(problem):
    assert folds_within(growing_many_trees(problem), 600.0, earlier=4) == 4


@pytest.mark.parametrize("threads", [1, 2, 16])
def test_a_second_thread_is_counted_on_where_the_rows_can_keep_it_busy(problem, threads):
    cells = problem.table.numbers.size + problem.table.ids.size
    assert cells < 2 * FEWEST_CELLS_A_THREAD
    trial = Trial(Config("lightgbm", "lightgbm", "tree"), fold_seconds=[4.0, 4.0], error=0.1)
    found = Search(trials=[trial], fold_threads=1)
    asked = dataclasses.replace(problem, threads=threads)
    growth = len(problem.y) / len(problem.split.folds[-1].train)
    assert refit_seconds(asked, found, [trial]) == pytest.approx(4.0 * growth)
    wider = np.zeros((len(problem.y), 8 * FEWEST_CELLS_A_THREAD // len(problem.y) + 1))
    wide = dataclasses.replace(asked, table=dataclasses.replace(problem.table, numbers=wider))
    assert refit_seconds(wide, found, [trial]) == pytest.approx(4.0 * growth / min(threads, 8), rel=0.01)


def test_time_for_a_second_fit_is_kept_where_it_takes_a_small_part_of_the_limit(problem):
    def share(fold_s, limit_s=100.0):
        trial = Trial(Config("lightgbm", "lightgbm", "tree"), fold_seconds=[fold_s], error=0.1)
        found = Search(trials=[trial], fold_threads=1, plan=PreparedFolds(problem).plan(0))
        going = _Going(problem, PreparedFolds(problem), Budget(limit_s), Progress(), Journal(), found=found)
        return going._seconds_a_fold(Config("catboost", "catboost", "encoded")), refit_seconds(
            problem, found, [trial]
        )

    (free, _), (brief, again) = share(0.0), share(10.0)
    assert free - brief == pytest.approx(ONCE * again, abs=0.2) and again <= AGAIN * 100
    long, again = share(40.0)
    assert again > AGAIN * 100 and long == pytest.approx(free, abs=0.2)


def test_packaging_is_foreseen_by_the_column(problem):
    def seconds(columns):
        more = tuple(Column(name=f"more {i}", kind="numeric") for i in range(columns))
        schema = msgspec.structs.replace(problem.table.schema, columns=problem.table.schema.columns + more)
        wide = dataclasses.replace(problem, table=dataclasses.replace(problem.table, schema=schema))
        return packaging_seconds(wide, Search(), Budget(None))

    cells_s = 5_000 * len(problem.y) * 3e-8
    assert seconds(5_000) - seconds(0) > cells_s + 4


@pytest.mark.parametrize(
    ("limits", "limit_s", "kept"),
    [
        (Limits(), 60.0, 1.5),
        (Limits(latency_us=50.0), None, 0.0),
        (Limits(latency_us=50.0), 20.0, 3.0),
        (Limits(latency_us=50.0), 600.0, 6.5),
        (Limits(memory_bytes=1), 20.0, 1.0),
        (Limits(latency_us=50.0, memory_bytes=1), 600.0, 6.5),
        (Limits(size_bytes=1), 600.0, 1.5),
    ],
)
def test_time_is_kept_for_what_a_clock_may_say_of_a_limit(limits, limit_s, kept):
    assert kept_for_measuring(limits, limit_s) == pytest.approx(kept)
