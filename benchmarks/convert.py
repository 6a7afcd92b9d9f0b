"""How much of what people fit becomes a model file, whether it answers alike, and what a row costs then.

`python benchmarks/convert.py [--only WORD,...] [--peers mlflow,bentoml] [--json FILE]` fits some 130
pipelines (scikit-learn, LightGBM, XGBoost, CatBoost, PyTorch where it is installed) on up to 5,000 rows of
real tables, converts each with `mlwright.convert` and asks both on all rows that were held out. `--only`
keeps the cases whose name holds one of the words. `--peers` has MLflow and BentoML package the same fitted
pipelines.

CPU times are of one row a call: before, `pipeline.predict` on a frame of one row; after, `model.predict` on a
dict of raw values; the graph alone is what is left where something else decodes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import joblib
import numpy as np
from convert_cases import CASES, Case, given
from convert_judged import judged
from convert_peers import PEERS, described, packaged

from mlwright.base.machine import cpu_name

Result = dict[str, Any]
SHARE, FASTER = 0.95, 50.0
"""What is aimed at: of what ONNX has operators for, and of the CPU time of a row."""


def main() -> None:
    """Runs the cases, prints a line each, then what they come to; all of it in Markdown."""
    given = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    given.add_argument("--only", default="", help="words of which a case's name holds one, by commas")
    given.add_argument("--peers", default="", help=f"of {', '.join(PEERS)}, by commas; or all")
    given.add_argument("--json", type=Path, help="where to write all figures")
    asked = given.parse_args()
    only = [w.strip() for w in asked.only.split(",") if w.strip()]
    cases = [c for c in CASES if not only or any(w in c.name for w in only)]
    peers = list(PEERS) if asked.peers == "all" else [p for p in asked.peers.split(",") if p]
    if unknown := set(peers) - set(PEERS):
        raise SystemExit(f"no such peer: {', '.join(unknown)}; there are {', '.join(PEERS)}")
    if not cases:
        raise SystemExit(f"no case has {' or '.join(only)} in its name, such as {CASES[0].name!r}")
    told = [described(peer) for peer in peers]  # the environments are made now, not in the middle
    print(f"{cpu_name()}, one thread; {len(cases)} pipelines\n\n{heading(peers)}", flush=True)
    results = []
    for case in cases:
        results.append(run(case, peers))
        print(line(results[-1], peers), flush=True)
        if asked.json:
            asked.json.write_text(json.dumps(results, indent=1))
    print(f"\n{summary(results)}")
    for peer, words in zip(peers, told, strict=True):
        print(f"\n{peer_summary(peer, words, results)}")


def run(case: Case, peers: Sequence[str]) -> Result:
    """One case: fitted, converted, judged, and packaged by the peers."""
    table = case.data()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of convergence; small models are meant to be small
        try:
            fitted = case.fit(table)
        except Exception as error:
            return {"name": case.name, "outcome": "not fitted", "why": f"{type(error).__name__}: {error}"}
        result = judged(case, fitted, table)
        if peers and case.front != "module":
            with tempfile.TemporaryDirectory() as folder:
                place = Path(folder)
                held = table.held[given(table.columns)]
                joblib.dump(fitted, place / "pipeline.joblib")
                held.to_parquet(place / "held.parquet")
                np.save(place / "answers.npy", np.asarray(fitted.predict(held)).reshape(len(held)))
                result["peers"] = {peer: packaged(peer, place) for peer in peers}
    return result


def heading(peers: Sequence[str]) -> str:
    """The head of the table of cases."""
    names = ["pipeline", "outcome", "rows", "other answers", "largest difference", "us before", "us after"]
    names += ["us graph", "times faster", "KiB before", "KiB after"]
    names += [f"{peer}: {what}" for peer in peers for what in ("same answers", "us", "KiB")]
    return f"| {' | '.join(names)} |\n|{'---|' * len(names)}"


def line(result: Result, peers: Sequence[str]) -> str:
    """One case."""
    cells = [result["name"], result["outcome"]]
    if result["outcome"] == "converted":
        alone = result["refused by it alone"]
        rows = f"{result['rows']:,}" + (f" ({result['refused rows']} refused)" if alone else "")
        ratio = result["us before"] / result["us after"]
        cells += [rows, str(result["different"]), f"{result['largest']:.0e}"]
        cells += [f"{result[f'us {k}']:,.0f}" for k in ("before", "after", "graph")]
        cells += [f"{ratio:.0f}", *(f"{result[f'kib {k}']:,.0f}" for k in ("before", "after"))]
    else:
        cells += [*[""] * 9]
        cells[2] = " ".join(result["why"].split())[:160]
    for peer in peers:
        said = result.get("peers", {}).get(peer, {"failed": "not asked"})
        failed = said.get("failed")
        cells += (
            [" ".join(failed.split())[:80], "", ""]
            if failed
            else [said["same"], f"{said['us']:,.0f}", f"{said['kib']:,.0f}"]
        )
    return f"| {' | '.join(cells)} |"


def summary(results: Sequence[Result]) -> str:
    """What all cases come to."""
    within = [r for r in results if not r.get("beyond") and r["outcome"] != "not fitted"]
    done = [r for r in within if r["outcome"] == "converted"]
    refused = [r for r in results if r["outcome"] in ("refused", "not alike")]
    unlike = [r for r in results if r["outcome"] == "converted" and r["different"]]
    against = [r for r in results if r.get("beyond") and r["outcome"] == "converted"]
    failed = [r for r in results if r["outcome"] in ("failed", "not fitted")]
    share = len(done) / max(len(within), 1)
    lines = [
        f"Converted: {len(done)} of {len(within)} whose operators exist ({share:.0%}; aim {SHARE:.0%}).",
        f"Silently different: {len(unlike)} (aim 0){_names(unlike)}.",
        f"Converted although no operator does it: {len(against)} (aim 0){_names(against)}.",
        f"Failed without a refusal: {len(failed)} (aim 0){_names(failed)}.",
    ]
    if done:
        ratios = [r["us before"] / r["us after"] for r in done]
        graphs = [r["us before"] / r["us graph"] for r in done]
        sizes = [r["kib after"] / r["kib before"] for r in done]
        lines += [
            f"Largest difference: {max(r['largest'] for r in done):.0e}.",
            f"A row's CPU time: {statistics.median(r['us before'] for r in done):,.0f} us before, "
            f"{statistics.median(r['us after'] for r in done):,.0f} us after (medians); "
            f"{statistics.median(ratios):.0f} times faster (aim {FASTER:.0f}; least {min(ratios):.0f}), "
            f"{statistics.median(graphs):.0f} times in the graph alone.",
            f"Size: {statistics.median(sizes):.2f} of the pipeline's (median; most {max(sizes):.1f}).",
            f"Rows refused that the pipeline answers: {sum(r['refused by it alone'] for r in done)}.",
        ]
    lines += [f"Refused: {r['name']}: {r['why']}" for r in refused]
    lines += [f"Failed: {r['name']}: {' '.join(r['why'].split())[:300]}" for r in failed]
    return "\n".join(f"- {text}" for text in lines)


def peer_summary(peer: str, told: str, results: Sequence[Result]) -> str:
    """What a peer made of the same pipelines."""
    said = [(r, r["peers"][peer]) for r in results if "peers" in r]
    done = [(r, s) for r, s in said if "failed" not in s]
    lines = [f"{told}: {len(done)} of {len(said)} packaged and asked again."]
    if done:
        ratios = [s["us"] / r["us before"] for r, s in done]
        sizes = [s["kib"] / r["kib before"] for r, s in done]
        unlike = [r for r, s in done if s["different"]]
        lines += [
            f"Other answers: {len(unlike)}{_names(unlike)}.",
            f"A row's CPU time: {statistics.median(s['us'] for _, s in done):,.0f} us (median), "
            f"{statistics.median(ratios):.1f} times the pipeline's own.",
            f"Size: {statistics.median(sizes):.2f} of the pipeline's (median).",
        ]
        hows = Counter(s["how"] for _, s in done)
        lines.append(f"Saved {', '.join(f'{how}: {count}' for how, count in hows.items())}.")
    lines += [f"Failed: {r['name']}: {' '.join(s['failed'].split())[:300]}" for r, s in said if "failed" in s]
    return "\n".join(f"- {text}" for text in lines)


def _names(results: Sequence[Result]) -> str:
    return f" ({'; '.join(r['name'] for r in results)})" if results else ""


if __name__ == "__main__":
    main()
