"""Listening, starting, stopping: `serve` for a process of its own, `running` for a block of code.

Called by `lifecycle`. It owns the loop, the signals and the clock; everything about requests lies elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from mlwright import artifact
from mlwright.base.errors import EnvironmentProblem, Misuse
from mlwright.base.naming import MODEL_NAME
from mlwright.serving.access import access_for
from mlwright.serving.control import Alone, Source
from mlwright.serving.endpoint import Endpoint
from mlwright.serving.front import Front
from mlwright.serving.greeting import speaking
from mlwright.serving.libraries import need_libraries
from mlwright.serving.served import Served
from mlwright.serving.settings import ServeSettings, is_loopback

log = logging.getLogger("mlwright.serving")
One = Served | str | Path
"""An opened model, or the path of its file."""
Models = One | Mapping[str, One]
"""What is served: one model, called as its file or "model", or several by name."""
_OTHER_FILES = 128
new_loop: Callable[[], asyncio.AbstractEventLoop] | None = None
"""Makes the event loop; None for Python's own."""
try:
    from uvloop import new_event_loop as new_loop
except ImportError:  # not on Windows, where asyncio's own loop is slower and as correct
    log.debug("uvloop is absent")


def serve(
    models: Models,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    settings: ServeSettings | None = None,
    started: Callable[[str], None] | None = None,
) -> None:
    """Serves `models` until SIGTERM or SIGINT, then answers what was accepted and returns.

    SIGHUP reads the files of models anew. `started` is called with the URL once requests are answered. Raises
    `Misuse` for an open endpoint off loopback or a port that is none, `ExtraMissing` where settings ask for
    what is not installed, `EnvironmentProblem` where the port cannot be had, and what opening a model file
    raises.
    """
    _check_port(port)
    settings = settings or ServeSettings()
    _make_room(settings)
    if settings.workers > 1:
        from mlwright.serving.supervisor import supervise

        supervise(named(models), host, port, settings, started or _log_started)
        return
    front = make_front(models, host, settings)
    gc.collect()
    gc.freeze()  # the model and the code live as long as the process: the collector need not visit them
    stop = threading.Event()
    with _signals_to(stop):
        _run(front, host, port, started or _log_started, stop)


@contextlib.contextmanager
def running(
    models: Models,
    settings: ServeSettings | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
) -> Iterator[str]:
    """Serves in a thread for as long as the block lasts; yields the URL (its port is free unless given).

    Raises what `serve` raises.
    """
    _check_port(port)
    front = make_front(models, host, settings or ServeSettings())
    urls: list[str] = []
    is_up, stop = threading.Event(), threading.Event()
    failures: list[BaseException] = []

    def announce(url: str) -> None:
        urls.append(url)
        is_up.set()

    def body() -> None:
        try:
            _run(front, host, port, announce, stop)
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread below
            failures.append(error)
        finally:
            is_up.set()

    thread = threading.Thread(target=body, name="mlwright-serving", daemon=True)
    thread.start()
    is_up.wait()
    try:
        if urls:
            yield urls[0]
    finally:
        stop.set()
        thread.join()
    if failures:
        raise failures[0]


def make_front(models: Models, host: str, settings: ServeSettings) -> Front:
    """The front of opened models or model files, with the access rule that `host` demands."""
    need_libraries(settings)
    access = access_for(is_loopback(host), settings.tokens_file, settings.insecure)
    endpoints: dict[str, Endpoint] = {}
    sources: dict[str, Source] = {}
    for name, model in named(models).items():
        if isinstance(model, (str, Path)):
            sources[name] = partial(artifact.load, model)
            model = sources[name]()
        endpoints[name] = Endpoint(name, model, settings)
    front = Front(endpoints, settings, access, on_loopback=is_loopback(host))
    front.control = Alone(endpoints, sources)
    return front


def named(models: Models) -> dict[str, One]:
    """The models by name; a model alone is called as its file, or "model".

    >>> named("shop/loans.mlw")
    {'loans': 'shop/loans.mlw'}
    """
    if isinstance(models, Mapping):
        return dict(models)
    path = models if isinstance(models, (str, Path)) else getattr(models, "path", None)
    stem = Path(path).name.removesuffix(".mlw") if path else "model"
    return {stem if MODEL_NAME.fullmatch(stem) else "model": models}


