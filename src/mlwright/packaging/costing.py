"""What serving costs: estimated for a candidate before it is refitted, measured for a graph that is made.

Called by `training`, which lets limits bind and ensembles pay, and by `package`. Estimates are counts (of
nodes, trees, splits that a row meets) times this machine's speed.
"""

from __future__ import annotations

import functools
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.base import interpreter
from mlwright.base.cost import Cost
from mlwright.base.errors import EnvironmentProblem
from mlwright.base.schema import Target
from mlwright.data.dataset import Dataset
from mlwright.features import FeaturePlan
from mlwright.features.transform import Feature, Inputs
from mlwright.graph.build import GraphBuilder
from mlwright.graph.running import session
from mlwright.graph.scan import scan
from mlwright.graph.trees import LEQ, Shape, Tree, Trees, tree_ensemble
from mlwright.packaging.answers import publish_answers
from mlwright.packaging.described import Described, described

TREE_US, STEP_US, MEMBER_US = 0.02, 0.0142, 0.0075
"""Microseconds for a tree, for a split that a row meets, and for a value in a set, where the reference takes
REFERENCE_US. Fitted on the sets of `benchmarks/one_row.py`."""
CACHED_NODES, MOST_MISSED = 400_000, 3.0
"""Forests of so many splits and leaves take twice the time, since a row finds them in memory and no longer in
the processor's caches; the largest four times (covertype: 1,400,000, 380 us where counts alone say 100)."""
SEVERAL, FREE_OUTPUTS = 0.04, 4
"""By how much each output beyond the first few makes trees slower: they are more and larger."""
CALL_US, NODE_US, TEXT_US = 6.0, 1.0, 0.6
"""Microseconds for a call, for each of its nodes, and for each text that is looked up."""
LINEAR_US, CELL_US = 3.0, 0.001
"""For a linear part, and for each of its weights."""
REFERENCE_US = 12.0
_REFERENCE_TREES, _REFERENCE_LEAVES = 200, 32
NODE_BYTES, MEMBER_BYTES = 13.2, 8
"""Of a split or leaf, and of a value in a set."""
FILE_BYTES = 10_000
"""What else is in a file: card, evaluation, findings, and the container's own."""
PROCESS_BYTES, TREE_MEMORY, MEMORY_A_BYTE = 68_000_000, 22.0, 10.0
"""Resident memory of a process that opens a model: its own, for each byte of trees, and for each other one of
the file. Models of eight tables took 68 to 90 MB, and this was at most 4 MB off; graphs of trees alone take
19 to 27 bytes a byte."""
CALLS, WARM = 30, 20
PARTS, NAP_S = 3, 0.05
"""Calls are timed in so many parts, with a nap between: what goes on beside them comes and goes."""
PATIENT_PARTS, PATIENT_NAP_S = 8, 0.15
"""The same where a limit depends on it: for tenths of a second after training calls take twice as long."""
NARROW = "tree"
"""A view whose first column is one of the table's."""
Asked = frozenset[tuple[str, int]]
"""By view, how many of its features a model asks for."""


@dataclass(frozen=True)
class Measured:
    """What serving a model takes, by measurement on this machine."""

    cost: Cost
    cpu_us_p99: float


