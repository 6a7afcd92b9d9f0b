"""The frame of every page: escaping, style, and a policy that lets the page load nothing and run one script.

Used by the pages of this package. All text from outside goes through `text`; nothing else is trusted.
"""

from __future__ import annotations

import base64
import hashlib
import html
import unicodedata
from importlib.resources import files
from typing import Final

STYLE: Final = files("mlwright.pages").joinpath("page.css").read_text(encoding="utf-8")

SCRIPT: Final = files("mlwright.pages").joinpath("page.js").read_text(encoding="utf-8")


def text(value: object) -> str:
    """`value` as it may stand in a page, in an attribute too: escaped, without control characters.

    >>> text('<a href="x">\\x07')
    '&lt;a href=&quot;x&quot;&gt;\\ufffd'
    """
    plain = "".join(c if c == "\n" or unicodedata.category(c)[0] != "C" else "\ufffd" for c in str(value))
    return html.escape(plain, quote=True)


def page(title: str, body: str, *, style: str = "", script: str = SCRIPT) -> str:
    """A whole document with `body`, which is markup already; it loads nothing from anywhere.

    `style` comes on top of what all pages share. No script may run but `script`; none where that is empty.
    """
    style = STYLE + style
    runs = f"'{digest_of(script)}'" if script else "'none'"
    policy = (
        f"default-src 'none'; style-src '{digest_of(style)}'; script-src {runs}; "
        "base-uri 'none'; form-action 'none'"
    )
    scripts = f"<script>{script}</script>\n" if script else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n{body}\n"
        f"{scripts}</body>\n</html>\n"
    )


def digest_of(inline: str) -> str:
    """The digest by which a content security policy (CSP level 2) lets this inline style or script be.

    >>> digest_of("")
    'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
    """
    return "sha256-" + base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
