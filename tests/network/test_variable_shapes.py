import jax
import jax.numpy as jnp
import pytest

from perface_jax.network.model import iresnet
from perface_jax.network.variable_shapes import abstract_variables

MODELS = {
    "r50": iresnet("r50"),
    "thin, half precision": iresnet("r18", width=4, image_size=32, embedding_size=8, dtype=jnp.bfloat16),
    "half precision parameters": iresnet("r18", width=4, image_size=16, param_dtype=jnp.bfloat16),
    "without two stages": iresnet("r18", layers=(2, 0, 1, 0), width=4, image_size=48),
    "without blocks": iresnet("r18", layers=(0, 0, 0, 0), width=4, image_size=16),
}


@pytest.mark.parametrize("name", MODELS)
def test_shapes_and_dtypes_are_those_of_an_initialized_network(name):
    model = MODELS[name]
    images = jax.ShapeDtypeStruct((1, model.image_size, model.image_size, 3), model.dtype)
    wanted = jax.eval_shape(model.init, jax.random.key(0), images)
    assert abstract_variables(model) == wanted


def test_a_side_that_cannot_be_halved_four_times_is_refused():
    with pytest.raises(ValueError, match="multiple of 16"):
        abstract_variables(iresnet("r18", image_size=100))
