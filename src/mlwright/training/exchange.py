"""What training and its lanes say to each other, and how it travels: messages over pipes, arrays as files.

Used by `lanes` (this process's side) and `lane` (the child's). A message is a length and MessagePack; an
array within it is the name of a `.npy` file in a private temporary folder, which the reader maps instead of
reading. It knows nothing of folds and candidates, and nothing that is received is ever run.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import struct
import tempfile
import time
import weakref
from collections.abc import Iterator
from dataclasses import fields
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, get_origin

import msgspec
import numpy as np
import numpy.typing as npt

from mlwright.graph.trees import Shape
from mlwright.learners import Job
from mlwright.learners.protocol import Settings

Doubles = npt.NDArray[np.float64]

PREFIX = "mlwright-lanes-"
FREE_SHARE = 0.5
"""The share of the free disk that arrays may take, so that nobody else runs out of it."""
YOUNG_S = 60.0
"""A folder younger than this may be one whose owner has yet to lock it."""
MOST_EVER = 1 << 40
"""Bytes that no message has: a length beyond it is noise that something wrote into the pipe."""


class Fit(msgspec.Struct, tag=True, frozen=True):
    """Fit a job and keep what comes of it under `handle`."""

    handle: int
    job: Job
    shape: bool
    """Whether to say how large its trees are."""
    memory: int | None
    """Bytes that the fit may take beyond what the lane holds already."""


class Predict(msgspec.Struct, tag=True, frozen=True):
    """The margin of `x`, or of the job's validation rows, by the fit `handle` with so many rounds."""

    handle: int
    rounds: int | None
    x: Doubles | None = None


class Forget(msgspec.Struct, tag=True, frozen=True):
    """Drop all fits."""


class Ready(msgspec.Struct, tag=True, frozen=True):
    """The lane has started and knows these families."""

    families: list[str]


class Begun(msgspec.Struct, tag=True, frozen=True):
    """The fit has begun: the learner's library is loaded, which is no part of the time that was given."""

    handle: int


class Settled(msgspec.Struct, tag=True, frozen=True):
    """What a fit in progress has settled on, for other folds to begin with."""

    handle: int
    settings: Settings


class Done(msgspec.Struct, tag=True, frozen=True):
    """What became of a fit, and what it cost."""

    handle: int
    rounds: int
    settled: Settings
    shape: Shape | None
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    """The most memory that the lane held meanwhile; 0 where the system does not say."""


class Margins(msgspec.Struct, tag=True, frozen=True):
    """Margins, row by row."""

    handle: int
    shape: tuple[int, int]
    doubles: bytes


class Failed(msgspec.Struct, tag=True, frozen=True):
    """The learner raised; why, in one line."""

    handle: int
    reason: str


class Gone(msgspec.Struct, tag=True, frozen=True):
    """The lane had nothing to do for long and ends: what was sent meanwhile was not begun."""


Request = Fit | Predict | Forget
Answer = Ready | Begun | Settled | Done | Margins | Failed | Gone


