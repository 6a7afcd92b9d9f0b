"""Reading pages strictly: every tag closes in order, every id is there once, nothing is loaded or run."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise

VOID = {"meta", "input", "img", "br", "hr", "link"}
DRAWN = {"rect", "path", "circle"}
"""Tags of charts, which close themselves."""


class Markup(HTMLParser):
    """What is on a page: its tags with attributes, and its text. Fails where tags do not close in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self._open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self._text: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {k: v or "" for k, v in attrs}))
        assert tag not in DRAWN, f"<{tag}> does not close itself"
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {k: v or "" for k, v in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self._open or self._open[-1] not in ("style", "script"):
            self._text.append(data)

    @property
    def text(self) -> str:
        """All text that a reader sees, blanks as one."""
        return re.sub(r"\s+", " ", " ".join(self._text))

    def all(self, tag: str) -> list[dict[str, str]]:
        """The attributes of every `tag`."""
        return [attrs for name, attrs in self.tags if name == tag]

    def assert_harmless(self) -> None:
        """Loads nothing, runs nothing, sets no style but the page's own, leads nowhere, has each id once."""
        names = {name for name, _ in self.tags}
        assert not names & {"script", "img", "iframe", "object", "embed", "link", "form", "base", "a"}
        for _, attrs in self.tags:
            assert not [a for a in attrs if a in ("src", "href", "style", "srcset") or a.startswith("on")]
        ids = [attrs["id"] for _, attrs in self.tags if "id" in attrs]
        assert len(ids) == len(set(ids))
        policy = next(a["content"] for a in self.all("meta") if a.get("http-equiv"))
        assert policy.startswith("default-src 'none'") and "script-src 'none'" in policy

    def assert_accessible(self) -> None:
        """Every drawing says what it shows, every heading of a table what it heads; one h1, then h2, h3."""
        assert all(a.get("role") == "img" and a.get("aria-label") for a in self.all("svg"))
        assert all(a.get("scope") in ("col", "row") for a in self.all("th"))
        assert all(a.get("aria-label") for a in self.all("div") if a.get("role") == "region")
        levels = [int(name[1]) for name, _ in self.tags if re.fullmatch(r"h[1-6]", name)]
        assert levels[0] == 1 and levels.count(1) == 1
        assert all(later <= before + 1 for before, later in pairwise(levels))
        assert self.all("html")[0].get("lang") == "en"
