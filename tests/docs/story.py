"""Runs the code blocks of one Markdown page in order, as a reader would: `python story.py PAGE`.

Python blocks share their names; bash blocks run with `set -euo pipefail`. A block after a comment
`<!-- not executed: reason -->` is left out. What fails is named by its page and line.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(r"(<!-- not executed: [^>]+ -->\n\n?)?^```(python|bash)\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, its text, and the line where its text begins."""

    language: str
    text: str
    line: int


def blocks_of(text: str) -> Iterator[Block]:
    """The blocks to run.

    >>> [b.line for b in blocks_of("a\\n```python\\nx = 1\\n```\\n")]
    [3]
    """
    for match in BLOCK.finditer(text):
        if not match[1]:
            yield Block(match[2], match[3], text.count("\n", 0, match.start(3)) + 1)


def run_page(page: Path) -> None:
    names: dict[str, object] = {"__name__": "__main__"}
    for block in blocks_of(page.read_text(encoding="utf-8")):
        print(f"--- {page.name}, line {block.line} ({block.language})", flush=True)
        if block.language == "python":
            source = "\n" * (block.line - 1) + block.text  # so that a traceback names the page's line
            exec(compile(source, str(page), "exec"), names)  # noqa: S102 - the page is ours, and running it is the point
        elif "curl" in block.text and shutil.which("curl") is None:
            print("skipped: there is no curl here")
        else:
            command = f"set -euo pipefail\n{block.text}"
            subprocess.run(["bash", "-c", command], check=True, timeout=240)
    sys.stdout.flush()


if __name__ == "__main__":
    run_page(Path(sys.argv[1]).resolve())
