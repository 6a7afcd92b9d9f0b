"""token: a secret that lets a caller use a served model."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from mlwright.base.errors import Misuse
from mlwright.lifecycle.extras import need


def issue_token(
    file: str | os.PathLike[str], *, scopes: Iterable[str] = ("predict",), days: float | None = None
) -> str:
    """A new token, added to `file`, which keeps only its keyed digest: this is the only time it is seen.

    `scopes` are `predict`, `metrics` and `admin`, for all models or, as `predict:loans`, for one; it expires
    after `days`, or never. Deleting its line in `file` revokes it. Raises `Misuse` for a scope or a span that
    cannot be.
    """
    need("serve", "serving")
    from mlwright.serving import issue_token as issue

    if days is not None and days <= 0:
        raise Misuse(f"a token cannot last {days:g} days", remedy="give a number above 0, or leave it out")
    return issue(Path(file), tuple(scopes), lasts_s=None if days is None else days * 86_400)