def _make_room(settings: ServeSettings) -> None:
    """Has the process hold a file for each connection that settings allow, as far as the system lets it."""
    try:
        import resource
    except ImportError:  # Windows, which counts no files
        return
    least = settings.max_connections + settings.reserved_connections + _OTHER_FILES
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = least if most == resource.RLIM_INFINITY else min(least, most)
    if now != resource.RLIM_INFINITY and now < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    if wanted < least:
        log.warning("the system allows %d files: too few for %d connections", most, settings.max_connections)


def _check_port(port: int) -> None:
    """Raises `Misuse`; the system would take the number modulo 65,536 and listen somewhere else."""
    if not 0 <= port <= 65_535:
        raise Misuse(f"a port is 0 to 65535; got {port}", remedy="choose another port (0 takes a free one)")


@contextlib.contextmanager
def _signals_to(stop: threading.Event) -> Iterator[None]:
    """SIGTERM and SIGINT set `stop`; only the main thread may say so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {n: signal.signal(n, lambda *_: stop.set()) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(front: Front, host: str, port: int, started: Callable[[str], None], stop: threading.Event) -> None:
    async def body() -> None:
        listener = await _listen(front, host, port)
        bound = listener.sockets[0].getsockname()
        shown_host = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
        scheme = "https" if front.settings.tls_key else "http"
        await _serving(front, listener, lambda: started(f"{scheme}://{shown_host}:{bound[1]}"), stop)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(body())


async def serving(
    front: Front, listening: socket.socket, started: Callable[[], None], stop: threading.Event
) -> None:
    """Serves on a socket that listens, until `stop` is set; then answers what was accepted."""
    loop = asyncio.get_running_loop()
    speaks = speaking(front, secured(front.settings))
    listener = await loop.create_server(speaks, sock=listening, backlog=1024)
    await _serving(front, listener, started, stop)


async def _serving(
    front: Front, listener: asyncio.Server, started: Callable[[], None], stop: threading.Event
) -> None:
    loop = asyncio.get_running_loop()
    front.attach(loop)
    try:
        front.warm()
        started()
        with _reloading(loop, front):
            await _watch(front, stop.is_set)
        await _drain(front, listener)
    finally:
        listener.close()
        front.close()


@contextlib.contextmanager
def _reloading(loop: asyncio.AbstractEventLoop, front: Front) -> Iterator[None]:
    """SIGHUP reads all files anew, where there is such a signal and this is the main thread."""
    hangup = getattr(signal, "SIGHUP", None)
    control = front.control
    if (
        hangup is None
        or not isinstance(control, Alone)
        or threading.current_thread() is not threading.main_thread()
    ):
        yield
        return
    loop.add_signal_handler(hangup, control.reload_all)
    try:
        yield
    finally:
        loop.remove_signal_handler(hangup)


async def _listen(front: Front, host: str, port: int) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    try:
        speaks = speaking(front, secured(front.settings))
        return await loop.create_server(speaks, host, port, backlog=1024)
    except socket.gaierror as error:
        raise EnvironmentProblem(
            f"the host {host!r} is not known here", remedy="use 127.0.0.1 or 0.0.0.0"
        ) from error
    except OSError as error:
        raise EnvironmentProblem(
            f"port {port} on {host} cannot be had: {error.strerror or error}",
            remedy="stop what uses it, or choose another port (0 takes a free one)",
        ) from error


def secured(settings: ServeSettings) -> ssl.SSLContext | None:
    """What TLS needs; None without it. Raises `EnvironmentProblem` where the files cannot be used."""
    if not settings.tls_key:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", "") or getattr(error, "strerror", "") or str(error)
        raise EnvironmentProblem(
            f"the certificate or its key cannot be used: {reason}",
            where=f"{settings.tls_certificate}, {settings.tls_key}",
            remedy="give PEM files that belong together, the key without a password",
        ) from error
    return context


async def _watch(front: Front, is_over: Callable[[], bool]) -> None:
    """Keeps the clocks of all connections until it is over."""
    settings = front.settings
    period = min(0.25, settings.head_s / 4, settings.idle_s / 4, settings.write_stall_s / 4)
    while not is_over():
        await asyncio.sleep(period)
        front.tick()


async def _drain(front: Front, listener: asyncio.Server) -> None:
    """Answers what was accepted; every answer now says that it is the connection's last."""
    front.drain()
    log.info("stopping: %d connections to finish", len(front.connections))
    await asyncio.sleep(0.05)  # the loop accepts what is already in the queue of the socket
    listener.close()
    deadline = time.monotonic() + front.settings.drain_s
    await _watch(front, lambda: not front.connections or time.monotonic() > deadline)
    for connection in tuple(front.connections):
        connection.abort()


def _log_started(url: str) -> None:
    log.info("serving at %s", url)
