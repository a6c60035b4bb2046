"""The three networks against the same layers in PyTorch, with drawn weights."""

import sys

import jax
import numpy as np
import pytest
import torch
from torch.nn import functional

from perface_jax import extras
from perface_jax.detection import networks
from tests.detection.scenes import need_weights

PNET = [(3, 3, 3, 10), (10,), (1, 1, 10), (3, 3, 10, 16), (16,), (1, 1, 16), (3, 3, 16, 32), (32,), (1, 1, 32),
        (1, 1, 32, 4), (4,), (1, 1, 32, 2), (2,)]  # fmt: skip
RNET = [(3, 3, 3, 28), (28,), (1, 1, 28), (3, 3, 28, 48), (48,), (1, 1, 48), (2, 2, 48, 64), (64,), (1, 1, 64),
        (576, 128), (128,), (128,), (128, 4), (4,), (128, 2), (2,)]  # fmt: skip
ONET = [(3, 3, 3, 32), (32,), (1, 1, 32), (3, 3, 32, 64), (64,), (1, 1, 64), (3, 3, 64, 64), (64,), (1, 1, 64),
        (2, 2, 64, 128), (128,), (1, 1, 128), (1152, 256), (256,), (256,), (256, 4), (4,), (256, 10), (10,), (256, 2),
        (2,)]  # fmt: skip


def drawn(shapes):
    random = np.random.default_rng(0)
    return [(random.normal(size=shape) / np.sqrt(np.prod(shape[:-1]) or 1)).astype(np.float32) for shape in shapes]


def pixels(*shape):
    return np.random.default_rng(1).uniform(0, 255, shape).astype(np.float32)


class Twin:
    """Layers of PyTorch that take the arrays in turn."""

    def __init__(self, arrays):
        self.rest = iter([torch.tensor(array) for array in arrays])

    def convolve(self, x, slope=True):
        kernel, bias = next(self.rest).permute(3, 2, 0, 1), next(self.rest)
        x = functional.conv2d(x, kernel, bias)
        return functional.prelu(x, next(self.rest).ravel()) if slope else x

    def dense(self, x, slope=False):
        weights, bias = next(self.rest), next(self.rest)
        x = x @ weights + bias
        return functional.prelu(x, next(self.rest)) if slope else x


def pool(x, side):
    return functional.max_pool2d(x, side, 2, ceil_mode=True)


def scaled(x):
    return torch.tensor((x - 127.5) / 128).permute(0, 3, 1, 2)


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs.numpy(), atol=2e-5)


def test_p_net_sees_only_what_counts():
    weights, picture = drawn(PNET), pixels(1, 40, 40, 3)
    where = np.zeros((1, 40, 40), bool)
    where[0, :33, :28] = True  # a picture 35 high and 30 wide: both kinds of an end, odd and even
    scores, shifts = jax.jit(networks.propose)(weights, picture, where)
    twin, x = Twin(weights), scaled(picture[:, :35, :30])
    x = twin.convolve(twin.convolve(pool(twin.convolve(x), 2)))
    wanted, logits = twin.convolve(x, slope=False), twin.convolve(x, slope=False)
    close(scores[:, :13, :10], logits.softmax(1)[:, 1])
    close(shifts[:, :13, :10], wanted.permute(0, 2, 3, 1))
    assert wanted.shape[2:] == (13, 10)


def test_r_net():
    weights, picture = drawn(RNET), pixels(2, 24, 24, 3)
    scores, shifts = jax.jit(networks.refine)(weights, picture)
    twin = Twin(weights)
    x = twin.convolve(pool(twin.convolve(pool(twin.convolve(scaled(picture)), 3)), 3))
    x = twin.dense(x.permute(0, 3, 2, 1).flatten(1), slope=True)
    close(shifts, twin.dense(x))
    close(scores, twin.dense(x).softmax(1)[:, 1])


def test_o_net():
    weights, picture = drawn(ONET), pixels(2, 48, 48, 3)
    scores, shifts, points = jax.jit(networks.describe)(weights, picture)
    twin = Twin(weights)
    x = twin.convolve(pool(twin.convolve(pool(twin.convolve(scaled(picture)), 3)), 3))
    x = twin.convolve(pool(x, 2))
    x = twin.dense(x.permute(0, 3, 2, 1).flatten(1), slope=True)
    close(shifts, twin.dense(x))
    close(points, twin.dense(x).reshape(2, 2, 5).swapaxes(1, 2))  # x of five points, then y
    close(scores, twin.dense(x).softmax(1)[:, 1])


def test_the_weights_of_the_package_have_these_shapes():
    need_weights()
    for arrays, shapes in zip(networks.read_weights(), (PNET, RNET, ONET), strict=True):
        assert [array.shape for array in arrays] == shapes
        assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


@pytest.mark.parametrize("package", ["joblib", "lz4"])
def test_what_is_missing_is_named_with_its_extra(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(extras.MissingExtra, match=r"is not installed; run: .* \"perface_jax\[detect\]\""):
        networks.read_weights()


def test_weights_that_are_not_there_are_named(monkeypatch):
    pytest.importorskip("joblib")
    pytest.importorskip("lz4")
    monkeypatch.setattr(networks.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(extras.MissingExtra, match="mtcnn is not installed"):
        networks.read_weights()


def test_other_files_are_refused(monkeypatch, tmp_path):
    pytest.importorskip("joblib")
    pytest.importorskip("lz4")
    spec = type("Spec", (), {"submodule_search_locations": [str(tmp_path)]})
    monkeypatch.setattr(networks.importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(ValueError, match=r"pnet.lz4: saw 0 arrays, wanted 13: pip install 'mtcnn==1.0.0'"):
        networks.read_weights()
