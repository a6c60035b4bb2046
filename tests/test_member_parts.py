import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax import member_parts

RANDOM = np.random.default_rng(0)
QUERIES, MEMBERS = (RANDOM.normal(size=(n, 4)).astype(np.float32) for n in (3, 45))
VALUES, WHERE = RANDOM.random((3, 45)).astype(np.float32), RANDOM.random((2, 45)) < 0.5


@pytest.fixture(params=[2048, 10])
def part(request, monkeypatch):
    """All members at once; in parts, the last of which overlaps the one before."""
    monkeypatch.setattr(member_parts, "PART", request.param)


def product(queries, members):
    return jnp.matmul(queries, jnp.swapaxes(members, -1, -2))


@pytest.mark.usefixtures("part")
def test_every_member_has_its_column():
    found = jax.jit(functools.partial(member_parts.side_by_side, product))(QUERIES, MEMBERS)
    np.testing.assert_allclose(found, QUERIES @ MEMBERS.T, rtol=1e-5, atol=1e-6)


@pytest.mark.usefixtures("part")
def test_every_member_has_its_gradient_once():
    gradient = jax.grad(lambda m: jnp.sum(member_parts.side_by_side(product, QUERIES, m)))(MEMBERS)
    np.testing.assert_allclose(gradient, np.tile(QUERIES.sum(0), (45, 1)), rtol=1e-5)


@pytest.mark.usefixtures("part")
def test_sums_and_squares_are_those_of_the_members():
    masked = np.float64(VALUES)[:, None] * WHERE
    found = jax.jit(member_parts.masked_sums)(VALUES, WHERE[None])
    np.testing.assert_allclose(found, masked.sum(-1), rtol=1e-6)
    mean = masked.sum(-1) / WHERE.sum(-1)
    squares = np.sum(np.square(VALUES[:, None] - mean[..., None]) * WHERE, axis=-1)
    found = jax.jit(member_parts.masked_sums)(VALUES, WHERE[None], mean=np.float32(mean))
    np.testing.assert_allclose(found, squares, rtol=1e-5)


@pytest.mark.usefixtures("part")
def test_what_is_no_member_has_no_gradient_even_if_it_is_no_number():
    values = np.where(np.arange(45) == 44, np.nan, VALUES)
    where, mean = WHERE & (np.arange(45) < 44), np.full((3, 2), 0.5, np.float32)
    gradient = jax.grad(lambda v: jnp.sum(member_parts.masked_sums(v, where[None], mean=mean)))(values)
    np.testing.assert_allclose(
        gradient, np.where(where.any(0), 2 * (np.nan_to_num(values) - 0.5) * where.sum(0), 0), rtol=1e-5
    )
