"""Commands to a running server: read a model's file anew, go back to the model before.

`Alone` carries them out in a process that serves by itself; `worker` has the supervisor carry them out in all
processes. Called by the front on the loop's thread; loading and verifying happen in another.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from mlwright.base.errors import MlwrightError
from mlwright.serving.answers import Answer, Refused, json_answer
from mlwright.serving.deployed import Deployed
from mlwright.serving.endpoint import Endpoint
from mlwright.serving.routes import TEXT
from mlwright.serving.served import Served

log = logging.getLogger("mlwright.serving")
Source = Callable[[], Served]
"""Opens a model anew; raises what opening raises."""


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a command may say."""

    force: bool = False
    """Take over although callers of the present model may be surprised."""


class Control(Protocol):
    """What concerns all processes of a server. `done` is called once, on the loop's thread."""

    def carry_out(self, verb: str, name: str, body: bytes, done: Callable[[Answer], None]) -> None:
        """Does what a command says to the model `name`; one command at a time."""
        ...

    def gather(self, text: bytes, done: Callable[[Answer], None]) -> None:
        """Answers what all processes counted, of which `text` is this one's."""
        ...


class Alone:
    """Commands of a process that serves by itself."""

    def __init__(self, endpoints: Mapping[str, Endpoint], sources: Mapping[str, Source]) -> None:
        self._endpoints, self._sources = endpoints, sources
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def carry_out(self, verb: str, name: str, body: bytes, done: Callable[[Answer], None]) -> None:
        task = asyncio.get_running_loop().create_task(self._answer(verb, name, body, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def gather(self, text: bytes, done: Callable[[Answer], None]) -> None:
        done(Answer(200, text, TEXT))

    def reload_all(self) -> None:
        """Reads every file anew, as SIGHUP asks."""
        for name in self._sources:
            self.carry_out("reload", name, b"", lambda answer: None)

    async def _answer(self, verb: str, name: str, body: bytes, done: Callable[[Answer], None]) -> None:
        try:
            async with self._turn:
                done(await self._done(verb, name, wish_of(body)))
        except Refused as refused:
            done(refused.answer)
        except Exception as error:  # noqa: BLE001 - whoever asked must not wait for ever
            log.error("a command failed: %s", type(error).__name__)
            done(Refused(500, "command_failed", "the command failed", "see the server's log").answer)

    async def _done(self, verb: str, name: str, wish: Wish) -> Answer:
        endpoint = self._endpoints[name]
        if verb == "rollback":
            return rolled_back(endpoint)
        source = self._sources.get(name)
        if source is None:
            raise Refused(409, "no_source", "this model was not read from a file", "restart the server")
        loop = asyncio.get_running_loop()
        deployed = await loop.run_in_executor(None, prepared, endpoint, source, wish)
        endpoint.take(deployed)
        return state_of(endpoint)


def prepared(endpoint: Endpoint, source: Source, wish: Wish) -> Deployed:
    """The model of `source`, ready to take over. Raises `Refused` (409) where it may not; the model that
    answers is not touched."""
    try:
        return endpoint.prepare(source(), force=wish.force)
    except MlwrightError as error:
        endpoint.metrics.swaps_refused += 1
        log.error("%s stays as it is: %s", endpoint.name, error.message)
        raise Refused(
            409, "swap_refused", f"the model stays as it is: {error.message}", error.remedy or "mend the file"
        ) from error
    except Exception as error:  # whatever a runtime raises on a model's own example must not end the server
        endpoint.metrics.swaps_refused += 1
        log.error("%s stays as it is: %s", endpoint.name, type(error).__name__)
        message = f"the model stays as it is: the new one failed on its own example ({type(error).__name__})"
        raise Refused(409, "swap_refused", message, "make the file again") from error


def rolled_back(endpoint: Endpoint) -> Answer:
    """Goes back to the model before; the one that leaves becomes the one before. Raises `Refused` (409)."""
    if endpoint.previous is None:
        raise Refused(409, "no_previous", "no model answered before this one", "reload another file first")
    endpoint.take(endpoint.previous)
    return state_of(endpoint)


def state_of(endpoint: Endpoint) -> Answer:
    """What answers now, and what did before."""
    before = endpoint.previous
    state: dict[str, Any] = {  # Any: JSON values
        "name": endpoint.name,
        "version": endpoint.deployed.version,
        "previous": before.version if before else None,
    }
    return json_answer(state)


def wish_of(body: bytes) -> Wish:
    """What the body of a command says. Raises `Refused` (400)."""
    if not body:
        return Wish()
    try:
        return msgspec.json.decode(body, type=Wish)
    except (msgspec.DecodeError, ValueError) as error:
        message = f'the body of a command is {{}} or {{"force": true}}: {error}'
        raise Refused(400, "bad_command", message, "send {} or nothing") from error
