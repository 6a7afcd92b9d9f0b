"""Learners that a stranger might write, good and bad, as a package that registers them by entry points."""

from pathlib import Path

CODE = '''
import ctypes, os, sys, time
from dataclasses import dataclass, field
import numpy as np

@dataclass(frozen=True)
class Line:
    """The least squares of one column: a good learner, and the others until they misbehave."""
    column: int
    slope: float
    base: float
    rounds: int = 0
    settled: dict = field(default_factory=dict)
    def margin(self, x, rounds=None):
        return (x[:, self.column] * self.slope + self.base)[:, None]
    def trees(self):
        return None
    def nodes(self, g, matrix):
        which = g.constant(np.array([self.column]))
        column = g.node("Gather", matrix, which, axis=1)
        times = g.node("Mul", column, g.constant(np.array([[self.slope]])))
        return g.node("Add", times, g.constant(np.array([[self.base]])))

class Good:
    family = "good"
    def fit(self, job):
        column = int(job.config.settings.get("column", 0))
        slope, base = np.polyfit(job.train.x[:, column], job.train.y, 1)
        return Line(column, float(slope), float(base))

class Raises(Good):
    def fit(self, job):
        raise RuntimeError("no such luck")

class Exits(Good):
    def fit(self, job):
        print("the end is near", file=sys.stderr, flush=True)
        os._exit(3)

class Crashes(Good):
    def fit(self, job):
        ctypes.string_at(0)

class Sleeps(Good):
    def fit(self, job):
        time.sleep(600)

class Grasps(Good):
    def fit(self, job):
        held = [np.ones(1 << 24) for _ in range(1 << 20)]
        return super().fit(job)

class Babbles(Good):
    def fit(self, job):
        print("what a stranger says on the standard output")
        os.write(1, b"and what its library writes there")
        sys.stdin.read()
        return super().fit(job)

class Writes(Good):
    def fit(self, job):
        Path = __import__("pathlib").Path
        with Path(job.config.settings["log"]).open("a") as file:
            file.write(f"{os.getpid()} {job.key} {job.threads} {os.environ.get('OMP_NUM_THREADS')}\\n")
        return super().fit(job)

class FailsLater(Good):
    def fit(self, job):
        if os.path.exists(job.config.settings["mark"]):
            time.sleep(600)
        open(job.config.settings["mark"], "w").close()
        job.settle({})
        time.sleep(0.3)
        raise RuntimeError("the first fold fails while others are fitted")

@dataclass(frozen=True)
class Nonsense(Line):
    def margin(self, x, rounds=None):
        return np.full((len(x), 1), np.nan)

class Nan(Good):
    def fit(self, job):
        return Nonsense(0, 0.0, 0.0)
'''

FAMILIES = {
    "good": "Good", "raises": "Raises", "exits": "Exits", "crashes": "Crashes", "sleeps": "Sleeps",
    "grasps": "Grasps", "babbles": "Babbles", "writes": "Writes", "fails-later": "FailsLater", "nan": "Nan",
}  # fmt: skip


def write(folder: Path) -> Path:
    """The package, as it would be installed, in `folder`, which is to be put on the path."""
    info = folder / "strangers-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "stranger_learners.py").write_text(CODE, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: strangers\nVersion: 1.0\n", encoding="utf-8")
    points = "".join(f"{name} = stranger_learners:{made}\n" for name, made in FAMILIES.items())
    (info / "entry_points.txt").write_text(f"[mlwright.learners]\n{points}", encoding="utf-8")
    return folder
