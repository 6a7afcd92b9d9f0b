"""Modules of PyTorch become models: exported by PyTorch, laid node by node, asked in evaluation mode."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import mlwright as mw
from mlwright.base.errors import ConversionRefused, Misuse, RowsRefused

pd = pytest.importorskip("pandas")
pytest.importorskip("onnxscript", reason="PyTorch's exporter needs onnxscript")
torch = pytest.importorskip("torch", reason="PyTorch is not installed")
from torch import nn  # noqa: E402

DATA = Path(os.environ.get("MLWRIGHT_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
torch.set_num_threads(1)


def rows(count=60, seed=0):
    return np.random.default_rng(seed).normal(size=(count, 6)).astype(np.float32)


def columns(array):
    return {f"x{i}": array[:, i].tolist() for i in range(array.shape[1])}


def answered(module, array):
    with torch.no_grad():
        return module.eval()(torch.from_numpy(array)).numpy()


def dense(outputs, *more):
    torch.manual_seed(0)
    layers = [nn.Linear(6, 16), nn.ReLU(), nn.BatchNorm1d(16), nn.Dropout(0.5), nn.Linear(16, outputs), *more]
    return nn.Sequential(*layers)


def test_a_module_answers_alike_and_stays_in_training_as_it_was():
    module = dense(1)
    module.train()
    before = {k: v.clone() for k, v in module.state_dict().items()}
    with pytest.raises(Misuse, match=r"one number a row.*answers="):
        mw.convert(module, example=rows(), target="y")
    found = mw.convert(module, example=torch.from_numpy(rows()), target="y", answers="numbers")
    assert module.training and all((before[k] == v).all() for k, v in module.state_dict().items())
    fresh = rows(200, seed=1)
    np.testing.assert_allclose(
        found.predict(columns(fresh)), answered(module, fresh).ravel(), rtol=1e-4, atol=1e-6
    )
    assert "torch.Sequential (torch" in found.card and not found.schema.column("x0").nullable
    assert found.evaluation.parity.largest < 1e-5 == found.evaluation.parity.tolerance
    assert mw.load(found.to_bytes()).digest == found.digest


class Tokens(nn.Module):
    """What networks for tables are made of: embeddings, attention with a token of its own, norms."""

    def __init__(self):
        super().__init__()
        self.codes = nn.Embedding(5, 4)
        self.numbers = nn.Linear(5, 4)
        self.token = nn.Parameter(torch.randn(1, 1, 4))
        self.attention = nn.TransformerEncoderLayer(
            4, 2, 8, batch_first=True, activation="gelu", norm_first=True
        )
        self.last = nn.Sequential(nn.LayerNorm(4), nn.GELU(), nn.Linear(4, 3), nn.Softmax(dim=-1))

    def forward(self, x):
        parts = [self.codes(x[:, 0].long()).unsqueeze(1), self.numbers(x[:, 1:]).unsqueeze(1)]
        tokens = torch.cat([self.token.expand(x.shape[0], 1, 4), *parts], dim=1)
        return self.last(self.attention(tokens)[:, 0])


@pytest.mark.slow
def test_attention_over_columns_with_an_embedding_of_codes():
    torch.manual_seed(0)
    module, array = Tokens(), rows()
    array[:, 0] = np.random.default_rng(1).integers(
        0, 4, len(array)
    )  # 4 is known to the module, not seen here
    found = mw.convert(module, example=array, target="kind", classes=["a", "b", "c"])
    fresh = rows(100, seed=2)
    fresh[:, 0] = np.arange(100) % 5
    want = answered(module, fresh)
    np.testing.assert_allclose(found.predict_proba(columns(fresh)), want, atol=1e-5)
    assert found.predict(columns(fresh)).tolist() == [("a", "b", "c")[i] for i in want.argmax(axis=1)]
    bounds = found.schema.column("x0")
    assert (bounds.least, bounds.most) == (0.0, 4.0)
    with pytest.raises(RowsRefused, match="from 0 to 4"):
        found.predict(columns(fresh[:1] + 5))


class Convolved(nn.Module):
    def __init__(self):
        super().__init__()
        self.along = nn.Sequential(nn.Conv1d(1, 4, 3, padding=1), nn.SiLU(), nn.MaxPool1d(2), nn.Flatten())
        self.last = nn.Linear(12, 1)

    def forward(self, x):
        return self.last(self.along(x.unsqueeze(1))).squeeze(-1)


class Recurrent(nn.Module):
    """Columns as steps of a sequence, of which the last or all are used."""

    def __init__(self, layer=nn.LSTM, whole=False, hidden=4, **settings):
        super().__init__()
        self.first, self.whole = settings.get("batch_first", False), whole
        self.along = layer(2, hidden, **settings)
        wide = 4 * (2 if settings.get("bidirectional") else 1)
        self.last = nn.Linear(wide * (3 if whole else 1), 1)

    def forward(self, x):
        steps = x.reshape(-1, 3, 2)
        out, _ = self.along(steps if self.first else steps.transpose(0, 1))
        out = out if self.first else out.transpose(0, 1)
        return self.last(out.flatten(1) if self.whole else out[:, -1])


class States(nn.Module):
    """What an LSTM ends with, and what it begins with."""

    def __init__(self):
        super().__init__()
        self.along, self.last = nn.LSTM(2, 4, 2, batch_first=True, dropout=0.2), nn.Linear(8, 1)
        self.begun = nn.Parameter(torch.randn(2, 1, 4))

    def forward(self, x):
        begun = self.begun.expand(2, x.shape[0], 4).contiguous()
        _, (h, c) = self.along(x.reshape(-1, 3, 2), (begun, torch.zeros_like(begun)))
        return self.last(torch.cat([h[-1], c[0]], dim=1))


@pytest.mark.slow
@pytest.mark.parametrize(
    "make",
    [
        lambda: Recurrent(batch_first=True),
        lambda: Recurrent(nn.GRU),
        lambda: Recurrent(nn.LSTM, True, batch_first=True, bidirectional=True, num_layers=2),
        lambda: Recurrent(nn.GRU, batch_first=True, bidirectional=True),
        lambda: Recurrent(nn.RNN, True, nonlinearity="relu", bias=False),
        lambda: Recurrent(nn.RNN, batch_first=True).double(),
        States,
    ],
    ids=["lstm", "gru", "two-ways", "gru-two-ways", "rnn", "rnn-in-doubles", "states"],
)
def test_columns_are_read_as_sequences(make):
    torch.manual_seed(0)
    module = make()
    kind = np.float64 if next(module.parameters()).dtype == torch.float64 else np.float32
    found = mw.convert(module, example=rows().astype(kind), target="y", answers="numbers")
    fresh = rows(200, seed=1).astype(kind)
    want = answered(module, fresh).ravel()
    np.testing.assert_allclose(found.predict(columns(fresh)), want, rtol=1e-4, atol=1e-6)


class Pictured(nn.Module):
    """Eight by eight columns as a picture."""

    def __init__(self):
        super().__init__()
        self.see = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding="same"),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1, groups=2),
            nn.AvgPool2d(2, padding=1),
            nn.Flatten(),
            nn.Linear(16 * 9, 10),
        )

    def forward(self, x):
        return self.see(x.view(-1, 1, 8, 8) / 16)


@pytest.mark.slow
def test_a_network_for_handwritten_digits_sees_pictures_in_columns():
    from sklearn.datasets import load_digits

    digits = load_digits(as_frame=True)
    x, y = np.array(digits.data, np.float32), np.array(digits.target)
    torch.manual_seed(0)
    module = Pictured()
    optimiser = torch.optim.Adam(module.parameters(), 1e-2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(6):
            for at in torch.randperm(1200).split(100):
                optimiser.zero_grad()
                loss = nn.functional.cross_entropy(module(torch.from_numpy(x[at])), torch.from_numpy(y[at]))
                loss.backward()
                optimiser.step()
    held = digits.data.iloc[1200:].assign(digit=y[1200:])
    found = mw.convert(
        module, example=digits.data.iloc[:200], target="digit", classes=list(range(10)), data=held
    )
    want = answered(module, x[1200:])
    assert (found.predict(digits.data.iloc[1200:]) == want.argmax(axis=1)).all()
    assert found.evaluation.score.metric == "log_loss" and found.evaluation.score.value < 0.6


class Gated(nn.Module):
    """Activations by name, a shortcut, arithmetic written out."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(6, 6), nn.Linear(6, 1)

    def forward(self, x):
        h = nn.functional.glu(torch.cat([self.a(x), x], dim=1), dim=1)
        h = h + nn.functional.softplus(x) * torch.tanh(x).clamp(-0.5, 0.5)
        h = nn.functional.layer_norm(h, (6,)) + nn.functional.mish(h) - torch.logsumexp(h, 1, keepdim=True)
        return self.b(nn.functional.elu(h) / (1 + h.abs().mean(1, keepdim=True))).flatten()


