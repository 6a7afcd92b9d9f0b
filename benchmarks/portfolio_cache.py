"""Fits every configuration on every part, and keeps what it said: a file each, so that one can end and go
on.

A file holds out-of-fold margins, the margins that each fold's model and the refit gave to the rows that
judge, and what they cost in CPU seconds. Everything is fitted by the product's own code; nothing here
fits by itself.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from portfolio_parts import HOME, Part, problem_of

from mlwright.learners import Config, Fitted, Job, Learner, families
from mlwright.tasks.tabular.candidates import MOST_CATBOOST_CLASSES
from mlwright.training.prepared import PreparedFolds, fit_plan, part_of
from mlwright.training.trial import run_trial

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
GROWTHS = (1.0, 1.05, 1.2, 1.35)
"""A refit's rounds as multiples of the folds' median; the last is fitted, the others are cut from it."""


@dataclass
class Recording:
    """A learner that keeps what it fitted, and the CPU seconds that it took."""

    learner: Learner
    family: str = ""
    fits: list[Fitted] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def fit(self, job: Job) -> Fitted:
        began = time.process_time()
        fitted = self.learner.fit(job)
        self.seconds.append(time.process_time() - began)
        self.fits.append(fitted)
        return fitted


class Bench:
    """One part, its folds and its refit's matrices, prepared once for all configurations."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.problem, self.judging = problem_of(part)
        self.learning = np.arange(len(self.problem.y) - len(self.judging))
        self.folds = PreparedFolds(self.problem)
        self.known = families()
        self.plan = fit_plan(self.problem, self.learning)
        self._views: dict[str, tuple[Doubles, Doubles]] = {}
        self._judged: dict[tuple[int, str], Doubles] = {}

    def matrices(self, view: str) -> tuple[Doubles, Doubles]:
        """Of the refit: the rows to learn from, and those that judge."""
        if view not in self._views:
            table = self.problem.table
            learned = self.plan.matrix(view, table.rows(self.learning), training=True)
            self._views[view] = learned, self.plan.matrix(view, table.rows(self.judging))
        return self._views[view]

    def judged(self, k: int, view: str) -> Doubles:
        """The rows that judge, as fold `k` sees them."""
        if (k, view) not in self._judged:
            rows = self.problem.table.rows(self.judging)
            self._judged[k, view] = self.folds.plan(k).matrix(view, rows)
        return self._judged[k, view]

    def facts(self) -> dict[str, Any]:
        kinds = [c.kind for c in self.problem.table.schema.features]
        return asdict(self.part) | {
            "title": self.part.title,
            "learning": len(self.learning),
            "judging": len(self.judging),
            "columns": len(kinds),
            "categories": sum(k in ("categorical", "boolean") for k in kinds),
            "classes": self.problem.classes,
            "task": self.problem.target.task,
            "metric": self.problem.metric.name,
        }

    def run(self, config: Config) -> dict[str, Any]:
        """What `config` says of this part; with the reason alone where it failed."""
        recorded = Recording(self.known[config.family])
        trial = run_trial(config, recorded, self.folds, lambda: None)
        said: dict[str, Any] = {"failure": trial.failure}
        if trial.failure:
            return said
        shift = self.problem.shift
        said["oof"] = trial.margins[self.learning]
        said["folds"] = np.stack(
            [fit.margin(self.judged(k, config.view)) + shift for k, fit in enumerate(recorded.fits)]
        )
        said["rounds"] = np.array(trial.best_rounds)
        said["seconds"] = np.array(recorded.seconds)
        said["shape"] = np.zeros(3) if trial.shape is None else np.array(trial.shape[:3], dtype=np.float64)
        said["refit"], said["refit_seconds"] = self.refit(
            config, trial.rounds, trial.settled, recorded.learner
        )
        return said

    def refit(
        self, config: Config, rounds: int, settled: dict[str, Any], learner: Learner, seed: int = 0
    ) -> tuple[Doubles, Doubles]:
        """Margins [len(GROWTHS), T, M] of refits by growing numbers of rounds, and the CPU seconds."""
        learned, judged = self.matrices(config.view)
        median = rounds / 1.05  # undoes what the product adds
        most = max(1, round(median * GROWTHS[-1]))
        job = Job(
            config=config, classes=self.problem.classes, train=part_of(self.problem, learned, self.learning),
            rounds=most if rounds else None, members=tuple(self.plan.members(config.view)), seed=seed,
            settings=settled,
        )  # fmt: skip
        began = time.process_time()
        fitted = learner.fit(job)
        seconds = time.process_time() - began
        cuts = [max(1, round(median * g)) if rounds else None for g in GROWTHS]
        margins = [fitted.margin(judged, cut) + self.problem.shift for cut in cuts]
        return np.stack(margins), np.array(seconds)


def path_of(part: Part, name: str) -> Path:
    return HOME / "said" / part.title / f"{name}.npz"


def collect(parts: list[Part], configs: list[Config]) -> None:
    """Fits whatever is not in the cache yet, one configuration over all parts at a time."""
    benches: dict[str, Bench] = {}
    for config in configs:
        began, done = time.monotonic(), 0
        for part in parts:
            path = path_of(part, config.name)
            if path.exists():
                continue
            if part.title not in benches:
                benches[part.title] = opened(part)
            if config.family not in benches[part.title].known or _too_slow(config, benches[part.title]):
                continue
            said = benches[part.title].run(config)
            said["config"] = np.array(json.dumps([config.family, config.view, config.settings]))
            save(path, said)
            done += 1
            if said["failure"]:
                print(f"  {config.name} failed on {part.title}: {said['failure']}", flush=True)
        if done:
            print(f"{config.name}: {done} parts in {time.monotonic() - began:.0f} s", flush=True)


def _too_slow(config: Config, bench: Bench) -> bool:
    """Further kinds of CatBoost are left out where a fit takes a minute: of many classes, or of texts."""
    if config.family != "catboost" or bench.part.size == "small":
        return False
    wide = bench.matrices(config.view)[0].shape[1] > 150
    classes = bench.problem.classes
    return classes > MOST_CATBOOST_CLASSES or (config.name != "cat-6" and (classes > 3 or wide))


def opened(part: Part) -> Bench:
    """The bench of a part; its truth and its facts are written beside what will be said of it."""
    bench = Bench(part)
    folder = HOME / "said" / part.title
    save(folder / "truth.npz", {"learning": bench.problem.y[bench.learning],
                                "judging": bench.problem.y[bench.judging]})  # fmt: skip
    (folder / "facts.json").write_text(json.dumps(bench.facts()))
    return bench


def save(path: Path, said: dict[str, Any]) -> None:
    """Floats are kept in four bytes; the file is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    small = {k: np.asarray(v) for k, v in said.items()}
    small = {k: v.astype(np.float32) if v.dtype == np.float64 else v for k, v in small.items()}
    half = path.with_name(path.name + ".half")
    with half.open("wb") as file:
        np.savez(file, **small)
    half.rename(path)