@dataclass
class Pricer:
    """Prices models of one problem by estimate, within some 30 % of what is measured.

    `plan` may be fitted on any fold: views, not values, decide what features cost. So many features of
    some views are priced once, each thing that views share counted once; trees are priced by their shape.
    """

    plan: FeaturePlan
    target: Target
    here: bool = True
    """Whether costs are this machine's, by its speed; else the reference machine's, the same each time.
    Graphs are not clocked one by one: fits beside them would make them two to three times as dear."""
    _features: dict[Asked, Cost] = field(default_factory=dict)

    @property
    def outputs(self) -> int:
        """Columns of a margin."""
        return len(self.target.classes) if len(self.target.classes) > 2 else 1

    @functools.cached_property
    def _described(self) -> Described:
        return described(self.plan.table, len(self.target.classes) or 1)

    def whole(self, members: Sequence[tuple[str, Shape | None]]) -> Cost:
        """What a model of these members costs in all: its file and the process that opens it included.

        A member is its view and the shape of its trees, None for a linear model, which asks for all features.
        """
        asked = dict[str, int]()
        for view, shape in members:
            of_view = len(self.plan.layout(view))
            asked[view] = asked.get(view, 0) + (of_view if shape is None else shape.asked)
        rounded = ((view, _rounded(n, len(self.plan.layout(view)))) for view, n in asked.items() if n)
        total = self._of_features(frozenset(rounded))
        for view, shape in members:
            total = total + self.alone(view, shape)
        return total

    def alone(self, view: str, shape: Shape | None) -> Cost:
        """What a member adds to a model that has its features."""
        if shape is not None:
            cost = trees_cost(shape, self.outputs)
        else:
            cost = linear_cost(len(self.plan.layout(view)), self.outputs)
        return replace(cost, cpu_us=cost.cpu_us * slowness()) if self.here else cost

    def _of_features(self, asked: Asked) -> Cost:
        """A model of so many features of these views, without members: the call, features, answers; the rest
        of the file. Which features they are nobody knows: some from all over the view."""
        if asked not in self._features:
            some = (_spread(self.plan.layout(view), n) for view, n in sorted(asked))
            features = list(dict.fromkeys(f for each in some for f in each))
            features = features or [self.plan.layout(NARROW)[0]]  # a graph has a column all the same
            inputs = self.plan.inputs_of(features)
            graph = self._graph(features, inputs)
            samples = round(self._described.asked_bytes * len(inputs.numbers + inputs.strings))
            others = self._described.whole_bytes + samples
            size = len(graph) + FILE_BYTES + others
            cpu = _counted(graph, len(inputs.strings)) * (slowness() if self.here else 1.0)
            self._features[asked] = Cost(cpu, size, PROCESS_BYTES + round(MEMORY_A_BYTE * size))
        return self._features[asked]

    def _graph(self, features: list[Feature], inputs: Inputs) -> bytes:
        """A graph that makes `features`, and answers by the first of them."""
        g = GraphBuilder()
        numbers = g.input("numbers", "float64", len(inputs.numbers)) if inputs.numbers else ""
        strings = g.input("strings", "string", len(inputs.strings)) if inputs.strings else ""
        codes = self.plan.code_nodes(g, strings, inputs) if inputs.codes else ""
        matrix = self.plan.feature_nodes(g, features, numbers, codes, inputs)
        k = self.outputs
        stumps = Trees(tuple(_leaf() for _ in range(k)), tuple(range(k)), k)
        publish_answers(g, tree_ensemble(g, stumps, matrix), self.target)
        return g.to_bytes()


def _rounded(asked: int, width: int) -> int:
    """So many of `width` features, or somewhat more: a half, a quarter, ... of them, to price few graphs."""
    while width // 2 >= asked:
        width //= 2
    return width


def _spread(layout: Sequence[Feature], count: int) -> list[Feature]:
    places = np.linspace(0, len(layout) - 1, count).round().astype(int)
    return [layout[i] for i in places.tolist()]


def _counted(graph: bytes, texts: int) -> float:
    """Microseconds of a call by the number of its nodes and texts, on the reference machine."""
    return CALL_US + NODE_US * sum(scan(graph).operators.values()) + TEXT_US * texts


def trees_cost(shape: Shape, outputs: int = 1) -> Cost:
    """What trees of `shape` add to a graph, on the reference machine."""
    cpu = TREE_US * shape.trees + STEP_US * shape.steps + MEMBER_US * shape.members
    cpu *= 1 + SEVERAL * max(0, outputs - FREE_OUTPUTS)
    cpu *= 1 + min(shape.nodes / CACHED_NODES, MOST_MISSED)
    size = round(NODE_BYTES * shape.nodes + MEMBER_BYTES * shape.members)
    return Cost(cpu, size, round(TREE_MEMORY * size))


def linear_cost(width: int, outputs: int = 1) -> Cost:
    """What a linear model of `width` columns adds to a graph, on the reference machine."""
    cpu = LINEAR_US + CELL_US * width * outputs
    return Cost(cpu, 8 * width * outputs, round(8 * MEMORY_A_BYTE * width * outputs))


@functools.cache
def slowness() -> float:
    """How many times longer than the reference machine this one takes for trees; measured once, in 0.2 s."""
    rng = np.random.default_rng(0)
    width, inner = 16, _REFERENCE_LEAVES - 1
    heap = np.arange(inner)
    left, right = (np.where(c >= inner, ~(c - inner), c) for c in (2 * heap + 1, 2 * heap + 2))
    trees = [
        Tree(
            feature=rng.integers(0, width, inner),
            split=rng.normal(size=inner),
            mode=np.full(inner, LEQ),
            true=left,
            false=right,
            missing_true=np.zeros(inner, dtype=np.int64),
            leaf=rng.normal(size=_REFERENCE_LEAVES),
        )
        for _ in range(_REFERENCE_TREES)
    ]
    rows = [{"numbers": rng.normal(size=(1, width))} for _ in range(100)]
    runs = []
    for kept in (trees, trees[:1]):
        g = GraphBuilder()
        numbers = g.input("numbers", "float64", width)
        sums = tree_ensemble(g, Trees(tuple(kept), (0,) * len(kept), 1), numbers)
        g.output("sums", sums, "float64", 1)
        runs.append(session(g.to_bytes()))
    # In turns: a machine may be busy for the one and idle for the other.
    taken = [[_clock(run, rows, CALLS)[0] for run in runs] for _ in range(7)]
    return float(np.clip(np.median([many - one for many, one in taken]) / REFERENCE_US, 0.25, 20.0))


