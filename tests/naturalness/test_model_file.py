import jax
import numpy as np
import pytest

from perface_jax import naturalness
from perface_jax.naturalness import HeldOut
from perface_jax.naturalness.network import Network
from perface_jax.statistics.estimates import Estimate


@pytest.fixture
def model():
    shapes = jax.eval_shape(Network().init, jax.random.key(0), np.zeros((1, 64, 64, 3), np.uint8))
    weights = jax.tree.map(lambda one: np.full(one.shape, 0.5, one.dtype), shapes)
    held_out = {"ghost": HeldOut(Estimate(0.9, 0.8, 1.0), 0.5), "seam": HeldOut(Estimate(0.5, np.nan, np.nan), 0.0)}
    return naturalness.NaturalnessModel(weights, np.array([-1.5, 2.25], np.float32), held_out)


def test_what_was_written_is_read(model, tmp_path):
    naturalness.save(tmp_path / "model.npz", model)
    again = naturalness.load(tmp_path / "model.npz")
    jax.tree.map(np.testing.assert_array_equal, again, model)
    assert isinstance(again.held_out["ghost"], HeldOut)


def test_other_files_are_refused(model, tmp_path):
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    (tmp_path / "text.npz").write_text("hello")
    for name in ("other", "text"):
        with pytest.raises(ValueError, match="is no file of `perface naturalness`"):
            naturalness.load(tmp_path / f"{name}.npz")
    with pytest.raises(FileNotFoundError):
        naturalness.load(tmp_path / "none.npz")
    wrong = jax.tree.map(lambda leaf: np.zeros((2, *leaf.shape)), model.variables)
    naturalness.save(tmp_path / "wide.npz", model._replace(variables=wrong))
    with pytest.raises(ValueError, match=r"wide.npz: params/.* is \(2, .*; wanted \("):
        naturalness.load(tmp_path / "wide.npz")
