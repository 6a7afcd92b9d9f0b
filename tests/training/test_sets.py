"""What the sets of labels are calibrated on."""

import numpy as np
import polars as pl

import mlwright as mw
from mlwright.training import fit, judging


def test_sets_are_calibrated_by_the_measure_that_ships(monkeypatch):
    """By each fold's own choice of weights and calibration, ranks of different measures would be mixed."""
    rng = np.random.default_rng(4)
    x = rng.uniform(-2, 2, size=(700, 3))
    odds = 2 * x @ [1.0, 0.3, 0.6] + np.sign(np.sin(3 * x[:, 1]))
    y = rng.random(700) < 1 / (1 + np.exp(-odds))
    seen = {}

    def judged(run, shipped, whole=fit.judged):
        seen["trained"] = whole(run, shipped)
        return seen["trained"]

    def conformal_of(probability, *given, whole=judging.conformal_of, **further):
        seen["probability"] = probability
        return whole(probability, *given, **further)

    monkeypatch.setattr(fit, "judged", judged)
    monkeypatch.setattr(judging, "conformal_of", conformal_of)
    table = pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": y})
    sets = mw.fit(table, target="y", max_trials=3).evaluation.sets
    trained = seen["trained"]
    kept = [t for t in trained.run.found.finished if id(t) in trained.shipped.shares]
    assert len(kept) == 2
    margin = sum(trained.shipped.shares[id(t)] * t.margins for t in kept)
    odds = trained.blend.calibrator.apply(margin)[:, 0]
    np.testing.assert_allclose(seen["probability"][:, 1], 1 / (1 + np.exp(-odds)), rtol=1e-12)
    assert not np.allclose(trained.unseen[:, 1], seen["probability"][:, 1], rtol=1e-3)
    assert "the weights and the calibration that ship" in sets.how
