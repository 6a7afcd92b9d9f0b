"""Who listens to long work where the caller named nobody: a notebook shows a bar, everywhere else is silence.

Used by the verbs that take long. IPython is no dependency: it is there where a notebook is running.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from mlwright.base.progress import Progress


def listening(progress: Progress | None) -> Progress:
    """`progress`, or a bar where this runs in a notebook.

    >>> type(listening(None)) is Progress
    True
    """
    if progress is not None:
        return progress
    if in_notebook():
        from mlwright.lifecycle.bar import NotebookBar

        return NotebookBar()
    return Progress()


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    return getattr(shell, "kernel", None) is not None


@contextmanager
def told_when_done(listener: Progress) -> Iterator[None]:
    """Tells `listener` that the work ended, well or not."""
    try:
        yield
    finally:
        listener.done()
