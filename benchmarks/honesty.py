"""Whether promises hold: models are fitted on a small part of a table and judged on the large rest.

    python benchmarks/honesty.py [--only adult,dry_bean] [--rows 1500] [--seeds 3] [--seconds 5]
                                 [--peers autogluon,flaml]

Asked of each fit: does the 95 % interval of the promised score hold the score on the rest, and on which side
does it miss; and is each class in its conformal sets as often as the error rate says, within the band that
chance leaves (beta-binomial: calibrated on n rows of the class, judged on m others). Of numbers: do the
intervals of rows hold the truth as often, within the same band; how often in the worst third by prediction;
and how wide are they, told in the width of intervals that are alike for all rows. Tables ordered by time are
left out, for there the rest is another time. The shipped model is fitted on all rows of the part, the promise
is of models fitted on most of them, so that a small pessimism is no fault.

Beside it stands what plain cross-validation of the whole model, on the rows that chose it, would have
promised; and with `--peers` what other tools promise by their own validation scores, on the same rows in the
same time. Their bias is in our standard errors, for they tell none. Of classes, the log loss of their
probabilities and the slope of their log-odds (1 is right, less is too sure) stand beside those of ours.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from peers_tabular import python
from scipy import stats
from tabular_sets import Facts, listed, prepared

import mlwright as mw
from mlwright.base.machine import cpu_count, cpu_name
from mlwright.statistics.recalibration import slope_of

LEAST, MOST_JUDGED = 5_000, 20_000
ERRORS = (0.05, 0.1, 0.2)
HEADINGS = (
    "set", "metric", "fits", "held", "too good", "too bad", "bias", "class x rate", "in band", "too seldom",
    "plain bias",
    "intervals", "in band", "too seldom", "coverage - asked", "worst third - asked", "width / alike",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="")
    parser.add_argument("--rows", type=int, default=1500)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--peers", default="")
    parser.add_argument("--peer-seeds", type=int, default=10**6)
    asked = parser.parse_args()
    print(f"{cpu_name()}, {cpu_count()} CPUs; fits of {asked.rows} rows, {asked.seconds:g} s each")
    print(f"| {' | '.join(HEADINGS)} |")
    print(f"|---|---|{'--:|' * (len(HEADINGS) - 2)}")
    peers = [p for p in asked.peers.split(",") if p]
    total: dict[str, list[float]] = defaultdict(list)
    for entry in listed([n for n in asked.only.split(",") if n], ("tabular",)):
        facts = prepared(entry)
        table = pl.read_parquet(Path(facts.folder) / "train.parquet")
        if facts.ordered or len(table) < max(LEAST, 2 * asked.rows):
            continue
        seen: dict[str, list[float]] = defaultdict(list)
        for seed in range(asked.seeds):
            order = np.random.default_rng(seed).permutation(len(table))
            part, rest = table[order[: asked.rows]], table[order[asked.rows : asked.rows + MOST_JUDGED]]
            if part[facts.target].n_unique() < 2:
                continue
            ours = _once(part, rest, facts.target, facts.metric, seed, asked.seconds, seen)
            for peer in peers if seed < asked.peer_seeds else ():
                _peer(peer, part, rest, facts, seed, asked.seconds, ours, seen)
        print(f"| {facts.name} | {facts.metric} | {_told(seen)} |", flush=True)
        for key, values in seen.items():
            total[key] += values
    if total:
        print(f"| all | | {_told(total)} |")
    for peer in peers:
        away = np.array(total[peer])
        said = f"{np.mean(away):+.2f} standard errors in the mean, {np.median(away):+.2f} in the median"
        print(f"{peer}: {len(away)} fits, promised less true {said}; {np.mean(away > 1.96):.0%} beyond 1.96")
        losses, slopes, mine = (np.array(total[f"{peer} {key}"]) for key in ("loss", "slope", "our slope"))
        if len(losses):
            less = f"less in {np.mean(losses < 1):.0%} of {len(losses)}"
            print(f"  log loss ours / theirs {np.median(losses):.3f} in the median, {less}")
            print(f"  slope ours {_slopes(mine)}, theirs {_slopes(slopes)}")
    alone = np.array(total["slope"])
    if len(alone):
        print(f"slope of ours on all {len(alone)} fits of classes: {_slopes(alone)}")


def _slopes(slopes: np.ndarray) -> str:
    return f"{np.nanmedian(slopes):.2f} (from 1: {np.nanmedian(np.abs(slopes - 1)):.2f}) in the median"


def _once(
    part: pl.DataFrame,
    rest: pl.DataFrame,
    target: str,
    metric: str,
    seed: int,
    seconds: float,
    seen: dict[str, list[float]],
) -> Ours:
    """Fits, judges, and returns what peers stand beside."""
    model = mw.fit(
        part, target=target, metric=metric, time_limit=seconds, seed=seed, waive=("MLW404", "MLW206")
    )
    promised, true = model.evaluation.score, mw.evaluate(model, rest).score
    way = 1.0 if promised.greater_is_better else -1.0
    seen["held"].append(promised.low <= true.value <= promised.high)
    flatters = promised.low > true.value if way > 0 else promised.high < true.value
    seen["too good"].append(flatters)
    error = max((promised.high - promised.low) / 3.92, 1e-12)
    seen["bias"].append(way * (promised.value - true.value) / error)
    if model.evaluation.selection and (whole := model.evaluation.selection.whole_seen):
        seen["plain bias"].append(way * (whole.value - true.value) / error)
    known = rest.filter(pl.col(target).is_not_null())
    _intervals(model, known, target, seen)
    sets = model.evaluation.sets
    if sets is None:
        return Ours(error)
    ours = Ours(error, *_held(model.predict_proba(known.drop(target)), _codes(model, known[target])))
    seen["slope"].append(ours.slope)
    plausible = model.p_values(known.drop(target))
    labels = known[target].to_list()
    names = [model.target.label(k) for k in range(len(model.target.classes))]
    for k, name in enumerate(names):
        of = np.array([label == name for label in labels])
        n, m = sets.references[k].rows, int(of.sum())
        for rate in ERRORS:
            out = int(np.floor((n + 1) * rate))
            if not out or m < 20:
                continue
            low, high = stats.betabinom.ppf([0.025, 0.975], m, n + 1 - out, out)
            hits = int((plausible[of, k] > rate).sum())
            seen["in band"].append(low <= hits <= high)
            seen["too seldom"].append(hits < low)
    return ours


@dataclass(frozen=True)
class Ours:
    """Of one fit of ours: the standard error of the promised score; log loss and slope on the rest."""

    error: float
    loss: float = float("nan")
    slope: float = float("nan")


def _codes(model: mw.Model, labels: pl.Series) -> np.ndarray:
    """The number of each label's class; -1 of those that were not learned."""
    names = {str(model.target.label(k)): k for k in range(len(model.target.classes))}
    return np.array([names.get(str(label), -1) for label in labels])