@pytest.mark.slow
@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize(
    "make", [lambda: dense(1, nn.Flatten(0)), Convolved, Gated], ids=["dense", "conv", "gated"]
)
def test_modules_in_both_kinds_of_number(make, double):
    torch.manual_seed(0)
    module = make().double() if double else make()
    kind = np.float64 if double else np.float32
    found = mw.convert(module, example=rows().astype(kind), target="y", answers="numbers")
    fresh = rows(200, seed=1).astype(kind)
    near = 1e-9 if double else 1e-4
    np.testing.assert_allclose(
        found.predict(columns(fresh)), answered(module, fresh), rtol=near, atol=near / 10
    )
    assert found.evaluation.parity.tolerance == (1e-9 if double else 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("last", "outputs", "classes"),
    [
        (nn.Sigmoid(), 1, ["no", "yes"]),
        (nn.Identity(), 1, ["no", "yes"]),
        (nn.LogSoftmax(dim=1), 3, None),
        (nn.Softmax(dim=1), 2, [False, True]),
        (nn.Identity(), 3, [10, 20, 30]),
    ],
    ids=["share", "log-odds", "log-shares", "shares", "scores"],
)
def test_what_a_module_answers_becomes_probabilities(last, outputs, classes):
    module = dense(outputs, last)
    found = mw.convert(module, example=rows(), target="y", classes=classes)
    fresh = rows(200, seed=1)
    out = torch.from_numpy(answered(module, fresh)).double()
    if outputs == 1:
        p = out if isinstance(last, nn.Sigmoid) else torch.sigmoid(out)
        p = torch.cat([1 - p, p], dim=1)
    else:
        p = out if isinstance(last, nn.Softmax) else torch.softmax(out, 1)
    np.testing.assert_allclose(found.predict_proba(columns(fresh)), p.numpy(), atol=1e-5)
    assert found.target.classes == tuple(
        str(c).lower() if isinstance(c, bool) else str(c) for c in classes or range(3)
    )


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.codes, self.last = nn.Embedding(7, 3), nn.Linear(9, 1)

    def forward(self, numbers, code):
        return self.last(torch.cat([numbers, self.codes(code)], dim=1))


