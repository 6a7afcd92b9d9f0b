"""Members of a blend are refitted side by side in threads of one process: no family may mind."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mlwright.learners import Config, Job, Part, families


@pytest.mark.parametrize("family", ["catboost", "lightgbm", "xgboost", "extra-trees"])
def test_fits_in_two_threads_give_what_they_give_one_after_the_other(family):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3_000, 6))
    part = Part(x, x[:, 0] * x[:, 1] + rng.normal(size=len(x)))
    learner = families()[family]
    jobs = [Job(Config(f"{family} {i}", family, "encoded"), 0, part, rounds=60, seed=i) for i in range(4)]
    alone = [learner.fit(job).margin(x[:50]) for job in jobs]
    with ThreadPoolExecutor(2) as pool:
        beside = [fitted.margin(x[:50]) for fitted in pool.map(learner.fit, jobs)]
    np.testing.assert_array_equal(alone, beside)
