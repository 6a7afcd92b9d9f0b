"""Fits beyond the portfolio that answer a question: what ships, how many folds, how to go on around the
best.

Each is kept in the cache beside the configurations, and is fitted by the product's own code.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from portfolio_cache import GROWTHS, Bench, opened, path_of, save
from portfolio_parts import HOME, Part, folds_of
from portfolio_questions import paired
from portfolio_simulated import REFERENCE, SHIPPED, Told, as_shipped, blend_error, told

from mlwright.evaluation.splits import Split
from mlwright.learners import Config
from mlwright.learners.protocol import Settings
from mlwright.learners.zone import zone_of
from mlwright.training.prepared import PreparedFolds
from mlwright.training.refine import mark, propose
from mlwright.training.trial import Trial, run_trial

Doubles = npt.NDArray[np.float64]
SEEDS = (0, 1, 2)
THRICE: Settings = {"learning_rate": 0.15, "feature_fraction": 0.8}
FAST = Config("lgb-thrice", "lightgbm", "tree", THRICE)
"""The reference at three times the learning rate: a third of the trees."""


# What ships ----------------------------------------------------------------------------------------------


def fit_seeds(parts: Sequence[Part], configs: Sequence[Config]) -> None:
    """Refits by three seeds, [seeds, growths, T, M], of `configs` and of the reference made fast."""
    for part in parts:
        bench: Bench | None = None
        for config in (FAST, *configs):
            path = HOME / "seeds" / part.title / f"{config.name}.npz"
            if path.exists():
                continue
            bench = bench or opened(part)
            learner = bench.known[config.family]
            if path_of(part, config.name).exists():
                rounds = round(float(np.median(np.load(path_of(part, config.name))["rounds"])) * 1.05)
            else:
                rounds = run_trial(config, learner, bench.folds, lambda: None).rounds
            refits = [bench.refit(config, rounds, {}, learner, seed)[0] for seed in SEEDS]
            save(path, {"refit": np.stack(refits), "rounds": np.array(rounds)})
        print(f"seeds of {part.title}", flush=True)


def ships(parts: Sequence[Told], names: Sequence[str]) -> None:
    """(b): each way to ship one configuration, against one refit at 1.05 of the folds' median rounds."""
    for family in ("lgb", "cat"):
        mine = [n for n in names if n.startswith(family)]
        pairs = [(p, n) for p in parts for n in mine if n in p.oof]
        if not pairs:
            continue
        among = [p for p, _ in pairs]
        ours = [p.error(p.refit[n][SHIPPED]) for p, n in pairs]
        print(f"\none {family} configuration, {len(pairs)} cases")
        for i, growth in enumerate(GROWTHS):
            theirs = [p.error(p.refit[n][i]) for p, n in pairs]
            print(f"  refit at {growth:4} of the rounds      {paired(among, ours, theirs)}")
        folds = [p.error(p.folds[n].mean(axis=0)) for p, n in pairs]
        print(f"  mean of the folds' models       {paired(among, ours, folds)}")
        both = [p.error((p.folds[n].mean(axis=0) + p.refit[n][SHIPPED]) / 2) for p, n in pairs]
        print(f"  mean of folds' mean and refit   {paired(among, ours, both)}")
        one = [p.error(p.folds[n][0]) for p, n in pairs]
        print(f"  one fold's model                {paired(among, ours, one)}")


def ships_seeds(parts: Sequence[Told]) -> None:
    """(b): several seeds, at more trees and at as many."""
    for name in sorted({p.stem for p in (HOME / "seeds").glob("*/*.npz")}):
        among, refits = [], []
        for p in parts:
            path = HOME / "seeds" / p.title / f"{name}.npz"
            if path.exists():
                among.append(p)
                refits.append(np.load(path)["refit"].astype(np.float64))
        ours = [p.error(r[0, SHIPPED]) for p, r in zip(among, refits, strict=True)]
        print(f"\n{name}, {len(among)} parts")
        two = [p.error(r[:2, SHIPPED].mean(axis=0)) for p, r in zip(among, refits, strict=True)]
        three = [p.error(r[:, SHIPPED].mean(axis=0)) for p, r in zip(among, refits, strict=True)]
        print(f"  two seeds, twice the trees       {paired(among, ours, two)}")
        print(f"  three seeds, thrice the trees    {paired(among, ours, three)}")
        grown = [p.error(r[:, 2].mean(axis=0)) for p, r in zip(among, refits, strict=True)]
        print(f"  three seeds at 1.2 of the rounds {paired(among, ours, grown)}")
        base = [p.error(p.refit[REFERENCE][SHIPPED]) for p in among]
        if name.startswith("lgb-thrice"):
            print(f"  three seeds at thrice the rate against the reference {paired(among, base, three)}")


