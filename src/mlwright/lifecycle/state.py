"""Where a fit keeps what it has finished, so that one that was killed can be taken up.

Asked by `fit`, and by the command line, which removes the folder only once the model is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlwright.base.errors import Misuse
from mlwright.base.progress import Progress

if TYPE_CHECKING:
    from mlwright.training import Budget, Journal, Problem


@dataclass(frozen=True)
class State:
    """A folder for the journal of a fit."""

    folder: Path
    resume: bool = False
    """Go on with what is there, if anything is; else it is replaced."""
    kept: bool = False
    """The folder stays after the fit; who asked for that calls `forget` when the model is safe."""

    def forget(self) -> None:
        """Removes the folder."""
        from mlwright.training.journal import forget

        forget(self.folder)


@contextmanager
def journal_of(
    state: State | None, problem: Problem, budget: Budget, progress: Progress
) -> Iterator[Journal]:
    """The journal of a fit of `problem`; what earlier runs spent counts in `budget`.

    Where the fit ends well, the folder goes; where it does not, it stays, to be taken up.
    """
    from mlwright.training import Journal, JournalFolder

    if state is None:
        yield Journal()
        return
    journal = JournalFolder(state.folder, problem, resume=state.resume, note=progress.note)
    budget.take_up(journal.spent_s)
    try:
        yield journal
    except KeyboardInterrupt as interrupt:
        if any(state.folder.glob("*.trial.json")):
            interrupt.add_note(f"what was finished is kept in {state.folder}: resume=True goes on with it")
        raise
    finally:
        journal.close()
    if not state.kept:
        state.forget()


def state_of(state: str | os.PathLike[str] | State | None, resume: bool) -> State | None:
    """What `fit` was told of its state. Raises `Misuse` for `resume` without a folder."""
    if isinstance(state, State):
        return state
    if state is None:
        if resume:
            raise Misuse(
                "resume=True goes on with nothing", remedy="say state=, the folder of the unfinished fit"
            )
        return None
    return State(Path(state), resume)
