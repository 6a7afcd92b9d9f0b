"""`mlwright compare`: whether a second model is better than a first on fresh rows; a gate for CI."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mlwright.base import figures
from mlwright.base.naming import shown_source
from mlwright.cli.flags import WRITTEN, Command, Flag
from mlwright.cli.screen import Screen, safe
from mlwright.cli.tables import options_of

if TYPE_CHECKING:
    from mlwright.base.comparison import Comparison

ACCEPTED = {"better": ("better",), "not-worse": ("better", "unclear")}
"""By what `--require` asks for: verdicts that will do."""


def run(arguments: argparse.Namespace, screen: Screen) -> int:
    """Compares, shows, and returns 1 where the second model is not what `--require` asks for."""
    from mlwright.lifecycle import compare

    comparison = compare(
        arguments.first,
        arguments.second,
        arguments.source,
        metric=arguments.metric,
        options=options_of(arguments),
    )
    passed = arguments.require is None or comparison.gain.verdict in ACCEPTED[arguments.require]
    caveats = comparison.how.split("; ")[1:]  # after which rows they were: what to know about them
    if arguments.require == "not-worse" and comparison.blind:
        caveats = [f"not shown to be worse, for want of rows: {comparison.blind}", *caveats]
    screen.answer(
        {
            "source": shown_source(arguments.source),
            "passed": passed,
            "verdict": comparison.gain.verdict,
            "said": comparison.said,
            "warnings": caveats,
            "comparison": comparison,
        }
    )
    if not screen.json:
        _show(comparison, arguments, passed, screen)
    for caveat in caveats:
        screen.warn(caveat)
    return 0 if passed else 1


def _show(comparison: Comparison, arguments: argparse.Namespace, passed: bool, screen: Screen) -> None:
    from rich.text import Text

    from mlwright.cli import look

    rows = f"on {figures.counted(comparison.rows, 'row')} of {shown_source(arguments.source)}"
    alike = (
        []
        if comparison.alike is None
        else [Text(f"They answer alike to {comparison.alike:.1%} of the rows.")]
    )
    screen.show(
        look.title(f"{comparison.second} beside {comparison.first}", rows),
        look.section("Difference", look.differences(comparison), *alike),
        look.section("Verdict", Text(safe(comparison.said), "bold")),
    )
    if arguments.require is not None:
        word = Text("passed", "green") if passed else Text("not passed", "red")
        word.append(f": {comparison.gain.verdict}, required {arguments.require}", "default")
        screen.show(look.section("Gate", word))


COMMAND = Command(
    name="compare",
    summary="Say whether a second model is better than a first, on fresh rows.",
    about=(
        "Both answer the same rows, and each row says how much it tells them apart, so that far fewer rows "
        "are needed than for two scores with an interval each. Rows that either model was trained on make it "
        "look better than it is: use rows that came later than both."
    ),
    flags=(
        Flag("first", "The model file to compare with, such as the one in use"),
        Flag("second", "The model file that may be better"),
        Flag("source", "The table with the answers"),
        Flag(
            "--metric",
            "What decides",
            value="NAME",
            shown_default="the metric that the first model was fitted for",
        ),
        Flag(
            "--require",
            "Exit with 1 unless the second model is clearly better, or where it is clearly worse; rows too "
            "few to show a loss of a tenth of the error are warned of",
            choices=tuple(ACCEPTED),
        ),
        *WRITTEN,
    ),
    run=run,
    examples=(
        "mlwright compare loans.mlw challenger.mlw march.csv",
        "mlwright compare loans.mlw challenger.mlw march.csv --require not-worse --json",
    ),
)
