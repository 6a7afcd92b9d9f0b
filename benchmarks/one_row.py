"""What one row costs in the graph, and where its microseconds go: strings, features, trees, the rest.

`python benchmarks/one_row.py [SET ...]` fits the same four members on each set (a linear model, LightGBM
with sets of categories, CatBoost, random trees; rounds fixed, so that nothing depends on the machine's
speed), blends them in equal parts and measures one-row calls of the whole graph on one thread: CPU time,
median and 99th percentile. `before` is the graph with its members beside each other, one ensemble and one
matrix a view. Graphs take turns by blocks of calls, so that a busy machine is as busy for each; look at
ratios where it is.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from tables import typed
from tabular_sets import listed

import mlwright as mw
from mlwright.base.machine import cpu_name
from mlwright.evaluation.calibration import Calibrator
from mlwright.graph.build import GraphBuilder
from mlwright.graph.running import session
from mlwright.graph.scan import scan
from mlwright.graph.trees import Trees, tree_ensemble
from mlwright.learners import Config, Job, families
from mlwright.packaging.answers import publish_answers
from mlwright.packaging.blend import Blend, Member
from mlwright.packaging.merged import by_comparison
from mlwright.tasks import Asked, kind_named
from mlwright.training.prepared import fit_plan, part_of

SETS = (
    "adult",
    "telco_churn",
    "bank_marketing",
    "california_housing",
    "dry_bean",
    "letter_recognition",
    "bike_sharing_hourly",
)
MOST_ROWS, BLOCKS, CALLS, WARM = 20_000, 30, 60, 15
MEMBERS: tuple[tuple[Config, int, int], ...] = (
    (Config("linear", "linear", "linear"), 0, 0),
    (Config("lightgbm", "lightgbm", "tree", {"learning_rate": 0.05}), 200, 40),
    (Config("catboost", "catboost", "encoded", {"depth": 6}), 400, 100),
    (Config("random", "lightgbm", "encoded", {"extra_trees": True, "num_leaves": 48}), 150, 30),
)
"""With the rounds for up to three classes, and for more."""


def blended(name: str) -> tuple[Blend, mw.Dataset]:
    """The four members over one plan of the set's first rows, in equal parts."""
    entry = listed([name])[0]
    frame = typed(entry)
    frame = frame if len(frame) <= MOST_ROWS else frame.sample(MOST_ROWS, seed=0)
    dataset = mw.read(frame, target=entry["target"])
    asked = Asked(task=None, metric=None, test=None, seed=0, threads=1)
    problem, _ = kind_named("tabular").problem(dataset, asked)
    rows = np.arange(len(problem.y))
    plan = fit_plan(problem, rows)
    members = []
    known = families()
    for config, few, many in MEMBERS:
        part = part_of(problem, plan.matrix(config.view, problem.table, training=True), rows)
        job = Job(
            config=config,
            classes=problem.classes,
            train=part,
            rounds=(few if problem.classes <= 3 else many) or None,
            members=tuple(plan.members(config.view)),
            settings={"penalty": 1e-3} if config.family == "linear" else {},
            deadline=time.monotonic() + 30 if config.family == "linear" else None,
        )
        members.append(Member(config, known[config.family].fit(job), 1 / len(MEMBERS)))
    calibrator = Calibrator(1.05) if problem.classes else Calibrator()
    blend = Blend(plan, tuple(members), calibrator, problem.target, problem.shift)
    if blend.unused:  # `before` would be given other columns
        raise SystemExit(f"{name}: {', '.join(blend.unused)} are not used by any of the four members")
    return blend, dataset.with_schema(problem.table.schema)


def stages(blend: Blend) -> dict[str, bytes]:
    """Graphs that do ever more: the call alone, strings, features, trees, all."""
    return {
        "call": _staged(blend, lambda g, n, s, c: n or s),
        "strings": _staged(blend, lambda g, n, s, c: c or n),
        "features": _staged(blend, lambda g, n, s, c: _matrix(blend, g, n, c)),
        "trees": _staged(blend, lambda g, n, s, c: _trees(blend, g, _matrix(blend, g, n, c))),
        "whole": blend.graph(),
        "before": beside(blend),
    }


def _staged(blend: Blend, last: Callable[[GraphBuilder, str, str, str], str]) -> bytes:
    g = GraphBuilder()
    inputs = blend._merged.inputs
    numbers = g.input("numbers", "float64", len(inputs.numbers)) if inputs.numbers else ""
    strings = g.input("strings", "string", len(inputs.strings)) if inputs.strings else ""
    codes = blend.plan.code_nodes(g, strings, inputs) if inputs.codes else ""
    made = last(g, numbers, strings, codes)
    g.output("made", made, "string" if made == strings else "float64", None)
    return g.to_bytes()


