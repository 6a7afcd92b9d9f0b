"""The journal of a fit: what a search has finished, kept as it goes, so that a killed fit can be taken up.

Opened by `lifecycle` for a Problem, written and asked by `search`. A folder of canonical JSON and `.npy`
arrays, each file whole or absent; it runs nothing that it reads, and knows neither flags nor model files.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from mlwright.base.canonical import canonical_json, sha256
from mlwright.base.errors import EnvironmentProblem, Misuse
from mlwright.base.evaluation import Score
from mlwright.graph.trees import Shape
from mlwright.learners import Config
from mlwright.learners.protocol import Settings
from mlwright.training.identity import Run, run_of
from mlwright.training.problem import Problem
from mlwright.training.trial import Trial

MOST_DEATHS = 2
"""A candidate during which the process died this often is left out: it would take the next one down too."""
DIED = "the process died while it was fitted, twice"
_LOCK = "lock"
_FILES = ("run.json", "folds.json", "*.trial.json", "*.running.json", "*.npy", ".*.writing", _LOCK)


class Journal:
    """What a search tells of itself: a class of no-op hooks, for a fit that keeps no journal."""

    spent_s: float = 0.0
    """Seconds that earlier runs of this fit have spent."""
    folds: int | None = None
    """How many folds earlier runs used; None where none is known."""

    def recorded(self, config: Config) -> Trial | None:
        """The finished trial of `config`, where an earlier run left one."""
        return None

    def begins(self, problem: Problem) -> None:
        """The search begins with this problem, of which it may have kept only the last folds."""

    def starting(self, config: Config) -> None:
        """`config` is about to be fitted."""

    def stopped(self, config: Config) -> None:
        """`config` is no longer being fitted, and nothing came of it."""

    def finished(self, trial: Trial, spent_s: float) -> None:
        """`trial` is finished, `spent_s` seconds into the fit, earlier runs included."""


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A finished trial as JSON; its arrays lie beside it, named by their digests."""

    run: str
    config: Config
    spent_s: float
    error: float | None
    best_rounds: tuple[int, ...]
    settled: Settings
    shape: Shape | None
    fold_seconds: tuple[float, ...]
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    failure: str
    score: Score | None
    arrays: dict[str, str]
    """The SHA-256 of each array's file."""


