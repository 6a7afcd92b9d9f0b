"""From an opened model to the page about it: what its file says of data, costs, provenance and settings.

Called by `report`. It measures nothing; what an older file does not tell is left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mlwright.base import figures
from mlwright.base.purpose import MOST, Purpose
from mlwright.lifecycle.again import again

if TYPE_CHECKING:
    from mlwright.artifact import Model
    from mlwright.pages import ModelPage

_ELSEWHERE = frozenset(("baseline", "members", "data_sha256", *MOST))
"""Of a recipe: what the page shows at another place, or what is no setting."""


def page_of(model: Model) -> ModelPage:
    """What the page about `model` shows."""
    from mlwright.pages import ModelPage

    repeat = again(model)
    ways = {"On the command line": repeat.command, "In Python": repeat.call}
    return ModelPage(
        schema=model.schema,
        target=model.target,
        evaluation=model.evaluation,
        findings=model.findings,
        profile=model.profile,
        purpose=Purpose.of(model.manifest.recipe),
        brief=_brief(model),
        data=_data(model),
        made=_made(model),
        settings=_settings(model),
        trained="converted" not in model.manifest.recipe,
        again={k: v for k, v in ways.items() if v},
        notes=repeat.notes,
    )


def _brief(model: Model) -> Mapping[str, str]:
    evaluation, timings = model.evaluation, model.timings
    said = {
        "judged on": figures.counted(evaluation.rows, "row") if evaluation.rows else "",
        "one row takes": f"{figures.microseconds(timings.cpu_us_p50)} of CPU" if timings.cpu_us_p50 else "",
        "file": figures.size(len(model.to_bytes())),
        "made": timings.created_at[:10],
        "version": model.digest[:12],
    }
    return {k: v for k, v in said.items() if v}


def _data(model: Model) -> Mapping[str, str]:
    sha, timings = model.manifest.recipe.get("data_sha256"), model.timings
    said = {
        "table": timings.source,
        "SHA-256 of the table": sha if isinstance(sha, str) else "",
        "judged by the table": timings.test_source,
    }
    return {k: v for k, v in said.items() if v}


def _made(model: Model) -> Mapping[str, str]:
    timings, parity = model.timings, model.evaluation.parity
    said = {}
    if timings.cpu_us_p50 is not None:
        slow = f" (99th percentile {figures.microseconds(timings.cpu_us_p99)})" if timings.cpu_us_p99 else ""
        said["one row"] = f"{figures.microseconds(timings.cpu_us_p50)} of CPU time{slow}, asked alone"
    if timings.original_said:
        said["one row before it was converted"] = f"{timings.original_said} of CPU time, asked alone"
    said["file"] = figures.size(len(model.to_bytes()))
    if timings.memory_said:
        said["memory"] = f"{timings.memory_said}, interpreter and libraries included"
    said["converted" if "converted" in model.manifest.recipe else "trained"] = (
        f"in {figures.seconds(timings.fit_seconds)}, {timings.created_at[:16].replace('T', ' ')} UTC"
    )
    said["machine"] = timings.machine
    if parity is not None:
        difference = f"largest relative difference {parity.largest:.1g}"
        said["served as trained"] = f"{figures.counted(parity.rows, 'row')} compared, {difference}"
    said["content digest"] = model.digest
    said["SHA-256 of the file"] = model.file_digest
    said["made with"] = ", ".join(f"{k} {v}" for k, v in model.manifest.versions.items())
    return {k: v for k, v in said.items() if v}


def _settings(model: Model) -> Mapping[str, str]:
    return {
        name.replace("_", " "): value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in model.manifest.recipe.items()
        if name not in _ELSEWHERE
    }
