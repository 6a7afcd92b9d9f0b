"""Weights from a safetensors file go into a copy of the module that they are of, or are refused by name."""

from __future__ import annotations

import json

import numpy as np
import pytest

import mlwright as mw
from mlwright.base.errors import Misuse, NotAModel, SourceUnreadable
from mlwright.conversion import with_weights
from mlwright.conversion.files import kind_of_file

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("safetensors", reason="safetensors is not installed")
from safetensors.torch import save_file, save_model  # noqa: E402
from torch import nn  # noqa: E402

ROWS = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)


def module(seed=0, width=4):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, width), nn.Tanh(), nn.BatchNorm1d(width), nn.Linear(width, 1))


class Tied(nn.Module):
    """Two names of one tensor, of which a file holds one."""

    def __init__(self):
        super().__init__()
        self.there, self.back = nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)
        self.back.weight = self.there.weight

    def forward(self, x):
        return self.back(torch.tanh(self.there(x)))


@pytest.fixture
def path(tmp_path):
    place = tmp_path / "net.safetensors"
    save_model(module(), str(place))
    return place


def test_a_copy_holds_the_weights_and_the_module_stays_as_it_was(path):
    theirs = module(seed=1)
    before = {name: t.clone() for name, t in theirs.state_dict().items()}
    found = with_weights(theirs, path)
    for name, tensor in module().state_dict().items():
        assert torch.equal(found.state_dict()[name], tensor)
        assert torch.equal(theirs.state_dict()[name], before[name])


@pytest.mark.slow
def test_convert_takes_weights_beside_a_module(path):
    pytest.importorskip("onnxscript", reason="PyTorch's exporter needs onnxscript")
    found = mw.convert(module(seed=1), weights=path, example=ROWS, target="y", answers="numbers")
    with torch.no_grad():
        want = module().eval()(torch.from_numpy(ROWS)).numpy().ravel()
    given = {f"x{i}": ROWS[:, i].tolist() for i in range(3)}
    np.testing.assert_allclose(found.predict(given), want, rtol=1e-4, atol=1e-6)


def test_tied_weights_are_written_once_and_read_twice(tmp_path):
    place, theirs = tmp_path / "tied.safetensors", Tied()
    save_model(theirs, str(place))
    found = with_weights(Tied(), place)
    assert torch.equal(found.back.weight, theirs.there.weight) and found.back.weight is found.there.weight


def changed(path, **changes):
    """A file with some tensors replaced, added or, with None, left out."""
    held = dict(module().state_dict())
    for name, tensor in changes.items():
        name = name.replace("_", ".", 1)
        held.pop(name, None)
        if tensor is not None:
            held[name] = tensor
    save_file({k: v.contiguous() for k, v in held.items()}, str(path))
    return path


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"0_weight": None}, r"'0\.weight' of the module is not in the file"),
        (
            {"0_weight": None, "0_wieght": torch.zeros(4, 3)},
            r"'0\.weight' of the module.*'0\.wieght' of the file is not.*may be '0\.wieght' there",
        ),
        ({"9_bias": torch.zeros(1)}, r"'9\.bias' of the file is not in the module"),
        ({"0_weight": torch.zeros(5, 3)}, r"'0\.weight' has the shape \[5, 3\] in the file, \[4, 3\]"),
        ({"0_weight": torch.zeros(4, 3).double()}, r"float64 in the file, float32.*lose digits"),
    ],
    ids=["missing", "misspelt", "surplus", "shape", "digits"],
)
def test_tensors_that_do_not_fit_are_named(changes, said, path):
    with pytest.raises(Misuse, match=said):
        with_weights(module(), changed(path, **changes))


def test_a_narrower_type_is_widened(path):
    half = torch.arange(12).reshape(4, 3).half() / 8
    found = with_weights(module(), changed(path, **{"0_weight": half}))
    assert found[0].weight.dtype == torch.float32 and torch.equal(found[0].weight, half.float())


def test_weights_are_for_modules_that_have_sizes(path):
    with pytest.raises(Misuse, match="weights= is for modules of PyTorch, and list is none"):
        with_weights([], path)
    with pytest.raises(Misuse, match="has no size yet"):
        with_weights(nn.LazyLinear(4), path)
    with pytest.raises(SourceUnreadable, match=r"did you mean.*net\.safetensors"):
        with_weights(module(), path.with_name("nett.safetensors"))


def test_other_and_damaged_files_are_refused(path, tmp_path):
    other = tmp_path / "weights.pt"
    torch.save(module().state_dict(), other)
    with pytest.raises(NotAModel, match=r"no file of safetensors.*save_model"):
        with_weights(module(), other)
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    with pytest.raises(NotAModel, match="safetensors cannot read it"):
        with_weights(module(), path)
    size = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + size])
    header["0.weight"]["shape"] = [4, 1 << 40]
    told = json.dumps(header).encode()
    path.write_bytes(len(told).to_bytes(8, "little") + told + whole[8 + size :])
    with pytest.raises(NotAModel, match="safetensors cannot read it"):
        with_weights(module(), path)


def test_weights_in_place_of_a_model_are_told_from_models(path, capsys):
    assert kind_of_file(path.read_bytes()) == "safetensors"
    with pytest.raises(NotAModel, match=r"weights alone.*mw\.convert\(module, weights=path"):
        mw.convert(path, example=ROWS, target="y")