def ships_blends(parts: Sequence[Told], order: Sequence[str], count: int) -> None:
    """(b): a whole blend of refits, against one of folds' means."""
    ours, folds, grown, both = [], [], [], []
    for p in parts:
        names = [n for n in order if n in p.oof][:count]
        w = as_shipped(p, names)
        ours.append(blend_error(p, names))
        kept = [(v, n) for v, n in zip(w, names, strict=True) if v > 0]
        folds.append(p.error(np.asarray(sum(v * p.folds[n].mean(axis=0) for v, n in kept))))
        grown.append(p.error(np.asarray(sum(v * p.refit[n][2] for v, n in kept))))
        mixed = sum(v * (p.folds[n].mean(axis=0) + p.refit[n][SHIPPED]) / 2 for v, n in kept)
        both.append(p.error(np.asarray(mixed)))
    print(f"\na blend of {count} candidates, {len(parts)} parts")
    print(f"  of both                     {paired(parts, ours, both)}")
    print(f"  of folds' means             {paired(parts, ours, folds)}")
    print(f"  of refits at 1.2 the rounds {paired(parts, ours, grown)}")


def ships_seeded_blends(parts: Sequence[Told], seeded: Sequence[str], others: Sequence[str]) -> None:
    """(b): a blend in which the boosters are means of three seeds, against one of single refits."""
    among, ours, theirs = [], [], []
    for p in parts:
        paths = {n: HOME / "seeds" / p.title / f"{n}.npz" for n in seeded}
        if not all(path.exists() for path in paths.values()) or any(n not in p.oof for n in seeded):
            continue
        names = [*seeded, *(n for n in others if n in p.oof)]
        w = as_shipped(p, names)
        means = {n: np.load(path)["refit"][:, SHIPPED].mean(axis=0) for n, path in paths.items()}
        kept = [(v, means.get(n, p.refit[n][SHIPPED])) for v, n in zip(w, names, strict=True) if v > 0]
        among.append(p)
        ours.append(blend_error(p, names))
        theirs.append(p.error(np.asarray(sum(v * m for v, m in kept))))
    print(f"\na blend of {len(seeded)} boosters and {len(others)} others, {len(among)} parts")
    print(f"  boosters of three seeds each     {paired(among, ours, theirs)}")


# How many folds ------------------------------------------------------------------------------------------

SCHEMES = {"3": (3,), "5": (5,), "8": (8,), "5+5": (5, 5)}


def fit_folds(parts: Sequence[Part], configs: Sequence[Config]) -> None:
    """Every configuration by every scheme of folds: its margins, averaged over repeats, and its refit."""
    for part in parts:
        bench: Bench | None = None
        for scheme, counts in SCHEMES.items():
            paths = {c.name: HOME / "folds" / part.title / f"{c.name}.{scheme}.npz" for c in configs}
            if all(p.exists() for p in paths.values()):
                continue
            bench = bench or opened(part)
            splits = [folds_of(bench.problem, len(bench.learning), k, 11 + i) for i, k in enumerate(counts)]
            prepared = [
                PreparedFolds(
                    replace(bench.problem, split=Split("random", "", s, np.zeros(0, dtype=np.int64)))
                )
                for s in splits
            ]
            for config in configs:
                if not paths[config.name].exists():
                    save(paths[config.name], _by_scheme(bench, config, prepared))
        print(f"folds of {part.title}", flush=True)


def _by_scheme(bench: Bench, config: Config, prepared: Sequence[PreparedFolds]) -> dict[str, Any]:
    learner = bench.known[config.family]
    trials = [run_trial(config, learner, f, lambda: None) for f in prepared]
    rounds = round(float(np.median([r for t in trials for r in t.best_rounds])) * 1.05)
    refit, seconds = bench.refit(config, rounds, trials[0].settled, learner)
    oof = np.mean([t.margins[bench.learning] for t in trials], axis=0)
    spent = sum(t.fit_seconds for t in trials)
    return {"oof": oof, "refit": refit, "seconds": np.array(spent), "refit_seconds": seconds,
            "failure": "", "folds": refit[:1], "shape": np.zeros(3)}  # fmt: skip


