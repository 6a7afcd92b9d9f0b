"""Long work in a notebook: a bar where a kernel runs, silence elsewhere, and IPython is never needed."""

from __future__ import annotations

import itertools
import sys
from types import SimpleNamespace

import pytest

import mlwright as mw
from mlwright.base.errors import SchemaBroken
from mlwright.base.progress import Progress
from mlwright.lifecycle.bar import NotebookBar
from mlwright.lifecycle.listening import in_notebook, listening


class Output:
    """An output of a notebook, which keeps all that was ever shown in it."""

    def __init__(self) -> None:
        self.pages: list[str] = []

    def show(self, thing):
        self.update(thing)
        return self

    def update(self, thing):
        self.pages.append(thing._repr_html_())


def kernel(monkeypatch, shell):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))


def test_a_notebook_is_a_shell_with_a_kernel(monkeypatch):
    assert not in_notebook()
    kernel(monkeypatch, None)
    assert not in_notebook()
    kernel(monkeypatch, SimpleNamespace())  # IPython on a terminal
    assert not in_notebook() and type(listening(None)) is Progress
    kernel(monkeypatch, SimpleNamespace(kernel=object()))
    assert in_notebook() and type(listening(None)) is NotebookBar
    own = Progress()
    assert listening(own) is own


def test_the_bar_shows_stage_share_and_time_left_and_leaves_what_stays():
    output, ticks = Output(), itertools.count(0.0, 0.7)
    bar = NotebookBar(output.show, clock=lambda: next(ticks))
    bar.stage("training <b>")
    bar.step("lightgbm 3 of 20 <i>", 0.4, 12.2)
    bar.note("linear did not converge\x1b[2J")
    shown = output.pages[-1]
    assert 'value="0.400"' in shown and "12 s left" in shown and "lightgbm 3 of 20 &lt;i&gt;" in shown
    assert "training &lt;b&gt;" in shown and "\x1b" not in shown
    bar.stage("packaging")
    assert "&#10003; training &lt;b&gt;" in output.pages[-1]
    bar.done()
    assert "<progress" not in output.pages[-1] and "did not converge" in output.pages[-1]
    bar.stage("again")
    assert "<progress" in output.pages[-1]


def test_steps_that_come_faster_than_one_can_see_are_not_drawn():
    output, now = Output(), [0.0]
    bar = NotebookBar(output.show, clock=lambda: now[0])
    bar.stage("checking")
    for _ in range(100):
        now[0] += 0.01
        bar.step("a check", 0.5, None)
    assert 3 <= len(output.pages) <= 8


def test_a_bar_that_never_began_shows_nothing():
    output = Output()
    NotebookBar(output.show).done()
    assert output.pages == []


class Told(Progress):
    def __init__(self) -> None:
        self.heard: list[str] = []

    def stage(self, name):
        self.heard.append(name)

    def step(self, message, fraction, seconds_left):
        assert 0 <= fraction <= 1

    def done(self):
        self.heard.append("done")


TABLE = {"a": list(range(40)), "b": [i % 3 for i in range(40)], "y": [2 * i for i in range(40)]}


def test_checking_tells_each_check_and_that_it_is_done():
    told = Told()
    steps: list[str] = []
    told.step = lambda message, fraction, left: steps.append(message)
    mw.check(TABLE, target="y", progress=told)
    assert told.heard == ["reading", "checking", "done"] and len(steps) > 30


def test_converting_and_evaluating_tell_their_stages_and_end_also_where_they_fail():
    linear_model = pytest.importorskip("sklearn.linear_model")
    pd = pytest.importorskip("pandas")
    rows = pd.DataFrame({"a": TABLE["a"], "b": TABLE["b"]})
    model = linear_model.LinearRegression().fit(rows, TABLE["y"])
    told = Told()
    mw.convert(model, example=rows, target="y", data=TABLE, progress=told)
    assert told.heard[0] == "reading the model's steps" and told.heard[-1] == "done"
    assert "judging the answers" in told.heard
    failed = Told()
    with pytest.raises(SchemaBroken):
        mw.convert(model, example=rows[["a"]], target="y", progress=failed)
    assert failed.heard[-1] == "done"
