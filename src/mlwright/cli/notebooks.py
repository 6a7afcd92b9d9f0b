"""Runs a notebook in its own kernel and converts the model that it makes, for `convert NOTEBOOK --trust`.

nbclient runs the cells, in the notebook's folder; the conversion is one more cell that is never written down.
The notebook's file is read once and not changed.
"""

from __future__ import annotations

import json
import math
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import msgspec

from mlwright.base.amounts import seconds_of
from mlwright.base.errors import (
    EnvironmentProblem,
    ExtraMissing,
    Misuse,
    NotebookFailed,
    SourceUnreadable,
    shown,
)
from mlwright.base.progress import Progress

if TYPE_CHECKING:
    from mlwright.artifact import Model
    from mlwright.lifecycle.named import Request

CELL_S = 600.0
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_PLACE = re.compile(r"Cell In\s?\[\d+\], line (\d+)")
"""Where IPython's traceback names the line of the cell."""
_OF_CELL = re.compile(r" \(\d+\.py, line \d+\)$")
"""How a SyntaxError names it."""
QUIET = {"PYDEVD_DISABLE_FILE_VALIDATION": "1"}
"""So that the kernel's debugger does not write to standard error that Python's own modules are frozen."""


@dataclass(frozen=True)
class Running:
    """How a notebook is run."""

    kernel: str | None = None
    """None: the one that it names itself."""
    cell_s: float = CELL_S

    @classmethod
    def of(cls, kernel: str | None, timeout: str | None) -> Running:
        return cls(kernel, CELL_S if timeout is None else seconds_of(timeout, "--cell-timeout"))


def converted_in(path: Path, asked: Request, running: Running, progress: Progress) -> Model:
    """The model that the notebook makes. Whatever code it holds is run.

    Raises `NotebookFailed` for a cell that raises or takes too long, `UnknownName` for a variable that is not
    there in the end, and what `convert` raises.
    """
    from mlwright.lifecycle.named import ANSWER, MODEL, REQUEST, Failed

    notebook, client = _client(path, running)
    with TemporaryDirectory(prefix="mlwright-") as folder:
        place = Path(folder)
        (place / REQUEST).write_bytes(msgspec.json.encode(asked))
        try:
            _run(notebook, client, path, folder, progress)
        finally:
            progress.done()
        if (place / ANSWER).exists():
            raise msgspec.json.decode((place / ANSWER).read_bytes(), type=Failed).error()
        from mlwright.lifecycle import load

        return load((place / MODEL).read_bytes())