class Exchange:
    """The private folder of one process, in which arrays become files; removed with the process.

    The folder is locked for as long as its process lives, so that a later one can sweep what a killed one
    left behind. Raises `OSError` where no folder can be made.
    """

    def __init__(self) -> None:
        sweep()
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock = _locked(self.folder / "lock")
        self._names = count()
        self._close = weakref.finalize(self, _remove, self.folder, self._lock, os.getpid())

    def keep(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:  # Any: arrays of any type
        """The same values, mapped from a file that lanes can map too; raises `OSError` where disk is short.

        The file goes when nobody holds the array any more.
        """
        path = self.write(array)
        if not array.size:  # nothing can be mapped
            return array
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
        weakref.finalize(mapped, _unlink, path, os.getpid())
        return np.asarray(mapped)

    def write(self, array: npt.NDArray[Any]) -> Path:  # Any: arrays of any type
        """A new file with the array. Raises `OSError`."""
        if array.nbytes > FREE_SHARE * shutil.disk_usage(self.folder).free:
            raise OSError(f"{self.folder} is too full for {array.nbytes / 2**20:,.0f} MiB of features")
        path = self.folder / f"{next(self._names)}.npy"
        try:
            with path.open("xb") as file:
                np.save(file, array, allow_pickle=False)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return path

    def encode(self, message: Request) -> tuple[bytes, list[Path]]:
        """The message, and files that were written for it alone, to be removed when it is answered."""
        written: list[Path] = []

        def plain(value: object) -> object:
            if isinstance(value, np.generic):
                return value.item()
            if not isinstance(value, np.ndarray):
                raise TypeError(f"{type(value).__name__} is nothing that can be sent to a lane")
            path = path_of(value)
            if path is None:
                path = self.write(value)
                written.append(path)
            return str(path)

        return msgspec.msgpack.encode(_plain(message), enc_hook=plain), written

    def close(self) -> None:
        """Removes the folder."""
        self._close()


def path_of(array: npt.NDArray[Any]) -> Path | None:  # Any: arrays of any type
    """The file that is mapped by the whole of `array`; None where there is none."""
    mapped = array.base
    if not isinstance(mapped, np.memmap) or mapped.filename is None:
        return None
    same = mapped.shape == array.shape and mapped.strides == array.strides
    return Path(str(mapped.filename)) if same and mapped.ctypes.data == array.ctypes.data else None


def decode_request(data: bytes) -> Request:
    """The request in `data`, its arrays mapped. Raises `OSError` and `msgspec.DecodeError`."""

    def array(kind: type, value: object) -> object:
        if kind is np.ndarray or get_origin(kind) is np.ndarray:
            return _mapped(Path(str(value)))
        return value

    message: Request = msgspec.msgpack.decode(data, type=Request, dec_hook=array)
    return message


def encode_answer(answer: Answer) -> bytes:
    """The answer as bytes."""
    return msgspec.msgpack.encode(answer, enc_hook=_unboxed)


def decode_answer(data: bytes) -> Answer:
    """The answer in `data`. Raises `msgspec.DecodeError`."""
    answer: Answer = msgspec.msgpack.decode(data, type=Answer)
    return answer


def send(stream: BinaryIO, data: bytes) -> None:
    """Writes one message. Raises `OSError` where nobody reads."""
    view = memoryview(struct.pack("<Q", len(data)) + data)
    while view:
        view = view[stream.write(view) or 0 :]
    stream.flush()


def receive(stream: BinaryIO) -> bytes | None:
    """Reads one message; None at the end of the stream, or where it is torn."""
    head = _exactly(stream, 8)
    length = struct.unpack("<Q", head)[0] if head else 0
    return _exactly(stream, length) if head and length < MOST_EVER else None


def sweep() -> None:
    """Removes the folders of processes that were killed; those of others and of the living stay."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime < YOUNG_S:
                continue
            lock = _locked(folder / "lock", make=False)
            if lock is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)


def _plain(message: Request) -> object:
    """The message with its job as a map that has no functions in it."""
    if not isinstance(message, Fit):
        return message
    job = {f.name: getattr(message.job, f.name) for f in fields(Job) if f.name != "settle"}
    return {"type": "Fit", "job": job} | {
        name: getattr(message, name) for name in ("handle", "shape", "memory")
    }


def _mapped(path: Path) -> npt.NDArray[Any]:  # Any: arrays of any type
    try:
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except ValueError:  # an empty array cannot be mapped
        return np.asarray(np.load(path, allow_pickle=False))


def _unboxed(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is nothing that a lane can answer with")


def _exactly(stream: BinaryIO, length: int) -> bytes | None:
    data = b"".join(_chunks(stream, length))
    return data if len(data) == length else None


def _chunks(stream: BinaryIO, length: int) -> Iterator[bytes]:
    while length:
        chunk = stream.read(min(length, 1 << 24))
        if not chunk:
            return
        length -= len(chunk)
        yield chunk


def _locked(path: Path, *, make: bool = True) -> int | None:
    """An open file that is locked until it is closed; None where that is not to be had."""
    try:
        import fcntl
    except ImportError:  # Windows, which does not let go of files in use
        return None
    held = os.open(path, os.O_RDWR | (os.O_CREAT if make else 0) | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        return None
    return held


def _unlink(path: Path, owner: int) -> None:
    if os.getpid() == owner:
        path.unlink(missing_ok=True)


def _remove(folder: Path, lock: int | None, owner: int) -> None:
    if os.getpid() != owner:  # a fork of the owner ends; the owner needs its folder still
        return
    shutil.rmtree(folder, ignore_errors=True)
    if lock is not None:
        os.close(lock)
