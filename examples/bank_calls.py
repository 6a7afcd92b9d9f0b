"""The whole story in one file: who takes a term deposit? From a messy table to answers over HTTP.

    python examples/bank_calls.py

Real data: a Portuguese bank's telephone calls, 2008 to 2010 (UCI Bank Marketing, CC BY 4.0; in the package).
"""

import json
import tempfile
import urllib.request
from pathlib import Path

import mlwright as mw
from mlwright.cli.commands.demo import write_tables
from mlwright.serving import running


def main(folder: Path) -> None:
    write_tables(folder)

    # 1. Read. Separator, kinds and spellings are inferred; `duration`, the length of the call, is left out
    #    because nobody knows it before calling. No program can know that.
    calls = mw.read(folder / "bank.csv", target="y", drop=["duration"])
    print(f"{len(calls):,} rows, {len(calls.schema.features)} features")

    # 2. Check, before any time is spent on training.
    print(mw.check(calls))

    # 3. Fit. A plain baseline is always among the candidates.
    model = mw.fit(calls, time_limit="15s", seed=0)
    for score, plain in zip(model.evaluation.scores, model.evaluation.baseline, strict=True):
        print(f"{score}   baseline {plain.value:.3g}")
    assert model.evaluation.score.low > model.evaluation.baseline[0].value, "no better than guessing"

    # 4. One file holds everything; opening it replays its samples.
    model.save(folder / "bank.mlw")
    model = mw.load(folder / "bank.mlw")

    # 5. Predict: rows as dicts, frames, or whole files.
    report = mw.predict_file(model, folder / "new_customers.csv", folder / "scored.csv", proba=True)
    print(f"{report.rows} new customers scored, {report.refused} refused")

    # 6. Serve, and ask.
    row = dict(model.samples.rows[0])
    with running(model) as url:
        body = json.dumps(row).encode()
        request = urllib.request.Request(f"{url}/predict", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as response:
            answer = json.load(response)
    print(answer["label"], answer["probability"])
    assert answer["label"] == model.predict(row)[0], "the server answers as the model does"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(Path(folder))