def _client(path: Path, running: Running) -> tuple[Any, Any]:  # Any: nbformat's notebook, nbclient's client
    try:
        import nbclient
        import nbformat
    except ImportError:
        raise ExtraMissing("running notebooks", "notebook", "nbclient") from None
    from mlwright.sources.files import no_such_file

    if not path.is_file():
        raise no_such_file(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
        json.loads(text)  # says where it breaks, which nbformat does not
        notebook = nbformat.reads(text, as_version=4)
    except Exception as error:  # nbformat raises what its parser and its migrations do
        kind = "JSON, as notebooks are" if isinstance(error, ValueError) else "notebook"
        raise SourceUnreadable(
            f"it is no {kind}: {shown(str(error), 120)[1:-1]}",
            where=str(path),
            remedy="give a .ipynb file as Jupyter saves it; perhaps this one was cut off",
        ) from error
    told = notebook.metadata.get("kernelspec", {})
    tongue = notebook.metadata.get("language_info", {}).get("name") or told.get("language") or "python"
    if tongue.lower() not in ("python", "ipython") and running.kernel is None:
        raise Misuse(
            f"it is a notebook in {shown(tongue, 30)[1:-1]}: models are converted from Python",
            where=str(path),
            remedy="save the model to a file that is data (ONNX, a booster's own), and convert that",
        )
    kernel = running.kernel or told.get("name") or "python3"
    _require_kernel(kernel, path)
    # As Jupyter runs it: in its own folder.
    resources = {"metadata": {"path": str(path.parent.resolve())}}
    client = nbclient.NotebookClient(
        notebook, timeout=math.ceil(running.cell_s), kernel_name=kernel, resources=resources, iopub_timeout=30
    )
    return notebook, client


def _require_kernel(name: str, path: Path) -> None:
    """Raises `EnvironmentProblem` for a kernel that is not installed, or is of another language."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    manager = KernelSpecManager()
    try:
        spec = manager.get_kernel_spec(name)
    except NoSuchKernel:
        known = sorted(manager.find_kernel_specs())
        raise EnvironmentProblem(
            f"the kernel {name!r} is not installed; there is {', '.join(map(repr, known)) or 'none at all'}",
            where=str(path),
            remedy="name one with --kernel; in an environment of its own: python -m ipykernel install --user "
            f"--name {name}"
            if known
            else "pip install 'mlwright[notebook]'",
        ) from None
    if spec.language.lower() != "python":
        raise Misuse(
            f"the kernel {name!r} speaks {spec.language}", where=str(path), remedy="give one of Python"
        )


def _run(notebook: Any, client: Any, path: Path, folder: str, progress: Progress) -> None:
    """Runs the cells and then the conversion. Any: as above"""
    cells = [(i, c) for i, c in enumerate(notebook.cells) if c.cell_type == "code" and c.source.strip()]
    progress.stage("running the notebook")
    began = time.monotonic()
    with _kernel(client, path, Path(folder) / "kernel.log"):
        for number, (index, cell) in enumerate(cells):
            spent_s = time.monotonic() - began
            left_s = spent_s / number * (len(cells) - number) if number else None
            progress.step(f"cell {number + 1} of {len(cells)}", number / (len(cells) + 1), left_s)
            _execute(client, cell, index, f"{path}, code cell {number + 1} of {len(cells)}")
        progress.stage("converting")
        _convert(notebook, client, path, folder)


@contextmanager
def _kernel(client: Any, path: Path, log: Path) -> Iterator[None]:  # Any: as above
    """A running kernel, which ends with the block. What it writes beside its cells' outputs goes to `log`."""
    with log.open("wb") as out:
        settings = {"env": {**os.environ, **QUIET}, "stdout": out, "stderr": out}
        running = client.setup_kernel(**settings)
        try:
            running.__enter__()
        except RuntimeError as error:  # it died before it answered
            said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise EnvironmentProblem(
                f"the kernel {client.kernel_name!r} does not start: {said[-1] if said else error}",
                where=str(path),
                remedy="start it in Jupyter to see why, or name another with --kernel",
            ) from error
        try:
            yield
        finally:
            running.__exit__(None, None, None)


def _execute(client: Any, cell: Any, index: int, where: str) -> None:  # Any: as above
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    begins = shown(_begins(cell.source), 60)
    try:
        client.execute_cell(cell, index)
    except CellTimeoutError:
        raise NotebookFailed(
            f"the cell that begins {begins} takes longer than {client.timeout:g} s",
            where=where,
            remedy="give it more with --cell-timeout",
        ) from None
    except CellExecutionError as error:
        raise NotebookFailed(
            f"the cell that begins {begins} fails{_line(error.traceback)}: {_said(error)}",
            where=where,
            remedy="nobody is here to be asked: put what would be typed into the cell"
            if error.ename == "StdinNotImplementedError"
            else "run the notebook from its first cell in a fresh kernel, as is done here, and mend it",
        ) from None
    except DeadKernelError:
        raise NotebookFailed(
            f"the kernel died in the cell that begins {begins}",
            where=where,
            remedy="look for too little memory, or for a library that crashes",
        ) from None


def _begins(source: str) -> str:
    """The first line of a cell that is no comment.

    >>> _begins("# sums\\n\\nx = 1 + 1")
    'x = 1 + 1'
    """
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    return next((line for line in lines if not line.startswith(("#", "%"))), lines[0])


def _line(traceback: str) -> str:
    found = _PLACE.search(_COLOUR.sub("", traceback))
    return f" in its line {found[1]}" if found else ""


def _said(error: Any) -> str:  # Any: nbclient's error
    """What the cell raised, on one line, without the number that IPython calls the cell by."""
    said = _OF_CELL.sub("", " ".join(error.evalue.split()))
    return f"{error.ename}: {shown(said, 300)[1:-1]}"


def _convert(notebook: Any, client: Any, path: Path, folder: str) -> None:  # Any: as above
    """One more cell, which converts what the others made, whatever names they gave away, and takes as long as
    it takes."""
    import nbformat
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    source = (
        "import builtins as _mlwright_builtins\n"
        "from mlwright.lifecycle.named import convert_named as _mlwright_convert\n"
        f"_mlwright_convert(_mlwright_builtins.globals(), {folder!r})"
    )
    notebook.cells.append(nbformat.v4.new_code_cell(source))
    client.timeout = None
    try:
        client.execute_cell(notebook.cells[-1], len(notebook.cells) - 1)
    except CellExecutionError as error:
        if error.ename == "ModuleNotFoundError" and "mlwright" in error.evalue:
            raise EnvironmentProblem(
                f"the kernel {client.kernel_name!r} has no mlwright",
                where=str(path),
                remedy="install it there, too: pip install 'mlwright[train]'",
            ) from None
        raise RuntimeError(_said(error)) from error
    except DeadKernelError:
        raise NotebookFailed(
            "the kernel died while the model was converted",
            where=str(path),
            remedy="look for too little memory, or for a library that crashes",
        ) from None