def schemes(parts: Sequence[Told], names: Sequence[str]) -> None:
    """(c): blends by each scheme against five folds: of the same candidates, and of what takes as long."""
    by_scheme: dict[str, list[Told]] = {s: [] for s in SCHEMES}
    for p in parts:
        folder = HOME / "folds" / p.title
        if not all((folder / f"{n}.{s}.npz").exists() for n in names for s in SCHEMES):
            continue
        for s in SCHEMES:
            one = Told(p.title, p.facts, p.y, p.truth)
            for n in names:
                said = np.load(folder / f"{n}.{s}.npz")
                one.oof[n] = said["oof"].astype(np.float64)
                one.refit[n] = said["refit"].astype(np.float64)
            by_scheme[s].append(one)
    for size in sorted({p.facts["size"] for p in by_scheme["5"]}):
        among = {s: [p for p in ps if p.facts["size"] == size] for s, ps in by_scheme.items()}
        ours = [blend_error(p, names) for p in among["5"]]
        print(f"\n{len(names)} candidates, {size}, {len(ours)} parts, against five folds of the same")
        for s, ps in among.items():
            # Folds and refit: 5 + 1 fits by five folds.
            count = max(1, round(len(names) * (5 + 1) / (sum(SCHEMES[s]) + 1)))
            same = [blend_error(p, names) for p in ps]
            timed = [blend_error(p, names[:count]) for p in ps]
            print(f"  {s:4} folds, as many candidates   {paired(ps, ours, same)}")
            if count < len(names):
                print(f"  {s:4} folds, {count} candidates: as long  {paired(ps, ours, timed)}")


# On around the best --------------------------------------------------------------------------------------

WAYS = ("around", "tpe", "anywhere")
"""The product's own refinement, Optuna's TPE, and random draws: each from LightGBM's zone."""
Asking = Callable[[Sequence[Trial]], tuple[Config, Callable[[float], None]]]


def fit_refined(parts: Sequence[Part], before: Sequence[str], count: int) -> None:
    """After the first configurations, `count` more of LightGBM by each way."""
    for part in parts:
        bench: Bench | None = None
        for way in WAYS:
            if not path_of_way(part.title, way, count - 1).exists():
                bench = bench or opened(part)
                _refine(bench, way, before, count)
        print(f"refined {part.title}", flush=True)


def path_of_way(title: str, way: str, i: int) -> Path:
    return HOME / "refined" / title / f"{way}-{i}.npz"


def _refine(bench: Bench, way: str, before: Sequence[str], count: int) -> None:
    one = next(p for p in told((bench.part.size,)) if p.title == bench.part.title)
    seen: list[Trial] = []
    for n in before:
        if n.startswith("lgb") and n in one.oof:
            family, view, settings = json.loads(str(np.load(path_of(bench.part, n))["config"]))
            seen.append(Trial(Config(n, family, view, settings), error=_own_error(one, one.oof[n])))
    ask = _tpe(bench, seen) if way == "tpe" else _drawn(bench, way)
    for i in range(count):
        config, tell = ask(seen)
        said = bench.run(config)
        error = float("inf") if said["failure"] else _own_error(one, said["oof"])
        seen.append(Trial(config, error=error))
        tell(error)
        save(path_of_way(bench.part.title, way, i), said)


def _own_error(one: Told, oof: Doubles) -> float:
    return Told(one.title, one.facts, one.y, one.y).error(oof)


def _drawn(bench: Bench, way: str) -> Asking:
    """The product's own way, or draws from anywhere in the zone."""
    zone = zone_of(bench.known["lightgbm"])
    rng = np.random.default_rng(bench.part.seed)

    def ask(seen: Sequence[Trial]) -> tuple[Config, Callable[[float], None]]:
        if way == "around":
            made = propose(seen, bench.known, {mark(t.config) for t in seen}, bench.part.seed)
            assert made is not None  # LightGBM has a zone
            return made, lambda error: None
        settings: Settings = {"bagging_freq": 1}
        for name, at in zone.items():
            if at.varied:
                settings[name] = at.near(at.usual, 0.5, rng)
        view = "tree" if rng.random() < 0.5 else "encoded"
        return Config(f"anywhere-{len(seen)}", "lightgbm", view, settings), lambda error: None

    return ask