@pytest.mark.slow
def test_a_module_of_several_tensors_takes_an_example_by_name():
    torch.manual_seed(0)
    module, code = Two(), np.arange(60) % 7
    found = mw.convert(module, example={"numbers": rows(), "code": code}, target="y", answers="numbers")
    assert found.schema.names[:2] == ("numbers_0", "numbers_1") and found.schema.column("code").most == 6
    given = {f"numbers_{i}": rows()[:, i].tolist() for i in range(6)} | {"code": code.tolist()}
    with torch.no_grad():
        want = module(torch.from_numpy(rows()), torch.from_numpy(code)).numpy().ravel()
    np.testing.assert_allclose(found.predict(given), want, rtol=1e-4, atol=1e-6)
    with pytest.raises(Misuse, match=r"takes 2 tensors \(numbers, code\)"):
        mw.convert(module, example=rows(), target="y", answers="numbers")


@pytest.mark.slow
def test_a_compiled_module_and_a_file_that_pytorch_exported_are_the_module_itself(tmp_path):
    module = dense(3, nn.Softmax(dim=1)).eval()
    want, place = answered(module, rows()), tmp_path / "net.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shapes = ({0: torch.export.Dim("rows")},)
        given = (torch.from_numpy(rows()),)
        torch.onnx.export(module, given, place, dynamo=True, verbose=False, dynamic_shapes=shapes)
        compiled = torch.compile(module)
    for given in (compiled, place):
        found = mw.convert(given, example=rows(), target="y")
        np.testing.assert_allclose(found.predict_proba(columns(rows())), want, atol=1e-5)


class Branching(nn.Module):
    def forward(self, x):
        return x.sum(1) if x.mean() > 0 else x.sum(1) * 2


class Mixed(nn.Module):
    def forward(self, x):
        return (x - x.mean(0)).sum(1)


