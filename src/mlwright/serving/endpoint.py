"""Endpoint: a name being served. It holds the model that answers, the one before it, and their one queue.

Made by the front, one for each name. Another model is prepared beside traffic, in any thread, and takes over
by one assignment on the loop's thread: a request is answered by the one or by the other, never by both.
"""

from __future__ import annotations

import asyncio

from mlwright.base.errors import Misuse, ModelRefused
from mlwright.base.naming import MODEL_NAME
from mlwright.base.schema import Column, Schema
from mlwright.serving.batch import Batch
from mlwright.serving.deployed import Deployed
from mlwright.serving.explaining import Explaining
from mlwright.serving.metrics import ModelMetrics
from mlwright.serving.served import Served
from mlwright.serving.settings import ServeSettings


class Endpoint:
    """One name and what answers under it."""

    def __init__(self, name: str, model: Served, settings: ServeSettings) -> None:
        if not MODEL_NAME.fullmatch(name):
            raise Misuse(
                f"{name!r} is no name for a model",
                remedy="use up to 64 letters, digits, dots, dashes and underscores, as in loans=loans.mlw",
            )
        self.name, self._settings = name, settings
        self.metrics = ModelMetrics()
        self.previous: Deployed | None = None
        """What answered before, kept open so that going back takes no time."""
        self.batch = Batch(Deployed(model, settings, name), settings, self.metrics)
        self.explaining = Explaining(self.batch, settings, self.metrics)
        """The line of requests that want explanations."""
        self.is_warm = False
        self._announce()

    @property
    def deployed(self) -> Deployed:
        """What answers now."""
        return self.batch.deployed

    @property
    def model(self) -> Served:
        """The model that answers now."""
        return self.batch.deployed.model

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Names the loop that everything here runs on."""
        self.batch.attach(loop)
        self.explaining.attach(loop)

    def close(self) -> None:
        """Ends the worker threads once their work is done."""
        self.batch.close()
        self.explaining.close()

    def warm(self) -> None:
        """Runs an example row, so that the first request finds a measured cost and a warm graph."""
        for row in self.model.samples.rows[:1]:
            self.batch.warm(row)
        self.is_warm = True

    def prepare(self, model: Served, *, force: bool = False) -> Deployed:
        """`model`, ready to take over; callable from any thread.

        Raises `ModelRefused` where it answers another question, or would refuse rows that the present one
        takes (`force`: not then), and whatever it raises on its own example.
        """
        if not force:
            _check_successor(self.model.schema, model.schema)
        deployed = Deployed(model, self._settings, self.name)
        deployed.warm(self.deployed.used)
        return deployed

    def take(self, deployed: Deployed) -> None:
        """From the next run on, `deployed` answers; what answered until now is kept."""
        if deployed.model.digest != self.model.digest:
            self.previous = self.deployed
        self.batch.deployed = deployed
        self.metrics.swaps += 1
        self._announce()

    def _announce(self) -> None:
        schema, target = self.model.schema, self.model.schema.target
        self.metrics.columns = frozenset(schema.names)
        self.metrics.info = {
            "digest": self.model.digest,
            "task": target.task if target else "",
            "target": target.name if target else "",
        }


def _check_successor(old: Schema, new: Schema) -> None:
    """Raises `ModelRefused` where callers of the old model would be surprised by the new one."""
    was, now = old.target, new.target
    if was and now and (was.name, was.task) != (now.name, now.task):
        raise _unfit(f"it predicts {now.name!r} ({now.task}), the present one {was.name!r} ({was.task})")
    if was and now and set(was.classes) != set(now.classes):
        raise _unfit("its classes are others than those of the present one")
    sent = set(old.names)
    lacking = [c.name for c in new.features if not c.optional and c.name not in sent]
    if lacking:
        raise _unfit(f"it needs {lacking[0]!r}, which callers of the present one do not send")
    unknown = sorted(sent - set(new.names))
    if unknown:
        raise _unfit(f"it does not know {unknown[0]!r}, which callers of the present one send")
    if was and now and was.label_type != now.label_type:
        raise _unfit(f"its labels are {now.label_type}, those of the present one {was.label_type}")
    columns = {c.name: c for c in new.columns}
    for column in old.features:
        why = _stricter(column, columns[column.name])
        if why:
            raise _unfit(f"{column.name!r} {why}")


def _stricter(old: Column, new: Column) -> str:
    """Why `new` may refuse a value that `old` takes, in words; empty where it may not."""
    if new.unused:
        return ""
    if new.kind != old.kind:
        return f"is {new.kind} to it and {old.kind} to the present one"
    if old.nullable and not new.nullable:
        return "may no longer be missing"
    if old.optional and not new.optional:
        return "may no longer be absent"
    if new.least is not None and (old.least is None or new.least > old.least):
        return "must not be as small as before"
    if new.most is not None and (old.most is None or new.most < old.most):
        return "must not be as large as before"
    if new.allowed and not (old.allowed and set(old.allowed) <= set(new.allowed)):
        return "may have fewer values"
    if new.pattern and new.pattern != old.pattern:
        return "must match another pattern"
    if any(not set(getattr(old, s)) <= set(getattr(new, s)) for s in ("missing", "true", "false")):
        return "may be spelt in fewer ways"
    return ""


def _unfit(why: str) -> ModelRefused:
    return ModelRefused(
        f"it cannot take over: {why}", remedy="serve it under another name, or force it where callers know"
    )