def measure(graph: bytes, dataset: Dataset, calls: int = 300, *, patient: bool = False) -> Measured:
    """CPU time of one-row calls through `graph` over distinct rows: median and 99th percentile; its size.

    Contracts: one thread, this process's CPU time, everything between numpy arrays and numpy arrays. The
    memory is not looked at: `memory_of` does that. `patient` takes a second, to find a quiet moment.
    """
    parts, nap_s = (PATIENT_PARTS, PATIENT_NAP_S) if patient else (PARTS, NAP_S)
    p50, p99 = cpu_time_per_row(graph, dataset, max(1, calls // PARTS), parts, nap_s)
    return Measured(Cost(p50, len(graph)), p99)


def cpu_time_per_row(
    graph: bytes, dataset: Dataset, calls: int, parts: int = 1, nap_s: float = 0.0
) -> tuple[float, float]:
    """CPU microseconds of one-row calls through `graph` over distinct rows: median and 99th percentile.

    The same `calls` are timed `parts` times, with naps of `nap_s` seconds between, and the quietest part
    counts, for others beside it empty the processor's caches.
    """
    run = session(graph)
    wanted = {i.name for i in run.get_inputs()}
    part = dataset if len(dataset) <= calls else dataset.rows(np.arange(calls))
    feeds = {k: v for k, v in (("numbers", part.numbers()), ("strings", part.strings())) if k in wanted}
    rows = [{k: v[i : i + 1] for k, v in feeds.items()} for i in range(len(part))]
    clocked = []
    for k in range(parts):
        time.sleep(nap_s if k else 0.0)
        clocked.append(_clock(run, rows, calls))
    return min(clocked)


def memory_of(model: bytes, within_s: float = 120.0) -> int:
    """Peak resident bytes of a fresh process that opens the model file `model` and answers its samples.

    The interpreter and its libraries are part of it: it is what a container needs for one worker. Takes a
    second. Raises `EnvironmentProblem` where no process can be started, or it does not end well in `within_s`
    seconds.
    """
    unable = interpreter.unable()
    if unable:
        raise EnvironmentProblem(f"memory could not be measured: {unable}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.mlw"
        path.write_bytes(model)
        command, found = interpreter.command("-c", _OPENING, str(path)), interpreter.environment()
        try:
            done = subprocess.run(
                command, env=found, capture_output=True, text=True, timeout=within_s, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EnvironmentProblem(f"memory could not be measured: {error}") from error
    if done.returncode or not done.stdout.strip().isdigit():
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise EnvironmentProblem(f"memory could not be measured: {said[:200]}")
    return int(done.stdout)


def memory_by_size(graph: bytes, file_bytes: int) -> int:
    """What `memory_of` would say of a file of `file_bytes` with this graph, as if it held trees alone: where
    nothing can be measured, rather too much than too little."""
    return PROCESS_BYTES + round(TREE_MEMORY * len(graph) + MEMORY_A_BYTE * (file_bytes - len(graph)))


_OPENING = """
import resource, sys
from mlwright.artifact import load
model = load(sys.argv[1])
model.warm()
try:
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
except (OSError, StopIteration):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(peak)
"""


def _clock(run: Any, rows: list[dict[str, npt.NDArray[Any]]], calls: int) -> tuple[float, float]:
    """Median and 99th percentile of the CPU microseconds of `calls` runs. Any: onnxruntime has no types.

    The clock is the calling thread's, which does all of the work; others may be busy beside it.
    """
    names = [o.name for o in run.get_outputs()]
    for row in rows[:WARM]:
        run.run(names, row)
    times = []
    for i in range(calls):
        row = rows[i % len(rows)]
        began = time.thread_time_ns()
        run.run(names, row)
        times.append((time.thread_time_ns() - began) / 1e3)
    return round(float(np.median(times)), 1), round(float(np.percentile(times, 99)), 1)


def _leaf() -> Tree:
    none = np.zeros(0, dtype=np.int64)
    return Tree(none, np.zeros(0), none, none, none, none, np.zeros(1))
