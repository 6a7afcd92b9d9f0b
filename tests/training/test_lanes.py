"""Whatever a candidate does to the process it is fitted in costs that candidate alone.

The learners are a stranger's: a package with entry points on the path, as lanes find any other.
"""

import io
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import strangers

import mlwright as mw
from mlwright.base import interpreter
from mlwright.base.progress import Progress
from mlwright.learners import Config
from mlwright.tasks import Asked, kind_named
from mlwright.training import Budget, train
from mlwright.training import lane as lane_module
from mlwright.training import lanes as lanes_module
from mlwright.training import pool as pool_module
from mlwright.training.exchange import Exchange
from mlwright.training.pool import POOL, Pool
from mlwright.training.prepared import PreparedFolds
from mlwright.training.trial import run_trial

LINUX = sys.platform == "linux"


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return strangers.write(tmp_path_factory.mktemp("site"))


@pytest.fixture
def installed(package, monkeypatch):
    """Has a stranger's package installed, for this process and for the lanes that it starts."""
    monkeypatch.syspath_prepend(str(package))


@pytest.fixture
def problem(installed):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(700, 4))
    frame = {f"x{j}": x[:, j].tolist() for j in range(4)} | {"y": (x @ [3, 2, 1, 0.5]).tolist()}
    made, _ = kind_named("tabular").problem(mw.read(frame, target="y"), Asked(threads=2))
    return made


def tried(problem, family, deadline=lambda: None, **settings):
    folds = PreparedFolds(problem)
    return run_trial(Config(family, family, "tree", settings), None, folds, deadline)


def soon(seconds):
    return lambda: time.monotonic() + seconds


def test_a_strangers_learner_is_fitted_in_lanes_and_kept_in_the_ensemble(problem):
    portfolio = (
        Config("plain", "baseline", "tree"),
        *(Config(f"x{j}", "good", "tree", {"column": j}) for j in (0, 1)),
    )
    trained = train(replace(problem, portfolio=portfolio), Budget(None, 3), Progress())
    assert {m.config.name for m in trained.blend.members} == {"x0", "x1"}
    assert {e.reason for e in trained.evaluation.leaderboard if e.family == "good"} == {"kept"}


@pytest.mark.parametrize(
    ("family", "reason"),
    [
        ("raises", "RuntimeError: no such luck"),
        ("exits", "ended itself with exit code 3: the end is near"),
        ("nan", "not a number"),
        pytest.param(
            "crashes", "was ended by SIGSEGV", marks=pytest.mark.skipif(os.name != "posix", reason="signals")
        ),
        pytest.param(
            "grasps", "MemoryError", marks=pytest.mark.skipif(not LINUX, reason="needs RLIMIT_DATA")
        ),
    ],
)
def test_a_candidate_that_fails_stands_there_with_its_reason_and_the_others_go_on(
    problem, family, reason, monkeypatch
):
    if family == "grasps":
        monkeypatch.setattr(lanes_module.machine, "memory_available", lambda: 1 << 30)
    portfolio = tuple(Config(f, f, "tree") for f in ("baseline", family, "good"))
    folds = PreparedFolds(problem)
    found = [run_trial(c, None, folds, lambda: None) for c in portfolio]
    assert reason in found[1].failure
    assert not found[0].failure and not found[2].failure and found[2].error < found[0].error


def test_a_candidate_that_ignores_its_deadline_is_ended_soon_after(problem):
    began = time.monotonic()
    trial = tried(problem, "sleeps", soon(0.2))
    assert "did not stop at its deadline" in trial.failure
    assert time.monotonic() - began < 60  # the learner sleeps for ten minutes
    assert not tried(problem, "good").failure


def test_a_fold_that_fails_stops_the_others(problem, tmp_path):
    began = time.monotonic()
    trial = tried(problem, "fails-later", mark=str(tmp_path / "mark"))
    assert "the first fold fails" in trial.failure
    assert time.monotonic() - began < 60  # the second fold sleeps for ten minutes


def test_what_a_learner_prints_reaches_neither_the_terminal_nor_the_answers(problem, capfd):
    trial = tried(problem, "babbles")
    assert not trial.failure
    assert capfd.readouterr() == ("", "")


def test_lanes_are_kept_between_candidates_and_share_the_threads(problem, tmp_path):
    log = tmp_path / "log"
    for _ in range(2):
        tried(problem, "writes", log=str(log))
    lines = [line.split(" ") for line in log.read_text().splitlines()]
    assert len(lines) == 2 * len(problem.split.folds)
    assert len({pid for pid, *_ in lines}) <= 2 and str(os.getpid()) not in {pid for pid, *_ in lines}
    assert {(threads, most) for _, _, threads, most in lines} == {("1", "1")}


def test_results_are_the_same_in_lanes_and_in_this_process(problem):
    config = problem.portfolio[2]
    assert config.family == "lightgbm"
    folds = PreparedFolds(problem)
    lanes = run_trial(config, None, folds, lambda: None)
    alone = PreparedFolds(problem)
    alone.alone = "it is asked for"
    here = run_trial(config, None, alone, lambda: None)
    assert not lanes.failure and np.array_equal(lanes.margins, here.margins)
    assert lanes.best_rounds == here.best_rounds and lanes.shape == here.shape
    assert lanes.settled == here.settled


LOADS = """
import io, sys
from mlwright.training.lane import Lane, UNASKED
Lane(io.BytesIO()).load(sys.argv[1])
print(*sorted(set(UNASKED) & set(sys.modules)))
import sklearn.base, lightgbm
print(lightgbm.Booster.__name__)
"""