class JournalFolder(Journal):
    """A journal in a folder. One process at a time writes it; a torn or changed record is left out, loudly.

    Raises `Misuse` on opening where the folder is of another fit (`resume`) or of something else, and
    `EnvironmentProblem` where it cannot be written or another process is at it. Later on, a folder that
    cannot be written ends the journal, not the fit.
    """

    def __init__(self, folder: Path, problem: Problem, *, resume: bool, note: Callable[[str], None]) -> None:
        self._folder, self._problem, self._note = folder, problem, note
        self._run = run_of(problem)
        self._digest = sha256(canonical_json(self._run))
        self._records: dict[str, Record] = {}
        self._starts: dict[str, int] = {}
        self._open = True
        self._lock: io.BufferedWriter | None = None
        self._enter(resume)

    def recorded(self, config: Config) -> Trial | None:
        key = key_of(config)
        record = self._records.get(key)
        if record is None:
            died = self._starts.get(key, 0) >= MOST_DEATHS
            return Trial(config, failure=DIED) if died else None
        try:
            return self._restored(record, config)
        except (OSError, ValueError) as damage:
            del self._records[key]
            self._note(f"the journal's record of {config.name} is not used: {damage}")
            return None

    def begins(self, problem: Problem) -> None:
        self._problem = problem
        self._write("folds.json", canonical_json({"run": self._digest, "folds": len(problem.split.folds)}))

    def starting(self, config: Config) -> None:
        key = key_of(config)
        self._starts[key] = self._starts.get(key, 0) + 1
        self._write(f"{key}.running.json", canonical_json({"run": self._digest, "starts": self._starts[key]}))

    def stopped(self, config: Config) -> None:
        if self._open:
            with contextlib.suppress(OSError):
                (self._folder / f"{key_of(config)}.running.json").unlink(missing_ok=True)

    def finished(self, trial: Trial, spent_s: float) -> None:
        key = key_of(trial.config)
        judged = self._problem.split.judged
        arrays = {} if trial.failure else {"margins": trial.margins[judged], "held": trial.held}
        files = {name: _npy(values) for name, values in arrays.items()}
        try:
            record = canonical_json(self._record_of(trial, spent_s, files))
        except Misuse:  # a stranger's learner settled on what is no JSON: its trial is not kept
            return
        for name, data in files.items():
            self._write(f"{key}.{name}.npy", data)
        self._write(f"{key}.trial.json", b'{"digest":"%s","record":%s}' % (sha256(record).encode(), record))
        self.stopped(trial.config)

    def _record_of(self, trial: Trial, spent_s: float, files: dict[str, bytes]) -> Record:
        return Record(
            run=self._digest,
            config=trial.config,
            spent_s=round(spent_s, 3),
            error=float(trial.error) if np.isfinite(trial.error) else None,
            best_rounds=trial.best_rounds,
            settled=trial.settled,
            shape=trial.shape,
            fold_seconds=tuple(trial.fold_seconds),
            wall_seconds=trial.wall_seconds,
            cpu_seconds=trial.cpu_seconds,
            peak_bytes=trial.peak_bytes,
            failure=trial.failure,
            score=trial.score,
            arrays={name: sha256(data) for name, data in files.items()},
        )

    def close(self) -> None:
        """Lets another process have the folder; what is in it stays."""
        self._open = False
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    # What follows opens and reads.

    def _enter(self, resume: bool) -> None:
        folder = self._folder
        if folder.exists() and not folder.is_dir():
            raise Misuse("the journal's folder is a file", where=str(folder), remedy="name a folder")
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        there = "run.json" in names
        if names and not any(fnmatch(name, pattern) for name in names for pattern in _FILES):
            raise Misuse(
                "this folder holds something else than the journal of a fit",
                where=str(folder),
                remedy="name a folder of its own",
            )
        if resume and not there:
            self._note(f"there is no unfinished fit in {folder}: begun anew")
        try:
            folder.mkdir(exist_ok=True)
            self._lock = _locked(folder / _LOCK)
        except OSError as problem:
            raise EnvironmentProblem(
                f"the journal cannot be kept here: {problem.strerror or problem}",
                where=str(folder),
                remedy="name another folder",
            ) from None
        try:
            if there and resume:
                self._load()
            elif there:
                self._replace()
            self._write("run.json", canonical_json({"digest": self._digest, "run": self._run}))
        except BaseException:  # the lock is given back, whatever it was, and it is raised again
            self.close()
            raise

    def _replace(self) -> None:
        finished = len(list(self._folder.glob("*.trial.json")))
        if finished:
            self._note(
                f"an unfinished fit with {_told(finished)} was in {self._folder}: this one replaces it"
            )
        _clear(self._folder)

    def _load(self) -> None:
        self._refuse_another()
        for path in sorted(self._folder.glob("*.trial.json")):
            try:
                record = _record(path)
            except (OSError, ValueError) as damage:
                self._note(f"{path} is damaged and not used: {damage}")
                continue
            if record.run == self._digest:
                self._records[key_of(record.config)] = record
        self.spent_s = max((r.spent_s for r in self._records.values()), default=0.0)
        self._note(
            f"going on with an unfinished fit: {_told(len(self._records))}, {self.spent_s:.0f} s spent"
        )
        for path in self._folder.glob("*.running.json"):
            said = self._said(path)
            if said is not None:
                self._starts[path.name.partition(".")[0]] = said.get("starts", 0)
        said = self._said(self._folder / "folds.json")
        self.folds = None if said is None else said.get("folds")

    def _refuse_another(self) -> None:
        """Raises `Misuse` where the folder is of other data or settings, with what differs."""
        try:
            then = msgspec.json.decode((self._folder / "run.json").read_bytes(), type=_Began)
        except (OSError, ValueError):
            self._note(f"{self._folder / 'run.json'} is damaged: records of this very fit are used")
            return
        if then.digest == self._digest == sha256(canonical_json(then.run)):
            return
        differing = self._run.differences(then.run)
        if not differing:
            self._note(f"{self._folder / 'run.json'} is damaged: records of this very fit are used")
            return
        raise Misuse(
            "the unfinished fit in this folder is another one: " + "; ".join(differing),
            where=str(self._folder),
            remedy="give the same data and settings, or leave resume=True out to begin anew",
        )

    def _said(self, path: Path) -> dict[str, int] | None:
        """Numbers by name, where the file is of this run."""
        try:
            said = msgspec.json.decode(path.read_bytes(), type=dict[str, int | str])
        except (OSError, ValueError):
            return None
        if said.pop("run", None) != self._digest:
            return None
        return {k: v for k, v in said.items() if isinstance(v, int) and v > 0}

    def _restored(self, record: Record, config: Config) -> Trial:
        """Raises ValueError where an array is not what the record says."""
        trial = Trial(
            config,
            error=float("inf") if record.error is None else record.error,
            best_rounds=record.best_rounds,
            settled=record.settled,
            shape=record.shape,
            fold_seconds=list(record.fold_seconds),
            wall_seconds=record.wall_seconds,
            cpu_seconds=record.cpu_seconds,
            peak_bytes=record.peak_bytes,
            failure=record.failure,
            score=record.score,
        )
        if record.failure:
            return trial
        problem = self._problem
        columns = problem.classes if problem.classes > 2 else 1
        judged, test = problem.split.judged, problem.split.test
        trial.margins = np.full((len(problem.y), columns), np.nan)
        trial.margins[judged] = self._array(record, "margins", (len(judged), columns))
        if len(test):
            trial.held = self._array(record, "held", (len(test), columns))
        return trial

    def _array(self, record: Record, name: str, shape: tuple[int, int]) -> npt.NDArray[np.float64]:
        path = self._folder / f"{key_of(record.config)}.{name}.npy"
        data = path.read_bytes()
        if sha256(data) != record.arrays.get(name):
            raise ValueError(f"{path.name} is damaged")
        values = np.load(io.BytesIO(data), allow_pickle=False)
        if values.shape != shape or values.dtype != np.float64:
            raise ValueError(f"{path.name} is of {len(values)} rows, not of {shape[0]}")
        return np.asarray(values)

    # What follows writes.

    def _write(self, name: str, data: bytes) -> None:
        """Whole or not at all, also where the machine stops; a full disk ends the journal alone."""
        if not self._open:
            return
        temporary = self._folder / f".{name}.writing"
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._folder / name)
        except OSError as problem:
            with contextlib.suppress(OSError):
                temporary.unlink()
            self._open = False
            why = problem.strerror or problem
            self._note(f"the journal in {self._folder} ends here ({why}): a killed fit goes on from there")


