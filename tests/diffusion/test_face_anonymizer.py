"""The anonymizer on batches of faces, with small untrained networks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax import parallel
from perface_jax.diffusion import FaceAnonymizer
from perface_jax.diffusion.networks import ENCODER, PICTURES
from tests.diffusion import tiny


@pytest.mark.slow
def test_results_depend_on_seed_and_degree_and_not_on_the_batch():
    faces, anonymizer = tiny.faces(3), tiny.anonymizer()
    found = anonymizer(faces, seeds=2)
    assert found.shape == (3, 2, tiny.SIZE, tiny.SIZE, 3)
    assert found.dtype == np.uint8
    alone = tiny.anonymizer(batch=1)(faces[2:], seeds=[1])
    assert np.abs(alone[0, 0].astype(int) - found[2, 1]).max() <= 1
    assert np.any(found[:, 0] != found[:, 1])
    assert np.any(anonymizer(faces[:1], seeds=1, degree=0.5) != found[:1, :1])


@pytest.mark.slow
def test_devices_share_a_batch():
    faces, mesh = tiny.faces(3), parallel.make_mesh()
    alone = tiny.anonymizer(batch=4)(faces, seeds=2).astype(int)
    shared = tiny.anonymizer(batch=1, mesh=mesh, params=parallel.place_global(tiny.params(), mesh))
    assert np.abs(shared(faces, seeds=2) - alone).max() <= 1


@pytest.mark.slow
def test_half_precision_is_close():
    faces = tiny.faces(2)
    full = tiny.anonymizer()(faces).astype(int)
    half = {
        name: jax.tree.map(lambda x: x.astype(jnp.bfloat16), one) if name not in (PICTURES, ENCODER) else one
        for name, one in tiny.params().items()
    }
    with jax.numpy_dtype_promotion("standard"):  # Flax's norms promote
        made = FaceAnonymizer(tiny.made("bfloat16"), half, size=tiny.SIZE, steps=2, batch=2)(faces)
    assert np.abs(made - full).mean() < 3


@pytest.mark.slow
def test_a_swap_takes_the_identity_of_its_source():
    faces = tiny.faces(4)
    anonymizer = tiny.anonymizer(scale=1.0)
    first, other = (anonymizer.swap(faces[:1], faces[i : i + 1]) for i in (1, 2))
    assert np.any(first != other)
    with pytest.raises(ValueError, match="wanted one for each"):
        anonymizer.swap(faces[:1], faces[:2])


@pytest.mark.parametrize(
    ("options", "said"), [({"size": 33}, "multiple of 8"), ({"steps": 0}, "steps"), ({"batch": 0}, "batch 0")]
)
def test_wrong_options_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        FaceAnonymizer(tiny.made(), {}, **options)


def test_wrong_calls_are_refused():
    for options, said in (({"degree": -1.0}, "degree"), ({"degree": np.inf}, "finite"), ({"seeds": 0}, "seed")):
        with pytest.raises(ValueError, match=said):
            FaceAnonymizer(tiny.made(), {}, size=tiny.SIZE)(tiny.faces(1), **options)