@pytest.mark.parametrize("library", ["lightgbm", "xgboost", "catboost"])
def test_a_lane_loads_a_booster_without_the_packages_that_it_is_not_asked_for(library):
    pytest.importorskip(library)
    done = subprocess.run(
        interpreter.command("-c", LOADS, library),
        env=interpreter.environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == ["", "Booster"]


def test_where_a_stranger_may_be_fitted_a_library_is_loaded_whole(package, tmp_path, monkeypatch):
    (tmp_path / "odd_booster.py").write_text(
        "try:\n    import odd_frames\nexcept ImportError:\n    odd_frames = None\n"
    )
    (tmp_path / "odd_frames.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(lane_module, "UNASKED", ("odd_frames",))
    for name in ("odd_booster", "odd_frames"):  # known, so that it is forgotten after the test
        monkeypatch.setitem(sys.modules, name, None)
    found = []
    for strangers_too in (False, True):
        if strangers_too:
            monkeypatch.syspath_prepend(str(package))
        sys.modules.pop("odd_booster", None)
        sys.modules.pop("odd_frames", None)
        lane_module.Lane(io.BytesIO()).load("odd_booster")
        found.append(sys.modules["odd_booster"].odd_frames is not None)
    assert found == [False, True]


def test_without_child_processes_candidates_are_fitted_here(problem, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", "")
    log = tmp_path / "log"
    folds = PreparedFolds(problem)
    trial = run_trial(Config("w", "writes", "tree", {"log": str(log)}), None, folds, lambda: None)
    assert not trial.failure and log.read_text().startswith(f"{os.getpid()} ")
    assert "not run by a Python" in folds.alone


def test_where_no_lane_starts_candidates_are_fitted_here(problem, monkeypatch, tmp_path):
    broken = Pool()
    monkeypatch.setattr("mlwright.training.trial.POOL", broken)
    monkeypatch.setattr(interpreter, "module_path", lambda: [str(tmp_path)])  # no mlwright there
    monkeypatch.setattr(pool_module, "_environment", lambda threads: {"PYTHONHOME": str(tmp_path)})
    folds = PreparedFolds(problem)
    trial = run_trial(Config("g", "good", "tree"), None, folds, lambda: None)
    assert not trial.failure and "did not start" in folds.alone and broken.unable() == folds.alone
    broken.close()


def test_where_no_file_can_be_written_candidates_are_fitted_here(problem, monkeypatch):
    def full(self, array):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Exchange, "write", full)
    folds = PreparedFolds(problem)
    trial = run_trial(Config("g", "good", "tree"), None, folds, lambda: None)
    assert not trial.failure and "No space left" in folds.alone


def test_a_lane_that_dies_while_idle_is_replaced(problem):
    assert not tried(problem, "good").failure
    for lane in list(POOL._idle):
        lane.process.kill()
        lane.process.wait()
    assert not tried(problem, "good").failure


def test_lanes_that_were_started_for_other_threads_are_replaced(problem, tmp_path):
    assert not tried(problem, "good").failure
    log = tmp_path / "log"
    four = replace(problem, threads=2 * len(problem.split.folds))
    folds = PreparedFolds(four)
    trial = run_trial(Config("w", "writes", "tree", {"log": str(log)}), None, folds, lambda: None)
    assert not trial.failure and not folds.alone
    assert {line.split(" ")[3] for line in log.read_text().splitlines()} == {str(folds.threads)}
    assert str(os.getpid()) not in {line.split(" ")[0] for line in log.read_text().splitlines()}


def test_an_interruption_ends_the_fits_in_progress_and_keeps_what_is_finished(problem):
    began = time.monotonic()

    class Interrupts(Progress):
        def step(self, message, fraction, seconds_left):
            if message == "trying sleeps":
                signal.setitimer(signal.ITIMER_REAL, 0.5)

    def interrupt(number, frame):
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        portfolio = tuple(Config(f, f, "tree") for f in ("baseline", "good", "sleeps"))
        trained = train(replace(problem, portfolio=portfolio), Budget(None, 3), Interrupts())
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert [m.config.name for m in trained.blend.members] == ["good"]
    assert "interrupted" in " ".join(trained.notes)
    assert time.monotonic() - began < 60  # the learner sleeps for ten minutes


KILLED = """
import sys, time
sys.path.insert(0, {site!r})
import numpy as np, mlwright as mw
from mlwright.learners import Config
from mlwright.tasks import Asked, kind_named
from mlwright.training.pool import POOL
from mlwright.training.prepared import PreparedFolds
from mlwright.training.trial import run_trial
x = np.random.default_rng(0).normal(size=3000)
frame = {{"x": x.tolist(), "y": (2 * x).tolist()}}
problem, _ = kind_named("tabular").problem(mw.read(frame, target="y"), Asked(threads=2))
folds = PreparedFolds(problem)
print(POOL.exchange.folder, flush=True)
run_trial(Config("w", "writes", "tree", {{"log": {log!r}}}), None, folds, lambda: None)
print("sleeping", flush=True)
run_trial(Config("s", "sleeps", "tree"), None, folds, lambda: None)
"""


@pytest.mark.skipif(os.name != "posix", reason="kills by signal")
def test_lanes_and_their_files_go_when_their_parent_is_killed(package, tmp_path):
    log = tmp_path / "log"
    code = KILLED.format(site=str(package), log=str(log))
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    with parent:
        folder = Path(parent.stdout.readline().split()[-1])
        assert parent.stdout.readline() == "sleeping\n" and any(folder.glob("*.npy"))
        pids = {int(line.split()[0]) for line in log.read_text().splitlines()}
        parent.kill()
    assert pids and gone(lambda: not folder.exists() and not any(map(lives, pids)))


def gone(look):
    """Whether `look` comes true within a time that no working code needs."""
    until = time.monotonic() + 60
    while not look() and time.monotonic() < until:
        time.sleep(0.05)
    return look()


def lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")
