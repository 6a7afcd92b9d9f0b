"""Texts at the edges, on which a graph that takes texts apart is compared with the original.

All are in NFC and without blanks around them, as every text is that a file is asked with.
"""

from __future__ import annotations

from collections.abc import Sequence

from mlwright.base.texts import clean

_ODD = (
    "a",
    "...!?",
    "7 007 3.14 1,000 x7 7x",
    "snake_case under_ _score e-mail a.b@c.de https://example.org/a?b=c&d=1",
    "don't can't it's o'clock rock'n'roll \"quoted\"",
    "tab\tand\nline\r\nand  two   blanks\u00a0here",
    "Straße STRASSE straẞe Größe GRÖSSE über ÜBER Äpfel",
    "café CAFÉ naïve façade Ångström ŒUVRE œuvre Łódź Čeština",
    "İstanbul ISPARTA ışık IŞIK evlerİ İİ ğüşöç ĞÜŞÖÇ",
    "Ελλάδα ΕΛΛΑΔΑ οδός ὈΔΌΣ",
    "Привет МИР ёлка Ёлка Київ",
    "日本語のテキスト 中文文本 한국어 텍스트",
    "مرحبا بالعالم שלום",
    "हिन्दी ไทย",
    "good 👍🏽 family 👨‍👩‍👧 flag 🇩🇪 heart ❤️",
    "½ cup 5½ ½b a½b ½½ ﬁne ﬂow №5 brand™ 10℃ Ⅷ ① ⑽ ㏂ ª²³",
    "em—dash–en…dots «quotes» „low“ ‘single’ soft\u00adhyphen zero\u200dwidth",
    "x̂y q\u0323\u0307 combining marks ǅ ǆ Ǆ",
    "\U0001d400\U0001d401 \U00010400\U00010428 private \ue000use",
)
_MOST_OWN = 40


def odd_texts(own: Sequence[str]) -> list[str]:
    """Texts at the edges, and some of one's own otherwise written."""
    found = list(_ODD)
    for text in [clean(t) for t in own[:_MOST_OWN]]:
        words = text.split()
        found += [text.upper(), text.title(), text.swapcase(), " ".join(reversed(words))]
        found += ["  ".join(words[:20]), ", ".join(words[:20]), "".join(words[:6])]
    found.append(" ".join(clean(t) for t in own[:20]))
    return [t for t in dict.fromkeys(map(clean, found)) if t]