def _held(probability: np.ndarray, codes: np.ndarray) -> tuple[float, float]:
    """Log loss, and the slope that the logarithms of probabilities should have had."""
    p = np.clip(probability[codes >= 0], 1e-15, 1.0)
    y = codes[codes >= 0]
    logs = np.log(p / p.sum(axis=1, keepdims=True))
    margin = logs[:, 1:] - logs[:, :1] if p.shape[1] == 2 else logs
    loss = -float(np.mean(logs[np.arange(len(y)), y]))
    return loss, slope_of(margin, y.astype(float), p.shape[1], None, None).value


def _peer(
    system: str,
    part: pl.DataFrame,
    rest: pl.DataFrame,
    facts: Facts,
    seed: int,
    seconds: float,
    ours: Ours,
    seen: dict[str, list[float]],
) -> None:
    """What another tool promises less what it reaches, in our standard errors; positive where it flatters."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("part.csv", "rest.csv")]
        for path, rows in zip(paths, (part, rest), strict=True):
            rows.filter(pl.col(facts.target).is_not_null()).write_csv(path)
        script = Path(__file__).with_name("honesty_peer.py")
        asked = (system, *paths, facts.target, facts.task, facts.metric, seconds, seed)
        command = [str(python(system)), str(script), *map(str, asked)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
        if done.returncode:
            reason = done.stderr.strip().splitlines()[-1][:200]
            print(f"  {system} failed on {facts.name}: {reason}", flush=True)
            return
        told = json.loads(done.stdout.strip().splitlines()[-1])
        answers = Path(folder) / "answers.npz"
        kept = dict(np.load(answers)) if answers.exists() else None
    way = -1.0 if facts.metric in ("rmse", "log_loss") else 1.0
    seen[system].append(way * (told["promised"] - told["reached"]) / ours.error)
    if kept is not None:
        loss, slope = _held(kept["probability"], kept["codes"])
        seen[f"{system} loss"].append(ours.loss / loss)
        seen[f"{system} slope"].append(slope)
        seen[f"{system} our slope"].append(ours.slope)


def _intervals(model: mw.Model, known: pl.DataFrame, target: str, seen: dict[str, list[float]]) -> None:
    """How often, and in the worst third by prediction, the intervals of a regression hold the truth."""
    intervals = model.evaluation.intervals
    if intervals is None:
        return
    rows, truth = known.drop(target), known[target].to_numpy()
    third = np.argsort(np.argsort(model.predict(rows), kind="stable"), kind="stable") * 3 // len(truth)
    n, m = int(intervals.reach.rows), len(truth)
    for size in intervals.measured:
        ends = model.predict_interval(rows, size.error)
        held = (ends[:, 0] <= truth) & (truth <= ends[:, 1])
        out = int(np.floor((n + 1) * size.error))
        low, high = stats.betabinom.ppf([0.025, 0.975], m, n + 1 - out, out)
        seen["rows in band"].append(low <= held.sum() <= high)
        seen["rows too seldom"].append(held.sum() < low)
        seen["coverage"].append(held.mean() - 1 + size.error)
        seen["worst third"].append(min(held[third == k].mean() for k in range(3)) - 1 + size.error)
        seen["width"].append(float(np.mean(ends[:, 1] - ends[:, 0])) / size.constant)


def _told(seen: dict[str, list[float]]) -> str:
    fits, held, good = len(seen["held"]), sum(seen["held"]), sum(seen["too good"])
    band = seen["in band"]
    inside = f"{np.mean(band):.0%}" if band else ""
    bias = f"{np.mean(seen['bias']):+.2f}"
    plain = f"{np.mean(seen['plain bias']):+.2f}" if seen["plain bias"] else ""
    kept = f"{held / fits:.0%} | {good:g} | {fits - held - good:g}"
    classes = f"{len(band)} | {inside} | {sum(seen['too seldom']):g}"
    return f"{fits} | {kept} | {bias} | {classes} | {plain} | {_told_of_intervals(seen)}"


def _told_of_intervals(seen: dict[str, list[float]]) -> str:
    count = len(seen["rows in band"])
    if not count:
        return "0 | | | | |"
    away = [f"{100 * np.mean(seen[key]):+.1f} %" for key in ("coverage", "worst third")]
    band, width = f"{np.mean(seen['rows in band']):.0%}", f"{np.mean(seen['width']):.2f}"
    return f"{count} | {band} | {sum(seen['rows too seldom']):g} | {' | '.join(away)} | {width}"


if __name__ == "__main__":
    main()
