"""What was promised and came can be read on a terminal of 80 columns, whatever classes are called."""

import io

from rich.console import Console

from mlwright.base.promise import Promise
from mlwright.base.score import Score
from mlwright.cli.promised import promises_of

COMMON = {"error": 0.05, "kept": "too few rows to tell"}


def test_words_are_not_torn_to_pieces_on_a_narrow_terminal():
    wrong = Score(metric="wrong", value=0.25, low=0.046, high=0.699, rows=1234, greater_is_better=False)
    made = [
        Promise(of="interval", wrong=wrong, size=26628.0, size_before=26143.0, **COMMON),
        Promise(
            of="set", label="Adelie Penguin (Pygoscelis)", wrong=wrong, size=0.94, size_before=1, **COMMON
        ),
    ]
    drawn = io.StringIO()
    Console(file=drawn, width=80).print(*promises_of(made))
    shown = drawn.getvalue()
    assert max(map(len, shown.splitlines())) <= 80
    for word in ("interval", "Penguin", "Pygoscelis", "too few", "26,628", "26,143", "fitted"):
        assert word in shown
