"""What a network expects of its pixels: by hand, in the module and in model.json; old folders are read as before."""

import json

import jax
import numpy as np
import pytest

from perface_jax.images import normalize
from perface_jax.network import batch_norm, folding, input_contract
from perface_jax.network.kernels import Kernels
from perface_jax.network.model import IResNet, iresnet
from perface_jax.network.model_folder import load_model, save_model
from tests.golden import formula

TINY = {"layers": (1, 1, 1, 1), "width": 4, "image_size": 16, "embedding_size": 8}
PICTURE = np.array([0, 51, 255], np.uint8).reshape(1, 1, 1, 3)  # R, G, B
MAGFACE = {"color_order": "bgr", "input_range": (0.0, 1.0), "epsilon": 2e-5}


@pytest.mark.parametrize(
    ("contract", "wanted"),
    [
        ({}, [-1, -0.6, 1]),
        ({"color_order": "bgr"}, [1, -0.6, -1]),
        ({"input_range": (0, 1)}, [0, 0.2, 1]),
        ({"input_range": (0, 255)}, [0, 51, 255]),
        ({"input_range": (-127.5 / 128, 127.5 / 128)}, [-127.5 / 128, -76.5 / 128, 127.5 / 128]),
        ({"color_order": "bgr", "input_range": (0, 1)}, [1, 0.2, 0]),
    ],
)
def test_pixels_become_what_the_weights_expect(contract, wanted):
    seen = input_contract.prepare(normalize(PICTURE), **contract)
    np.testing.assert_allclose(np.ravel(seen), wanted, rtol=1e-6, atol=1e-6)


def test_images_of_the_usual_contract_are_not_touched():
    images = np.zeros((1, 2, 2, 3), np.float32)
    assert input_contract.prepare(images) is images


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"color_order": "gray"}, "color_order 'gray', wanted one of rgb, bgr"),
        ({"input_range": (1.0, 0.0)}, "wanted .black, white., the lower first"),
        ({"input_range": (0.0, float("inf"))}, "input_range"),
        ({"input_range": "0,1"}, "input_range '0,1'"),
        ({"epsilon": 0.0}, "epsilon 0.0, wanted a positive number"),
    ],
)
def test_a_contract_that_no_network_can_have_is_refused_by_the_module(wrong, said):
    model = IResNet(**TINY).clone(**wrong)
    with pytest.raises(ValueError, match=said):
        model.check(np.zeros((1, 16, 16, 3), np.float32))


def test_the_zeros_around_the_image_are_black_where_the_range_begins_at_black():
    model = iresnet("r18", **TINY, **MAGFACE)
    variables = formula.variables(model)
    gray = np.full((1, 16, 16, 3), 127.5, np.float32)
    shifted = model.clone(input_range=(-0.5, 0.5))  # the same picture but for a shift, which is gray around it
    one, other = (m.apply(variables, gray / 127.5 - 1) for m in (model, shifted))
    assert np.abs(one - other).max() > 1e-3 * np.abs(one).max()


def test_the_folded_network_has_the_same_contract():
    model = iresnet("r18", **TINY, **MAGFACE)
    variables = formula.variables(model)
    images = normalize(formula.pictures(2)[:, :16, :16])
    wanted = model.apply(variables, images)
    seen = folding.embed(folding.fold_norms(model, variables), images, model=model)
    np.testing.assert_allclose(seen, wanted, atol=5e-6 * np.abs(wanted).max())


def test_the_epsilon_has_its_place_in_the_derivative():
    x, mean, var = np.float32([[1.0], [3.0]]), np.float32([0.5]), np.float32([0.5])
    scale, bias, slope = np.float32([2.0]), np.float32([-1.5]), np.float32([0.1])

    def total(x, var, kernels):
        return batch_norm.normalize(x, mean, var, scale, bias, slope, kernels=kernels, epsilon=0.5).sum()

    # By hand: the deviation is 1, so z = 2 (x - 0.5) - 1.5 = (-0.5, 3.5), and dy/dx = (0.1, 1) * 2.
    np.testing.assert_allclose(total(x, var, Kernels.AUTO), -0.05 + 3.5, rtol=1e-6)
    dx, dvar = jax.grad(total, argnums=(0, 1))(x, var, Kernels.AUTO)
    np.testing.assert_allclose(dx, [[0.2], [2.0]], rtol=1e-6)
    np.testing.assert_allclose(dvar, jax.grad(total, argnums=1)(x, var, Kernels.XLA), rtol=1e-6)


def test_a_folder_has_the_contract_and_an_older_program_refuses_it(tmp_path):
    model = iresnet("r18", **TINY, **MAGFACE)
    save_model(tmp_path / "m", model, formula.variables(model))
    assert json.loads((tmp_path / "m" / "model.json").read_text())["format"] == 2
    assert load_model(tmp_path / "m")[0] == model


def test_a_folder_of_the_first_format_has_the_usual_contract(tmp_path):
    model = iresnet("r18", **TINY)
    save_model(tmp_path / "m", model, formula.variables(model))
    record = json.loads((tmp_path / "m" / "model.json").read_text())
    assert record["format"] == 1
    old = {name: value for name, value in record.items() if name not in MAGFACE}
    (tmp_path / "m" / "model.json").write_text(json.dumps(old))
    assert load_model(tmp_path / "m")[0] == model


@pytest.mark.parametrize(("field", "value"), [("input_range", [1, 0]), ("input_range", 3), ("color_order", "xyz")])
def test_a_folder_with_an_impossible_contract_is_refused(tmp_path, field, value):
    (tmp_path / "m").mkdir()
    record = {"format": 2, "layers": [1, 1, 1, 1], "norms": "running", field: value}
    (tmp_path / "m" / "model.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match=r"model\.json lacks a field, or a field has a value that is not allowed"):
        load_model(tmp_path / "m")