def _tpe(bench: Bench, before: Sequence[Trial]) -> Asking:
    """Optuna's TPE over the same zone, told of the configurations before."""
    import optuna  # not a dependency: installed where this is asked

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.TPESampler(seed=bench.part.seed, n_startup_trials=4, multivariate=True)
    study = optuna.create_study(sampler=sampler)
    kinds = optuna.distributions
    zone = {k: at for k, at in zone_of(bench.known["lightgbm"]).items() if at.varied}
    space: dict[str, Any] = {"view": kinds.CategoricalDistribution(["tree", "encoded"])}
    for name, at in zone.items():
        low = max(at.low, 1e-2) if at.by_factors else at.low
        if at.switch:
            space[name] = kinds.CategoricalDistribution([False, True])
        elif at.whole:
            space[name] = kinds.IntDistribution(int(low), int(at.high), log=at.by_factors)
        else:
            space[name] = kinds.FloatDistribution(low, at.high, log=at.by_factors)
    for trial in before:
        given = {k: trial.config.settings.get(k, at.usual) for k, at in zone.items()}
        for k, at in zone.items():
            given[k] = bool(given[k]) if at.switch else max(given[k], 1e-2) if at.by_factors else given[k]
        params = {**given, "view": trial.config.view}
        made = optuna.trial.create_trial(params=params, distributions=space, value=trial.error)
        study.add_trial(made)

    def ask(seen: Sequence[Trial]) -> tuple[Config, Callable[[float], None]]:
        trial = study.ask(space)
        settings = {k: v for k, v in trial.params.items() if k != "view"} | {"bagging_freq": 1}
        config = Config(f"tpe-{len(seen)}", "lightgbm", trial.params["view"], settings)
        return config, lambda error: study.tell(trial, min(error, 1e9))

    return ask


def refined(parts: Sequence[Told], before: Sequence[str], order: Sequence[str], count: int) -> None:
    """(e): the blend after the portfolio has gone on, against each way of refining for as long."""
    among: list[Told] = []
    errors: dict[str, list[float]] = {w: [] for w in ("stopped", *WAYS, "half and half")}
    ours = []
    for p in parts:
        if not path_of_way(p.title, WAYS[-1], count - 1).exists():
            continue
        among.append(p)
        grown = Told(p.title, p.facts, p.y, p.truth, dict(p.oof), dict(p.refit), {}, dict(p.seconds))
        spent: dict[str, list[str]] = {}
        for way in WAYS:
            spent[way] = []
            for i in range(count):
                said = np.load(path_of_way(p.title, way, i))
                if str(said["failure"]):
                    continue
                name = f"{way}-{i}"
                grown.oof[name], grown.refit[name] = said["oof"].astype(float), said["refit"].astype(float)
                grown.seconds[name] = float(said["seconds"].sum() + said["refit_seconds"])
                spent[way].append(name)
        budget = float(np.median([sum(grown.seconds[n] for n in names) for names in spent.values()]))
        rest = [n for n in order if n not in before and n in p.oof]
        ours.append(blend_error(grown, [*before, *_in_time(grown, rest, budget)]))
        errors["stopped"].append(blend_error(grown, before))
        for way in WAYS:
            errors[way].append(blend_error(grown, [*before, *_in_time(grown, spent[way], budget)]))
        half = [*_in_time(grown, rest, budget / 2), *_in_time(grown, spent["around"], budget / 2)]
        errors["half and half"].append(blend_error(grown, [*before, *half]))
    print(f"\nafter {len(before)} configurations, {len(among)} parts, against going on with the portfolio")
    for way, theirs in errors.items():
        print(f"  {way:14} {paired(among, ours, theirs)}")


def _in_time(one: Told, names: Sequence[str], budget: float) -> list[str]:
    chosen, spent = [], 0.0
    for n in names:
        spent += one.seconds[n]
        if spent > budget:
            break
        chosen.append(n)
    return chosen
