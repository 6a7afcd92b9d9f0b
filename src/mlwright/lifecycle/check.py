"""check: a Dataset becomes Findings, by itself or held to what it should be like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from mlwright.base.errors import Misuse
from mlwright.base.schema import Schema, TaskName
from mlwright.lifecycle.extras import need
from mlwright.lifecycle.listening import listening, told_when_done
from mlwright.lifecycle.read import RoleNames, as_written, read, with_question
from mlwright.lifecycle.schema import reference_of

if TYPE_CHECKING:
    from mlwright.base.finding import Findings
    from mlwright.base.progress import Progress
    from mlwright.sources import ReadOptions


def check(
    data: object,
    *,
    against: object = None,
    seed: int = 0,
    waive: tuple[str, ...] = (),
    options: ReadOptions | None = None,
    task: TaskName | None = None,
    seconds: float | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    **roles: Unpack[RoleNames],
) -> Findings:
    """What is wrong with a table, worst first: what reading noticed and what the checks found.

    `data` is a Dataset, or anything that `read` takes; `options` say how it is written. With `against` (a
    model, a schema, or a table: all that `schema` takes) the table is held to that instead: it is read by
    that schema, and the findings say what does not fit. A check that could not look says so; none raises.
    `waive` names codes that are known and borne; `task` says what the target is, where its values do not;
    after `seconds`, no look that needs a model is begun, and `threads` is how many it may use. Raises what
    `read` raises, `Misuse` for roles that the schema does not give or that come too late for a Dataset, and
    `TargetUnusable` where `task` wants numbers and the target is none.
    """
    need("train", "checking data")
    from mlwright.checks import check as run_checks
    from mlwright.checks import known_codes
    from mlwright.data.dataset import Dataset
    from mlwright.tasks.tabular.problem import refuse_task

    options, roles = with_question(options, roles)
    if not isinstance(data, Dataset):
        known_codes(waive)
    if against is not None:
        return _check_against(data, against, seed, waive, options, roles)
    told = next((name for name, value in roles.items() if value), None)
    if isinstance(data, Dataset) and told:
        raise Misuse(f"{told}= has no effect on data already read", remedy="say it to read")
    listener = listening(progress)
    with told_when_done(listener):
        if not isinstance(data, Dataset):
            listener.stage("reading")
        dataset = data if isinstance(data, Dataset) else read(data, options=options, **roles)
        if dataset.target is not None:
            refuse_task(dataset.target, task, dataset.provenance.source)
        listener.stage("checking")
        return run_checks(
            dataset,
            task=task,
            seed=seed,
            waive=waive,
            seconds=seconds,
            threads=threads,
            progress=listener,
        )


def _check_against(
    data: object,
    against: object,
    seed: int,
    waive: tuple[str, ...],
    options: ReadOptions | None,
    roles: RoleNames,
) -> Findings:
    from mlwright.checks import check_against
    from mlwright.checks.held import as_raw, hold
    from mlwright.data.dataset import Dataset
    from mlwright.sources import read_raw

    reference = reference_of(against, options and options.for_another, **roles)
    if reference.dataset is None or isinstance(against, Dataset):
        _same_roles(reference.schema, roles)
    if isinstance(data, Dataset):
        frame = as_raw(data, reference.schema)
        held = hold(frame, reference, source=data.provenance.source, seed=seed)
        return check_against(held, waive=waive)
    raw = read_raw(data, options)
    schema = as_written(reference.schema, options)
    held = hold(raw.frame, reference, written=schema, source=raw.source, seed=seed)
    return check_against(held, findings=raw.findings, waive=waive)


def _same_roles(schema: Schema, roles: RoleNames) -> None:
    """Roles that are said beside a schema can only repeat it."""
    for role, said in roles.items():
        names = (said,) if isinstance(said, str) else said if isinstance(said, (tuple, list)) else ()
        own = {c.name for c in schema.columns if c.role == role}
        if said and not (names and own.issuperset(names)):
            raise Misuse(
                f"{role}= has no effect beside against=: columns are what that says they are",
                remedy=f"leave {role}= out",
            )