def _matrix(blend: Blend, g: GraphBuilder, numbers: str, codes: str) -> str:
    merged = blend._merged
    return blend.plan.tensors(g, [merged.features], numbers, codes, merged.inputs)[0]


def _trees(blend: Blend, g: GraphBuilder, matrix: str) -> str:
    merged = blend._merged
    forests = [] if merged.forest is None else by_comparison(merged.forest)
    made = [tree_ensemble(g, forest, matrix) for forest in forests]
    made += [] if merged.shared is None else [merged.shared.nodes(g, matrix)]
    return made[0] if len(made) == 1 else g.node("Sum", *made)


def beside(blend: Blend) -> bytes:
    """The graph without merging: a matrix and an ensemble for each view, a linear model by itself."""
    g, plan, schema = GraphBuilder(), blend.plan, blend.plan.table.schema
    numbers = g.input("numbers", "float64", len(schema.numbers)) if schema.numbers else ""
    strings = g.input("strings", "string", len(schema.strings)) if schema.strings else ""
    codes = plan.code_nodes(g, strings) if plan.code_width else ""
    views: dict[str, str] = {}
    forests: dict[str, Trees] = {}
    parts = []
    for m in blend.members:
        view, weight = m.config.view, m.weight * blend.calibrator.slope
        if view not in views:
            views[view] = plan.nodes(g, view, numbers, codes)
        trees = m.fitted.trees()
        if trees is None:
            parts.append(g.node("Mul", m.fitted.nodes(g, views[view]), g.constant(weight)))
        else:
            grown = trees.scaled(weight)
            forests[view] = forests[view].added(grown) if view in forests else grown
    parts += [tree_ensemble(g, forest, views[view]) for view, forest in forests.items()]
    total = parts[0]
    for part in parts[1:]:
        total = g.node("Add", total, part)
    publish_answers(g, total, blend.target)
    return g.to_bytes()


def measured(graphs: dict[str, bytes], dataset: mw.Dataset) -> dict[str, np.ndarray[Any, Any]]:
    """CPU microseconds of one-row calls, [BLOCKS * CALLS] for each graph; the graphs take turns by blocks."""
    part = dataset.rows(np.arange(min(len(dataset), 500)))
    feeds = {"numbers": part.numbers(), "strings": part.strings()}
    runs, times = {}, {name: np.empty((BLOCKS, CALLS)) for name in graphs}
    for name, graph in graphs.items():
        run = session(graph)
        wanted = {i.name for i in run.get_inputs()}
        rows = [{k: v[i : i + 1] for k, v in feeds.items() if k in wanted} for i in range(len(part))]
        runs[name] = run, rows, [o.name for o in run.get_outputs()]
    for block in range(BLOCKS):
        for name, (run, rows, outputs) in runs.items():
            for i in range(-WARM, CALLS):
                row = rows[(block * CALLS + i) % len(rows)]
                began = time.thread_time_ns()
                run.run(outputs, row)
                if i >= 0:
                    times[name][block, i] = (time.thread_time_ns() - began) / 1e3
    return {name: t.ravel() for name, t in times.items()}


def main() -> None:
    """Prints a table in Markdown."""
    given = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    given.add_argument("sets", nargs="*", default=list(SETS))
    print(f"{cpu_name()}, one thread, microseconds of CPU time a row, one row a call\n")
    head = (
        "before",
        "p50",
        "p99",
        "call",
        "strings",
        "features",
        "trees",
        "rest",
        "nodes",
        "KiB",
        "KiB before",
    )
    print("| set | " + " | ".join(head) + " |\n|---|" + "---|" * len(head))
    for name in given.parse_args().sets:
        blend, dataset = blended(name)
        graphs = stages(blend)
        print(row(name, graphs, measured(graphs, dataset)), flush=True)


def row(name: str, graphs: dict[str, bytes], times: dict[str, np.ndarray[Any, Any]]) -> str:
    """A line of the table; what a stage takes is what its graph takes beyond the one before."""
    middle = {k: float(np.median(v)) for k, v in times.items()}
    order = ["call", "strings", "features", "trees", "whole"]
    steps = [middle["call"], *(middle[b] - middle[a] for a, b in pairwise(order))]
    run = [middle["before"], middle["whole"], float(np.percentile(times["whole"], 99)), *steps]
    nodes = sum(scan(graphs["whole"]).operators.values())
    sizes = [len(graphs[k]) / 1024 for k in ("whole", "before")]
    return f"| {name} | " + " | ".join(f"{v:.0f}" for v in (*run, nodes, *sizes)) + " |"


if __name__ == "__main__":
    main()
