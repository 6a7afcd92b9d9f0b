"""The manifest: what a model file is, which members it has by digest, and what made it.

Written by `assemble` for `packaging`, read first when a file is opened. It names a task kind, never a module.
What varies between equal runs stands in the timings, which the content digest leaves out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec

from mlwright.artifact.container import FORMAT, pack
from mlwright.base import figures
from mlwright.base.canonical import canonical_json, sha256
from mlwright.base.errors import Misuse, ModelDamaged, ModelRefused
from mlwright.base.evaluation import Entry

_AGAIN, _ELSEWHERE = "copy the file again from where it was made", "give a file that mlwright wrote"

VARYING = frozenset({"timings.json", "card.md"})
"""Members that differ between equal runs; the content digest leaves them out."""

Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
KindName = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]{0,31}$")]


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first member of a model file."""

    format: int
    kind: KindName
    """The task kind's name, such as `tabular`."""
    members: dict[str, Digest]
    """SHA-256 of every other member."""
    versions: dict[str, str]
    """Libraries that made the model."""
    recipe: dict[str, Any]  # Any: JSON values
    """The settings that made the model: seed, metric, limits."""

    @property
    def digest(self) -> str:
        """The content digest: equal for equal models, whenever and wherever they were made."""
        kept = {name: digest for name, digest in self.members.items() if name not in VARYING}
        return sha256(canonical_json(msgspec.structs.replace(self, members=kept)))


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """What one candidate cost: seconds to fit, CPU microseconds a row of one-row calls."""

    fit_seconds: float
    cpu_us: float | None = None


class Timings(msgspec.Struct, frozen=True, kw_only=True):
    """All that varies between equal runs."""

    created_at: str
    """UTC, ISO 8601."""
    machine: str
    fit_seconds: float
    cpu_us_p50: float | None = None
    """CPU microseconds per row of one-row calls in the exported graph: the median and the 99th percentile."""
    cpu_us_p99: float | None = None
    original_us: float | None = None
    """Of a converted model, what the original took: CPU microseconds of its one-row calls, the median."""
    memory_bytes: int | None = None
    """Resident memory of a process that opens the file and answers: what a worker that serves it takes."""
    memory_measured: bool = False
    """Whether that is the peak of a process that did so; else it is estimated from the file's size."""
    entries: dict[str, Spent] = {}
    """By the candidate's name."""
    source: str = ""
    """What the training table was called where it was read, without its folder: `loans.csv`."""
    test_source: str = ""
    """The same of the table that judged, where one was given."""

    @property
    def original_said(self) -> str:
        """What a row took before the model was converted; empty where it was not, or is not known."""
        return "" if self.original_us is None else figures.microseconds(self.original_us)

    @property
    def faster_said(self) -> str:
        """What a row took before the model was converted, and takes now; empty where it was not."""
        if self.original_us is None or self.cpu_us_p50 is None:
            return ""
        return f"one row: {self.original_said} before, {figures.microseconds(self.cpu_us_p50)} now"

    @property
    def memory_said(self) -> str:
        """What serving takes in memory, and how that is known; empty where it is not."""
        if self.memory_bytes is None:
            return ""
        how = "measured" if self.memory_measured else "by estimate from its size"
        return f"{figures.size(self.memory_bytes)} in a process of its own, {how}"

    def told(self, entries: Iterable[Entry]) -> tuple[Entry, ...]:
        """The leaderboard's `entries` with what each cost, which a file keeps apart because it varies."""
        return tuple(
            msgspec.structs.replace(e, fit_seconds=spent.fit_seconds, cpu_us=spent.cpu_us)
            if (spent := self.entries.get(e.name))
            else e
            for e in entries
        )


def assemble(
    *,
    kind: str,
    versions: Mapping[str, str],
    recipe: Mapping[str, Any],  # Any: JSON values
    timings: Timings | Mapping[str, Any],  # Any: the fields of Timings
    members: Mapping[str, bytes],
) -> bytes:
    """The bytes of a model file: `members` with their manifest and timings.

    `members` are all but `manifest.json` and `timings.json`, JSON in canonical form. Raises `Misuse` for a
    member that is absent, unknown or too large. What is inside the members is judged by `load`.
    """
    given = {"manifest.json", "timings.json"} & members.keys()
    if given:
        raise Misuse(f"{sorted(given)[0]!r} is made by assemble and cannot be given")
    try:
        spent = msgspec.convert(msgspec.to_builtins(timings), Timings)
        complete = {**members, "timings.json": canonical_json(spent)}
        made = Manifest(
            format=FORMAT,
            kind=kind,
            members={name: sha256(data) for name, data in complete.items()},
            versions=dict(versions),
            recipe=dict(recipe),
        )
        manifest = canonical_json(made)
        msgspec.json.decode(manifest, type=Manifest)
    except msgspec.ValidationError as error:
        raise Misuse(f"the manifest or the timings cannot be: {error}") from error
    return pack({"manifest.json": manifest, **complete})


def check_members(members: Mapping[str, bytes]) -> Manifest:
    """The manifest of unpacked `members`, each of which has the digest that it states.

    Raises `ModelRefused` for a manifest that is not one, `ModelDamaged` for bytes that differ.
    """
    try:
        manifest = msgspec.json.decode(members["manifest.json"], type=Manifest)
    except msgspec.ValidationError as error:
        raise ModelRefused(f"the manifest is not one: {error}", remedy=_ELSEWHERE) from error
    if manifest.format != FORMAT:
        raise ModelRefused(f"there is no format {manifest.format}", remedy=_ELSEWHERE)
    listed, held = set(manifest.members), set(members) - {"manifest.json"}
    if listed != held:
        odd = sorted(listed ^ held)[0]
        raise ModelRefused(f"the manifest and the file disagree on {odd!r}", remedy=_ELSEWHERE)
    for name, digest in manifest.members.items():
        if sha256(members[name]) != digest:
            raise ModelDamaged(
                f"the bytes of {name!r} differ from their digest",
                remedy=_AGAIN,
            )
    return manifest
