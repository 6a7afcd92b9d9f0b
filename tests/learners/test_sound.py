"""What surrounds every fit: rows held back have no say in whether an answer stands."""

from dataclasses import replace

import numpy as np

from mlwright.learners import Config, Job, Part
from mlwright.learners.baseline import FittedBaseline
from mlwright.learners.sound import PLAIN, soundly


def test_whether_an_answer_stands_is_not_decided_by_the_rows_held_back():
    # Else, on noise, folds that chance favours are kept and the others answered plainly: it looks like skill.
    x, y = np.arange(40.0)[:, None], np.arange(40) % 2.0
    job = Job(Config("c", "c", "tree"), 2, Part(x, y), Part(x, y))

    class Knows(FittedBaseline):
        def margin(self, x, rounds=None):
            return np.where(x[:, :1] % 2 == 1, 5.0, -5.0)

    for held_back in (y, 1 - y):
        fitted = soundly(replace(job, valid=Part(x, held_back)), lambda job: Knows(np.zeros(1)), {})
        assert isinstance(fitted, Knows) and PLAIN not in fitted.settled
    wrong = replace(job, train=Part(x, 1 - y))
    assert soundly(wrong, lambda job: Knows(np.zeros(1)), {}).settled == {PLAIN: True}


def test_of_many_classes_fewer_rows_say_whether_an_answer_stands():
    def judged(classes):
        looked = []

        class Watched:
            rounds, settled = 1, {}

            def margin(self, x, rounds=None):
                looked.append(len(x))
                return np.zeros((len(x), max(1, classes if classes > 2 else 1)))

        x, y = np.arange(9_000.0)[:, None], np.arange(9_000.0) % max(classes, 2)
        soundly(Job(Config("w", "w", "tree"), classes, Part(x, y)), lambda job: Watched(), {})
        return max(looked)

    assert judged(2) > 3_000 >= judged(8) > judged(26) > 500 > judged(200) / 2