class Pair(nn.Module):
    def forward(self, x):
        return x.sum(1), x.mean(1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "said"),
    [
        (Branching(), "PyTorch cannot export it"),
        (Mixed(), "hangs on the other rows"),
        (Recurrent().double(), "LSTM is not computed in doubles"),
        (Recurrent(proj_size=4, hidden=8), r"smaller \(proj_size\)"),
        (Pictured().double(), "doubles along one axis"),
        (Pair(), "answers tuple, not one tensor"),
        (dense(1).half(), "works in float16"),
        (dense(2), "2 numbers at once"),
    ],
    ids=lambda v: type(v).__name__ if isinstance(v, nn.Module) else "",
)
def test_what_cannot_be_laid_is_refused_with_a_reason(module, said):
    with pytest.raises(ConversionRefused, match=said):
        example = rows() if not isinstance(module, Pictured) else np.zeros((20, 64))
        mw.convert(module, example=example, target="y", answers="numbers")


def trained(x, y, outputs, loss, epochs=15):
    torch.manual_seed(0)
    shape = (nn.BatchNorm1d(x.shape[1]), nn.Linear(x.shape[1], 64), nn.ReLU(), nn.Linear(64, outputs))
    module = nn.Sequential(*shape)
    optimiser = torch.optim.Adam(module.parameters(), 5e-3)
    inputs, wanted = torch.from_numpy(x), torch.from_numpy(y)
    for _ in range(epochs):
        for at in torch.randperm(len(x)).split(256):
            optimiser.zero_grad()
            loss(module(inputs[at]), wanted[at]).backward()
            optimiser.step()
    return module


@pytest.mark.slow
@pytest.mark.skipif(not (DATA / "dry_bean.csv.gz").exists(), reason="no dry_bean.csv.gz in MLWRIGHT_DATA")
def test_a_network_for_beans_is_evaluated_and_made_small():
    table = pd.read_csv(DATA / "dry_bean.csv.gz", sep=";").sample(frac=1, random_state=0)
    names = [c for c in table if c != "Class"]
    classes = sorted(set(table["Class"]))
    x, y = table[names].to_numpy(np.float32), table["Class"].map(classes.index).to_numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = trained(x[:9000], y[:9000], 7, nn.CrossEntropyLoss())
    found = mw.convert(
        module,
        example=table[names].iloc[:500],
        target="Class",
        classes=classes,
        data=table.iloc[9000:],
        int8=True,
    )
    wanted = [classes[i] for i in answered(module, x[9000:]).argmax(axis=1)]
    assert (found.predict(table[names].iloc[9000:]) == np.array(wanted)).mean() > 0.99
    assert found.evaluation.score.metric == "log_loss" and found.evaluation.score.value < 0.4
    assert "weights of 8 bits" in found.card and found.explain(table[names].iloc[:1]) is not None


@pytest.mark.slow
@pytest.mark.skipif(not (DATA / "california_housing.csv").exists(), reason="no housing in MLWRIGHT_DATA")
def test_a_network_for_houses_is_evaluated():
    table = pd.read_csv(DATA / "california_housing.csv").dropna().sample(frac=1, random_state=0)
    names = [c for c in table if c not in ("median_house_value", "ocean_proximity")]
    x = table[names].to_numpy(np.float32)
    y = table[["median_house_value"]].to_numpy(np.float32) / 1e5
    table["value"] = y
    module = trained(x[:12000], y[:12000], 1, nn.MSELoss())
    held = table[[*names, "value"]].iloc[12000:]
    found = mw.convert(module, example=held[names].iloc[:300], target="value", answers="numbers", data=held)
    np.testing.assert_allclose(
        found.predict(held[names]), answered(module, x[12000:]).ravel(), rtol=1e-3, atol=1e-4
    )
    assert found.evaluation.score.value < 0.8


@pytest.mark.slow
def test_the_page_on_networks_does_what_it_says(tmp_path, monkeypatch, capsys):
    from mlwright.cli import main

    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--data-only"]) == 0
    page = (Path(__file__).parents[2] / "docs" / "networks.md").read_text(encoding="utf-8")
    [block] = re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S)
    torch.manual_seed(0)
    names: dict[str, object] = {}
    exec(compile(block, "networks.md", "exec"), names)  # noqa: S102  # the page is ours
    score = names["model"].evaluation.score
    assert score.metric == "roc_auc" and score.value > 0.65


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_torchscript_is_refused_with_what_to_give():
    module = torch.jit.script(torch.nn.Sequential(torch.nn.Linear(3, 1)))
    with pytest.raises(ConversionRefused, match="TorchScript"):
        mw.convert(module, example=np.zeros((4, 3), np.float32), target="y", answers="numbers")