class _Began(msgspec.Struct):
    digest: str
    run: Run


def forget(folder: Path) -> None:
    """Removes a journal's folder: the fit is done. What no journal made stays, and the folder with it."""
    _clear(folder)
    with contextlib.suppress(OSError):
        (folder / _LOCK).unlink(missing_ok=True)
        folder.rmdir()


def _clear(folder: Path) -> None:
    for pattern in _FILES:
        for path in folder.glob(pattern):
            if path.name != _LOCK:
                with contextlib.suppress(OSError):
                    path.unlink()


def _told(candidates: int) -> str:
    return "1 finished candidate" if candidates == 1 else f"{candidates} finished candidates"


def key_of(config: Config) -> str:
    """The name of a configuration's files: equal configurations, equal names."""
    return sha256(canonical_json(config))[:20]


def _record(path: Path) -> Record:
    """Raises ValueError where the file is not what was written."""
    said = msgspec.json.decode(path.read_bytes(), type=dict[str, msgspec.Raw])
    if set(said) != {"digest", "record"}:
        raise ValueError("it is no record")
    record = bytes(said["record"])
    if msgspec.json.decode(said["digest"], type=str) != sha256(record):
        raise ValueError("its bytes differ from its digest")
    return msgspec.json.decode(record, type=Record)


def _npy(values: npt.NDArray[np.float64]) -> bytes:
    out = io.BytesIO()
    np.save(out, np.ascontiguousarray(values, dtype=np.float64), allow_pickle=False)
    return out.getvalue()


def _locked(path: Path) -> io.BufferedWriter:
    """The file, open and locked for as long as it is; a killed process leaves no lock."""
    file = path.open("wb")
    try:
        import fcntl
    except ImportError:  # no such locks on this system: two fits at one journal are then not noticed
        return file
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise OSError(None, "another fit is writing it now") from None
    return file
